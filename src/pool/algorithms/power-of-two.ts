import type { Random } from '../../kernel/random.ts';
import type { SlotTable } from '../../kernel/slots.ts';
import type { PoolServer } from '../options.ts';
import type { Ask } from '../server.ts';
import { type Algorithm, type AlgorithmDeps, firstAccepted, MAX_MISSES } from './algorithm.ts';
import { AliasTable } from './alias-table.ts';
import { isLighter } from './load.ts';

/**
 * `power_of_two`: two different servers drawn by weight, the less loaded one takes it (Mitzenmacher, 2001). Nearly
 * as even as least_connections, at a cost that does not grow with the pool, and without the herd that forms when all
 * threads see the same emptiest server.
 */
export class PowerOfTwo implements Algorithm {
  readonly #slots: SlotTable;
  readonly #random: Random;
  readonly #table = new AliasTable();
  #members: readonly PoolServer[] = [];

  constructor(deps: AlgorithmDeps) {
    this.#slots = deps.slots;
    this.#random = deps.random;
  }

  rebuild(members: readonly PoolServer[], weights: readonly number[]): void {
    this.#members = members;
    this.#table.rebuild(weights);
  }

  // hot path: bench/micro/pick.ts
  choose(ask: Ask): PoolServer | undefined {
    if (this.#members.length === 0) return undefined;
    const one = this.#draw(ask, undefined);
    if (!one || this.#members.length === 1) return one;
    const two = this.#draw(ask, one);
    return two && isLighter(this.#slots, two, one) ? two : one;
  }

  #draw(ask: Ask, except: PoolServer | undefined): PoolServer | undefined {
    const members = this.#members;
    for (let miss = 0; miss < MAX_MISSES; miss++) {
      const server = members[this.#table.draw(this.#random)];
      if (server && server !== except && ask.accepts(server)) return server;
    }
    return firstAccepted(members, this.#random.below(members.length), ask, except);
  }
}
