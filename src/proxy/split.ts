/**
 * Which of several pools a client belongs to: weighted rendezvous hashing, as `ip_hash` among servers. No state, so a client
 * stays on its side over threads, nodes, reloads and restarts. A changed weight moves clients to that pool or away from it,
 * never between others, and no more of them than it must: from 5 to 10 of 100, another 5 % come and nobody leaves.
 */
import { hashText, mix32 } from '../pool/index.ts';

export interface SplitShare {
  readonly pool: string;
  /** 0 = nobody. */
  readonly weight: number;
}

/** Apart from what servers of a pool are chosen by: who is on a side is spread over all servers there. */
const SALT = 0x85ebca77;

export class PoolSplit {
  readonly #shares: readonly SplitShare[];
  readonly #hashes: readonly number[];

  /** @param shares at least one with a weight */
  constructor(shares: readonly SplitShare[]) {
    this.#shares = shares.filter(({ weight }) => weight > 0);
    this.#hashes = this.#shares.map(({ pool }) => hashText(pool));
  }

  /** @param key of the client, 32 bits; see hash-key.ts */
  poolOf(key: number): string {
    const salted = mix32(key ^ SALT);
    let best = '';
    let bestScore = Number.POSITIVE_INFINITY;
    this.#shares.forEach(({ pool, weight }, index) => {
      const unit = (mix32(salted ^ (this.#hashes[index] as number)) + 0.5) / 2 ** 32;
      const score = -Math.log(unit) / weight;
      if (score >= bestScore) return;
      best = pool;
      bestScore = score;
    });
    return best;
  }
}
