import type { SlotTable } from '../../kernel/slots.ts';
import type { PoolServer } from '../options.ts';
import type { Ask } from '../server.ts';
import type { Algorithm, AlgorithmDeps } from './algorithm.ts';
import { peakMs, UNKNOWN } from './latency.ts';
import { PairDraw } from './pair-draw.ts';

/**
 * `peak_ewma`: two different servers drawn by weight; the one with the less `response time * (in flight / weight + 1)` takes it.
 * The time is a moving average that jumps up with a slow answer at once and comes down over ten seconds, and a failed
 * request counts as one that took a second longer: so a server that stalls, or that fails fast, loses its
 * traffic within some requests (after Twitter's Finagle, "Peak EWMA"; decay 10 s). One that has not answered yet is
 * compared by its load alone: so it is tried at once, and not by all at once.
 *
 * The weight stands under the requests in flight and not under the time: two idle servers differ by their times alone, and
 * the draw sees to it that they are offered by weight.
 */
export class PeakEwma implements Algorithm {
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
    if (!two) return one;
    const slots = this.#slots;
    let timeOne = peakMs(slots, one.slot, ask.nowMs);
    let timeTwo = peakMs(slots, two.slot, ask.nowMs);
    if (timeOne === UNKNOWN || timeTwo === UNKNOWN) timeOne = timeTwo = 1;
    return timeTwo * this.#load(two) < timeOne * this.#load(one) ? two : one;
  }

  #load({ slot }: PoolServer): number {
    return this.#slots.inFlight(slot) / Math.max(1, this.#slots.weight(slot)) + 1;
  }
}
