/**
 * The breaker of a pool, in shared memory: every thread sees the same mode, and the one that turns it says so. Survives reloads
 * with its slot. A slot of its own holds:
 *
 *   own cells      | mode and since when | times opened in a row | probes answered | times opened in all |
 *   errors         failed requests in a row, over all threads
 *   in flight      probes that are under way: exact over all threads, struck out with a thread that dies
 *   counters       one row a thread: 10 × ( which tenth of the window | requests | failures ), around the cell that is
 *                  zeroed with a dead thread (`waitingSinceMs`)
 *
 * Mode and time are one cell, so that of several threads that want to turn it one does (compare and exchange): two bits
 * of mode, 30 bits of time in steps of 16 ms, which wrap after 198 days. What is read of the rest may be some nanoseconds old.
 */
import { COUNTER } from '../kernel/slot-counters.ts';
import type { SlotTable } from '../kernel/slots.ts';
import {
  BREAKER_MODES,
  type BreakerCounts,
  type BreakerDecision,
  type BreakerEvent,
  type BreakerMode,
  type BreakerOptions,
  type BreakerState,
  decideBreaker,
} from './decide.ts';

const MODE_CELL = 0;
const TIMES_CELL = 1;
const ANSWERED_CELL = 2;
const OPENED_CELL = 3;

const TENTHS = 10;
const FLOATS = 3;
/** Where each tenth is in a row of counters. */
const PLACES = Array.from({ length: TENTHS }, (_, i) => {
  const at = i * FLOATS;
  return at + FLOATS <= COUNTER.waitingSinceMs ? at : at + COUNTER.waitingSinceMs + 1 - 5 * FLOATS;
});
const STEP_MS = 16;
const TIME_BITS = 30;
const TIME_MASK = 2 ** TIME_BITS - 1;

/** What others may know of a breaker. */
export interface BreakerView {
  readonly mode: BreakerMode;
  /** Times it opened since the slot was given. */
  readonly opened: number;
}

/** Of the slot of a breaker. */
export function viewBreaker(slots: SlotTable, slot: number): BreakerView {
  const cells = slots.ownCells(slot);
  return { mode: modeOf(Atomics.load(cells, MODE_CELL)), opened: Atomics.load(cells, OPENED_CELL) };
}

export interface BreakerDeps {
  readonly slots: SlotTable;
  readonly thread: number;
  /** It was turned here. */
  onTurn(to: BreakerMode, why: string): void;
}

export type Entry = 'pass' | 'probe' | { readonly retryMs: number };

export class Breaker {
  readonly #options: BreakerOptions;
  readonly #deps: BreakerDeps;
  readonly #slot: number;
  readonly #cells: Int32Array;
  readonly #floats: Float64Array;
  readonly #tenthMs: number;

  constructor(slot: number, options: BreakerOptions, deps: BreakerDeps) {
    this.#slot = slot;
    this.#options = options;
    this.#deps = deps;
    this.#cells = deps.slots.ownCells(slot);
    this.#floats = deps.slots.counters.floats;
    this.#tenthMs = options.windowMs / TENTHS;
  }

  /** Whether a request may go. A probe is held until it is judged, or `leave`. @param nowMs `Clock.nowMs` */
  enter(nowMs: number): Entry {
    for (;;) {
      const word = Atomics.load(this.#cells, MODE_CELL);
      const decision = this.#decide(word, { kind: 'request' }, nowMs);
      switch (decision.kind) {
        case 'turn':
          this.#turn(word, decision.to, decision.why, nowMs);
          break;
        case 'refuse':
          return decision;
        case 'probe':
          return this.#claimProbe(decision.max) ? 'probe' : { retryMs: 0 };
        default:
          return 'pass';
      }
    }
  }

  #claimProbe(max: number): boolean {
    const { slots, thread } = this.#deps;
    return slots.tryAcquire(this.#slot, thread, max);
  }

  /** A request that was let in has been answered, or not. A probe is over by it. */
  judge(hasFailed: boolean, wasProbe: boolean, nowMs: number): void {
    const { slots, thread } = this.#deps;
    this.#count(hasFailed, nowMs);
    if (hasFailed) slots.countError(this.#slot, thread);
    else slots.clearErrors(this.#slot);
    const word = Atomics.load(this.#cells, MODE_CELL);
    // hot path: an answer while it is closed
    if (hasFailed || modeOf(word) !== 'closed') {
      const event: BreakerEvent = hasFailed
        ? { kind: 'failed', wasProbe, counts: this.#counts(word, nowMs) }
        : { kind: 'answered', wasProbe };
      const decision = this.#decide(word, event, nowMs);
      if (decision.kind === 'turn') this.#turn(word, decision.to, decision.why, nowMs);
      else if (wasProbe && !hasFailed) Atomics.add(this.#cells, ANSWERED_CELL, 1);
    }
    if (wasProbe) this.leave();
  }

  /** A probe ended without saying anything of the pool. */
  leave(): void {
    const { slots, thread } = this.#deps;
    slots.release(this.#slot, thread);
  }

  #decide(word: number, event: BreakerEvent, nowMs: number): BreakerDecision {
    const state: BreakerState = {
      mode: modeOf(word),
      forMs: this.#ageMs(word, nowMs),
      timesOpen: Atomics.load(this.#cells, TIMES_CELL),
      probesAnswered: Atomics.load(this.#cells, ANSWERED_CELL),
    };
    return decideBreaker(state, event, this.#options);
  }

  #turn(from: number, to: BreakerMode, why: string, nowMs: number): void {
    const cells = this.#cells;
    const time = this.#steps(nowMs) & TIME_MASK;
    const word = (time << 2) | BREAKER_MODES.indexOf(to);
    if (Atomics.compareExchange(cells, MODE_CELL, from, word) !== from) return;
    if (to === 'open') {
      // Half open is some time away: nobody counts probes now.
      Atomics.store(cells, ANSWERED_CELL, 0);
      Atomics.add(cells, TIMES_CELL, 1);
      Atomics.add(cells, OPENED_CELL, 1);
    } else if (to === 'closed') Atomics.store(cells, TIMES_CELL, 0);
    this.#deps.slots.clearErrors(this.#slot);
    this.#deps.onTurn(to, why);
  }

  // ---- the window

  #count(hasFailed: boolean, nowMs: number): void {
    const floats = this.#floats;
    const tenth = Math.floor(nowMs / this.#tenthMs);
    const at =
      this.#deps.slots.counters.row(this.#slot, this.#deps.thread) + (PLACES[tenth % TENTHS] as number);
    if (floats[at] !== tenth) {
      floats[at] = tenth;
      floats[at + 1] = floats[at + 2] = 0;
    }
    floats[at + 1] = (floats[at + 1] ?? 0) + 1;
    if (hasFailed) floats[at + 2] = (floats[at + 2] ?? 0) + 1;
  }

  /** Over all threads. What was counted before it closed again led to the last opening. */
  #counts(word: number, nowMs: number): BreakerCounts {
    const { slots } = this.#deps;
    const floats = this.#floats;
    const now = Math.floor(nowMs / this.#tenthMs);
    const wasOpen = Atomics.load(this.#cells, OPENED_CELL) > 0;
    const turned = wasOpen ? Math.floor((nowMs - this.#ageMs(word, nowMs)) / this.#tenthMs) : -1;
    const since = Math.max(now - TENTHS, turned);
    let requests = 0;
    let failures = 0;
    for (let thread = 0; thread < slots.threads; thread++) {
      const row = slots.counters.row(this.#slot, thread);
      for (const place of PLACES) {
        const at = row + place;
        const tenth = floats[at] ?? 0;
        if (tenth <= since || tenth > now) continue;
        requests += floats[at + 1] ?? 0;
        failures += floats[at + 2] ?? 0;
      }
    }
    return { requests, failures, inARow: slots.errorsInARow(this.#slot) };
  }

  // ---- time

  #steps(nowMs: number): number {
    return Math.floor(nowMs / STEP_MS) % 2 ** TIME_BITS;
  }

  /** A caller's time may be a little older than the turn. */
  #ageMs(word: number, nowMs: number): number {
    const steps = (this.#steps(nowMs) - (word >>> 2)) & TIME_MASK;
    return steps > TIME_MASK / 2 ? 0 : steps * STEP_MS;
  }
}

function modeOf(word: number): BreakerMode {
  return BREAKER_MODES[word & 3] as BreakerMode;
}
