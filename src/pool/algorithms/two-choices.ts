import type { Random } from '../../kernel/random.ts';
import type { SlotTable } from '../../kernel/slots.ts';
import type { PoolServer } from '../options.ts';
import type { Ask } from '../server.ts';
import { type Algorithm, type AlgorithmDeps, firstAccepted, MAX_MISSES } from './algorithm.ts';
import { AliasTable } from './alias-table.ts';

/** Whether `a` is to be preferred to `b`; of equals the one that was drawn first, which is by weight, takes it. */
export type IsBetter = (slots: SlotTable, a: PoolServer, b: PoolServer, nowMs: number) => boolean;

/**
 * Two different servers drawn by weight, the better one takes it (Mitzenmacher, 2001): nearly as good as looking at all, at a
 * cost that does not grow with the pool, and without the herd that forms when all threads see the same best server.
 */
export class TwoChoices implements Algorithm {
  readonly #slots: SlotTable;
  readonly #random: Random;
  readonly #isBetter: IsBetter;
  readonly #table = new AliasTable();
  #members: readonly PoolServer[] = [];

  constructor(deps: AlgorithmDeps, isBetter: IsBetter) {
    this.#slots = deps.slots;
    this.#random = deps.random;
    this.#isBetter = isBetter;
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
    return two && this.#isBetter(this.#slots, two, one, ask.nowMs) ? two : one;
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
