import type { Random } from '../../kernel/random.ts';
import type { PoolServer } from '../options.ts';
import type { Ask } from '../server.ts';
import { type Algorithm, type AlgorithmDeps, firstAccepted, MAX_MISSES } from './algorithm.ts';
import { AliasTable } from './alias-table.ts';

/** `random`: by weight, without memory. */
export class RandomDraw implements Algorithm {
  readonly #random: Random;
  readonly #table = new AliasTable();
  #members: readonly PoolServer[] = [];

  constructor(deps: AlgorithmDeps) {
    this.#random = deps.random;
  }

  rebuild(members: readonly PoolServer[], weights: readonly number[]): void {
    this.#members = members;
    this.#table.rebuild(weights);
  }

  // hot path: bench/micro/pick.ts
  choose(ask: Ask): PoolServer | undefined {
    const members = this.#members;
    if (members.length === 0) return undefined;
    for (let miss = 0; miss < MAX_MISSES; miss++) {
      const server = members[this.#table.draw(this.#random)];
      if (server && ask.accepts(server)) return server;
    }
    return firstAccepted(members, this.#random.below(members.length), ask);
  }
}
