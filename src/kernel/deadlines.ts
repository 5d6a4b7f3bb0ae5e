import type { Clock, Timer } from './clock.ts';

/** Something that must happen by a time. The owner moves `deadlineMs` freely: it is a plain number write. */
export interface Expiring {
  /** Monotonic ms; Infinity = no deadline now. */
  deadlineMs: number;
  /** Where it stands in the list; written by `Deadlines` only, -1 when it is not in it. */
  deadlineIndex: number;
  /** Called when the deadline has passed. It is called again each sweep until the deadline is moved or removed. */
  onDeadline(nowMs: number): void;
}

const TICK_MS = 100;
/** Entries looked at per tick at least; with more than this the sweep spreads over several ticks. */
const MIN_BATCH = 4096;
const MAX_TICKS_PER_SWEEP = 5;

/**
 * One coarse timer for all connections of a thread, instead of a timer a request: every entry is looked at each
 * 100 ms (each 500 ms when there are more than about 20 000), so a deadline fires at most that much late and
 * moving one costs nothing. Rejected: a timing wheel, which needs work at each move of a deadline; with one
 * move or more per request and few that ever fire, looking at all is cheaper (about 5 ns an entry).
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #entries: Expiring[] = [];
  #ticker: Timer | undefined;
  #cursor = 0;
  /** The clock at the last tick, or when the list was last empty. */
  #coarseMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#coarseMs = clock.nowMs();
  }

  /**
   * The time `delayMs` from now, up to one tick later than asked: for deadlines that are moved with every request, of
   * which hardly any ever passes. Costs no look at the clock.
   */
  after(delayMs: number): number {
    return this.#coarseMs + TICK_MS + delayMs;
  }

  get size(): number {
    return this.#entries.length;
  }

  add(entry: Expiring): void {
    if (entry.deadlineIndex >= 0) return;
    if (this.#entries.length === 0) this.#coarseMs = this.#clock.nowMs();
    entry.deadlineIndex = this.#entries.length;
    this.#entries.push(entry);
    this.#ticker ??= this.#clock.setTicker(TICK_MS, () => this.sweep());
  }

  remove(entry: Expiring): void {
    const index = entry.deadlineIndex;
    if (index < 0) return;
    entry.deadlineIndex = -1;
    const last = this.#entries.pop() as Expiring;
    if (last !== entry) {
      this.#entries[index] = last;
      last.deadlineIndex = index;
    }
  }

  /** One tick's share of the list. Public for tests with a clock of their own. */
  sweep(): void {
    const now = this.#clock.nowMs();
    this.#coarseMs = now;
    const entries = this.#entries;
    let batch = Math.min(
      entries.length,
      Math.max(MIN_BATCH, Math.ceil(entries.length / MAX_TICKS_PER_SWEEP)),
    );
    while (batch-- > 0 && entries.length > 0) {
      if (this.#cursor >= entries.length) this.#cursor = 0;
      const entry = entries[this.#cursor] as Expiring;
      if (entry.deadlineMs <= now) entry.onDeadline(now);
      // An entry that removed itself had its place taken by the last one, which is looked at next.
      if (entries[this.#cursor] === entry) this.#cursor++;
    }
  }

  stop(): void {
    this.#ticker?.cancel();
    this.#ticker = undefined;
  }
}
