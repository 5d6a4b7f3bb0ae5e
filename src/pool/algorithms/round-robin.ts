import type { PoolServer } from '../options.ts';
import type { Ask } from '../server.ts';
import { type Algorithm, type AlgorithmDeps, firstAccepted, MAX_MISSES } from './algorithm.ts';
import { MembersInTurn } from './members-in-turn.ts';

/**
 * `round_robin` and `weighted`: everyone in turn, smoothly by weight, in one order for all threads (one shared counter).
 * A server that cannot take its turn loses it, and the request takes the next turn: so its share goes to all
 * others by weight, not to its neighbour.
 */
export class RoundRobin implements Algorithm {
  readonly #nextTurn: () => number;
  readonly #members: MembersInTurn;

  constructor({ nextTurn }: AlgorithmDeps) {
    this.#nextTurn = nextTurn;
    this.#members = new MembersInTurn(nextTurn);
  }

  rebuild(members: readonly PoolServer[], weights: readonly number[]): void {
    this.#members.rebuild(members, weights);
  }

  // hot path: bench/micro/pick.ts
  choose(ask: Ask): PoolServer | undefined {
    const members = this.#members.list;
    if (members.length === 0) return undefined;
    for (let miss = 0; miss < MAX_MISSES; miss++) {
      const server = members[this.#members.nextIndex()];
      if (server && ask.accepts(server)) return server;
    }
    return firstAccepted(members, this.#nextTurn(), ask);
  }
}
