import type { PoolServer } from '../options.ts';
import type { Ask } from '../server.ts';
import { type Algorithm, type AlgorithmDeps, firstAccepted, MAX_MISSES } from './algorithm.ts';
import { SmoothSequence } from './smooth-sequence.ts';

/**
 * `round_robin` and `weighted`: everyone in turn, smoothly by weight, in one order for all threads (one shared counter).
 * A server that cannot take its turn loses it, and the request takes the next turn: so its share goes to all
 * others by weight, not to its neighbour.
 */
export class RoundRobin implements Algorithm {
  readonly #nextTurn: () => number;
  readonly #sequence = new SmoothSequence();
  #members: readonly PoolServer[] = [];

  constructor(deps: AlgorithmDeps) {
    this.#nextTurn = deps.nextTurn;
  }

  rebuild(members: readonly PoolServer[], weights: readonly number[]): void {
    this.#members = members;
    this.#sequence.rebuild(weights);
  }

  // hot path: bench/micro/pick.ts
  choose(ask: Ask): PoolServer | undefined {
    const members = this.#members;
    if (members.length === 0) return undefined;
    for (let miss = 0; miss < MAX_MISSES; miss++) {
      const server = members[this.#sequence.indexAt(this.#nextTurn())];
      if (server && ask.accepts(server)) return server;
    }
    return firstAccepted(members, this.#nextTurn(), ask);
  }
}
