/**
 * Who owns which slot; lives on main, survives every reload. Owners are named by a key (`pool/server`, or the pool's own name):
 * a key that the old and the new configuration both have keeps its slot, and with it health, counters and averages.
 *
 * A change has two steps because all threads prepare a configuration before any of them switches to it:
 * `prepare` gives slots to new keys and takes nothing away; then either `commit` retires the keys that are gone,
 * or `abort` retires the new ones. A retired slot gets a new owner only when nothing is in flight on it.
 */
import { SluiceError } from './errors.ts';
import type { SlotTable } from './slots.ts';

/** A slot and the generation in which it is ours; in a later one it belongs to somebody else. */
export interface SlotRef {
  readonly slot: number;
  readonly generation: number;
}

export interface SlotPlan {
  /** Slot of each key that was asked for. */
  readonly slots: ReadonlyMap<string, SlotRef>;
  /** Keys that had no slot before; their cells are zero and want to be filled in. */
  readonly added: readonly string[];
  commit(): void;
  abort(): void;
}

export class SlotAllocator {
  readonly #table: SlotTable;
  #owners = new Map<string, SlotRef>();
  /** Retired, perhaps still with requests in flight. */
  #retired: number[] = [];
  #nextFresh = 0;
  /** Slots of the plan that is neither committed nor aborted. */
  #open: ReadonlyMap<string, SlotRef> | undefined;

  constructor(table: SlotTable) {
    this.#table = table;
  }

  /** Who owns what now. */
  get owners(): ReadonlyMap<string, SlotRef> {
    return this.#owners;
  }

  /** @throws SluiceError `slots_exhausted`, with nothing changed. */
  prepare(keys: Iterable<string>): SlotPlan {
    if (this.#open) throw new Error('the plan before this one was neither committed nor aborted');
    const slots = new Map<string, SlotRef>();
    const added: string[] = [];
    const settle = (keep: ReadonlyMap<string, SlotRef>): void => {
      if (this.#open !== slots) return;
      this.#open = undefined;
      const kept = new Set([...keep.values()].map((ref) => ref.slot));
      for (const ref of new Set([...this.#owners.values(), ...slots.values()]))
        if (!kept.has(ref.slot)) this.#retire(ref.slot);
      this.#owners = new Map(keep);
    };
    const before = this.#owners;
    this.#open = slots;
    try {
      for (const key of keys) {
        if (slots.has(key)) continue;
        const known = before.get(key);
        if (!known) added.push(key);
        slots.set(key, known ?? this.#take());
      }
    } catch (error) {
      settle(before);
      throw error;
    }
    return { slots, added, commit: () => settle(slots), abort: () => settle(before) };
  }

  #take(): SlotRef {
    const idle = this.#retired.findIndex((slot) => this.#table.isIdle(slot));
    let slot = this.#nextFresh;
    if (idle >= 0) {
      slot = this.#retired[idle] ?? 0;
      this.#retired.splice(idle, 1);
      this.#table.clear(slot);
    } else if (slot < this.#table.capacity) this.#nextFresh++;
    else
      throw new SluiceError(
        'slots_exhausted',
        `all ${this.#table.capacity} slots of pools and servers are taken`,
        {
          hint: 'Fewer servers, or wait until removed ones have finished their requests; a restart sizes the table anew.',
        },
      );
    return { slot, generation: this.#table.generation(slot) };
  }

  #retire(slot: number): void {
    this.#table.retire(slot);
    this.#retired.push(slot);
  }
}
