import type { Random } from '../../kernel/random.ts';
import type { PoolServer } from '../options.ts';
import type { Ask } from '../server.ts';
import { firstAccepted, MAX_MISSES } from './algorithm.ts';
import { AliasTable } from './alias-table.ts';

/** Two different servers that can take the request, drawn by weight: what `power_of_two` and its like compare. */
export class PairDraw {
  readonly #random: Random;
  readonly #table = new AliasTable();
  #members: readonly PoolServer[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  rebuild(members: readonly PoolServer[], weights: readonly number[]): void {
    this.#members = members;
    this.#table.rebuild(weights);
  }

  /** Undefined only if nobody can take it. */
  first(ask: Ask): PoolServer | undefined {
    return this.#draw(ask, undefined);
  }

  /** Undefined if nobody else can take it. */
  second(ask: Ask, first: PoolServer): PoolServer | undefined {
    return this.#members.length === 1 ? undefined : this.#draw(ask, first);
  }

  #draw(ask: Ask, except: PoolServer | undefined): PoolServer | undefined {
    const members = this.#members;
    if (members.length === 0) return undefined;
    for (let miss = 0; miss < MAX_MISSES; miss++) {
      const server = members[this.#table.draw(this.#random)];
      if (server && server !== except && ask.accepts(server)) return server;
    }
    return firstAccepted(members, this.#random.below(members.length), ask, except);
  }
}
