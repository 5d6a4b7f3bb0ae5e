import { type SlotTable, STATE } from '../kernel/slots.ts';
import type { Algorithm } from './algorithms/algorithm.ts';
import type { PoolServer } from './options.ts';
import { isEnabled, isKnown, isMember } from './server.ts';
import type { Subset } from './subset.ts';

/** The primaries, or the backups, with those of them that are members at the moment. */
export class Tier {
  readonly all: readonly PoolServer[];
  readonly algorithm: Algorithm;
  /** So few are healthy that the others are tried as well. */
  isPanicking = false;
  /** Members that are not for this thread, but when those that are cannot take a request. */
  others: readonly PoolServer[] = [];
  readonly #subset: Subset | null;
  #members: readonly PoolServer[] = [];
  #weights: readonly number[] = [];

  constructor(all: readonly PoolServer[], algorithm: Algorithm, subset: Subset | null) {
    this.all = all;
    this.algorithm = algorithm;
    this.#subset = subset;
  }

  get isEmpty(): boolean {
    return this.#members.length === 0;
  }

  /** @param panic below this part of healthy ones, 0 to 1, health is not believed */
  refresh(slots: SlotTable, panic: number): void {
    let members = this.all.filter((server) => isMember(slots, server));
    this.isPanicking = false;
    if (panic > 0) {
      // Who was not checked yet says nothing, and who was ejected is healthy as far as checks go.
      const known = this.all.filter((server) => isEnabled(slots, server) && isKnown(slots, server));
      const healthy = known.filter((server) => (slots.state(server.slot) & STATE.healthy) !== 0);
      this.isPanicking = healthy.length < panic * known.length;
      if (this.isPanicking)
        members = known.filter((server) => (slots.state(server.slot) & STATE.ejected) === 0);
    }
    if (this.#subset !== null) {
      const { kept, others } = this.#subset.of(members);
      members = members.filter((server) => kept.has(server));
      this.others = others;
    }
    // Read once: a weight that turns 0 between the two lines must not reach an algorithm.
    const weights = members.map((server) => Math.max(1, slots.weight(server.slot)));
    if (isSame(members, this.#members) && isSame(weights, this.#weights)) return;
    this.#members = members;
    this.#weights = weights;
    this.algorithm.rebuild(members, weights);
  }
}

function isSame<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}
