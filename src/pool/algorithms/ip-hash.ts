import { mix32 } from '../client-key.ts';
import type { PoolServer } from '../options.ts';
import type { Ask } from '../server.ts';
import type { Algorithm } from './algorithm.ts';

/**
 * `ip_hash`: weighted rendezvous hashing (Thaler and Ravishankar 1998; weights after Schindelhauer and Schomaker 2005).
 * Each server scores each client by `-ln(hash) / weight`; the least score wins. A server that leaves moves its own
 * clients only, spread over all others; one that cannot take a request now is passed over for that request alone;
 * a changed weight moves no more clients than it must. Scores depend on id and address, so every thread, restart and
 * node agrees.
 *
 * Rejected: a ring (160 points a server: some 30 ms of sorting for 1 000 servers at each change of a weight, and less even).
 * O(n), a few ns a server: the logarithm is only taken where `1 - x <= -ln x` leaves a chance.
 */
export class IpHash implements Algorithm {
  #members: readonly PoolServer[] = [];
  #weights: readonly number[] = [];
  #hashes = new Int32Array(0);

  rebuild(members: readonly PoolServer[], weights: readonly number[]): void {
    this.#members = members;
    this.#weights = weights;
    this.#hashes = Int32Array.from(members, (server) => server.hash);
  }

  // hot path: bench/micro/pick.ts
  choose(ask: Ask): PoolServer | undefined {
    const hashes = this.#hashes;
    const weights = this.#weights;
    const key = Math.imul(ask.hashKey, 0x9e3779b1);
    let best: PoolServer | undefined;
    let bestScore = Number.POSITIVE_INFINITY;
    for (let i = 0; i < hashes.length; i++) {
      const unit = (mix32(key ^ (hashes[i] ?? 0)) + 0.5) / 2 ** 32;
      const weight = weights[i] ?? 1;
      if (1 - unit >= bestScore * weight) continue;
      const score = -Math.log(unit) / weight;
      const server = this.#members[i];
      if (score >= bestScore || server === undefined || !ask.accepts(server)) continue;
      best = server;
      bestScore = score;
    }
    return best;
  }
}
