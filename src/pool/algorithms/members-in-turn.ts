import type { PoolServer } from '../options.ts';
import { SmoothSequence } from './smooth-sequence.ts';

/** The members of a pool with their weights, and whose smooth turn it is: one order for all threads (one shared counter). */
export class MembersInTurn {
  list: readonly PoolServer[] = [];
  weights: readonly number[] = [];
  readonly #nextTurn: () => number;
  readonly #sequence = new SmoothSequence();

  /** @param nextTurn counts on for all threads */
  constructor(nextTurn: () => number) {
    this.#nextTurn = nextTurn;
  }

  rebuild(members: readonly PoolServer[], weights: readonly number[]): void {
    this.list = members;
    this.weights = weights;
    this.#sequence.rebuild(weights);
  }

  /** Index of the next one in turn; -1 when there are none. */
  nextIndex(): number {
    return this.#sequence.indexAt(this.#nextTurn());
  }
}
