import type { SlotTable } from '../../kernel/slots.ts';
import type { PoolServer } from '../options.ts';
import type { Ask } from '../server.ts';
import type { Algorithm, AlgorithmDeps } from './algorithm.ts';
import { isLighter } from './load.ts';
import { PairDraw } from './pair-draw.ts';

/**
 * `power_of_two`: two different servers drawn by weight, the less loaded one takes it (Mitzenmacher, 2001). Nearly
 * as even as least_connections, at a cost that does not grow with the pool, and without the herd that forms when all
 * threads see the same emptiest server.
 */
export class PowerOfTwo implements Algorithm {
  readonly #slots: SlotTable;
  readonly #draw: PairDraw;

  constructor(deps: AlgorithmDeps) {
    this.#slots = deps.slots;
    this.#draw = new PairDraw(deps.random);
  }

  rebuild(members: readonly PoolServer[], weights: readonly number[]): void {
    this.#draw.rebuild(members, weights);
  }

  // hot path: bench/micro/pick.ts
  choose(ask: Ask): PoolServer | undefined {
    const one = this.#draw.first(ask);
    const two = one && this.#draw.second(ask, one);
    return two && isLighter(this.#slots, two, one) ? two : one;
  }
}
