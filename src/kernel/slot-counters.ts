/** What a slot counts, in every thread's own row of the slot table (slots.ts). */

/** Float64 cells of one slot and thread: five cache lines. */
export const COUNTER_FLOATS = 40;

/** Counters of one slot, per thread (Float64: exact up to 2^53). Times are milliseconds. */
export const COUNTER = {
  picks: 0,
  connectErrors: 1,
  resets: 2,
  timeouts: 3,
  badAnswers: 4,
  clientAborts: 5,
  cancelled: 6,
  /** Answers by status class: +0 is 1xx … +4 is 5xx. */
  answers: 7,
  bytesUp: 12,
  bytesDown: 13,
  responseMs: 14,
  /** Moving average of the response time as this thread saw it; 0 = no answer yet. */
  averageMs: 15,
  /** Of a pool's slot: since when its oldest waiting request of normal priority waits (`Clock.nowMs`); 0 = none waits. */
  waitingSinceMs: 16,
  /** 16 buckets of the response time, see BUCKET_BOUNDS_MS. */
  buckets: 17,
  /** Moving average of the response time that follows a slow answer at once (slot-times.ts). */
  peakMs: 33,
  /** The same without jumps, and when an answer was last observed. */
  steadyMs: 34,
  observedAtMs: 35,
  /** Gateway errors: resets, timeouts, nonsense, and answers with 502, 503 or 504. */
  failures: 36,
  /** Attempts that ended in a way that says something of their server. */
  ended: 37,
  /** As `waitingSinceMs`, of the other classes. */
  waitingHighSinceMs: 38,
  waitingLowSinceMs: 39,
} as const;

/** By rank of the class (priority.ts). */
export const WAITING_SINCE: readonly number[] = [
  COUNTER.waitingHighSinceMs,
  COUNTER.waitingSinceMs,
  COUNTER.waitingLowSinceMs,
];

/** Upper bounds of the response-time buckets in ms: 0.5, 1, 2 … 8192, and the rest. */
export const BUCKET_BOUNDS_MS: readonly number[] = [
  ...Array.from({ length: 15 }, (_, i) => 0.5 * 2 ** i),
  Number.POSITIVE_INFINITY,
];

/** What one slot has counted, summed over all threads. */
export interface SlotTotals {
  readonly picks: number;
  readonly connectErrors: number;
  readonly resets: number;
  readonly timeouts: number;
  readonly badAnswers: number;
  readonly clientAborts: number;
  readonly cancelled: number;
  /** Answers by class: [1xx, 2xx, 3xx, 4xx, 5xx]. */
  readonly answers: readonly number[];
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly responseMsSum: number;
  /** Count per bucket (not cumulative), aligned with BUCKET_BOUNDS_MS. */
  readonly buckets: readonly number[];
}

/** The first bucket of BUCKET_BOUNDS_MS that is not below `ms`; bounds are 2^i halves, so it is a bit length. */
export function bucketOf(ms: number): number {
  const halves = Math.ceil(Math.min(Math.max(ms, 0), 16384) * 2) - 1;
  return halves <= 0 ? 0 : Math.min(15, 32 - Math.clz32(halves));
}

/** How much one answer moves the average: 1/16 follows a change within some tens of requests. */
const AVERAGE_GAIN = 1 / 16;

/** The counters of all slots and threads: each row has one writer, its thread; readers sum the rows. */
export class SlotCounters {
  readonly floats: Float64Array;
  readonly threads: number;
  readonly #at: number;
  readonly #capacity: number;

  /** @param at index in `floats` of the first counter of the first slot and thread */
  constructor(floats: Float64Array, at: number, capacity: number, threads: number) {
    this.floats = floats;
    this.threads = threads;
    this.#at = at;
    this.#capacity = capacity;
  }

  /** Adds to one counter (an index of COUNTER) of the own thread. */
  count(slot: number, thread: number, counter: number, by: number): void {
    const at = this.row(slot, thread) + counter;
    this.floats[at] = (this.floats[at] ?? 0) + by;
  }

  /** Counts an answer: its class, its bucket, the sum and the moving average of the response time. */
  countAnswer(slot: number, thread: number, status: number, responseMs: number): void {
    const floats = this.floats;
    const at = this.row(slot, thread);
    const byClass = at + COUNTER.answers + Math.min(4, Math.max(0, Math.trunc(status / 100) - 1));
    floats[byClass] = (floats[byClass] ?? 0) + 1;
    const bucket = at + COUNTER.buckets + bucketOf(responseMs);
    floats[bucket] = (floats[bucket] ?? 0) + 1;
    floats[at + COUNTER.responseMs] = (floats[at + COUNTER.responseMs] ?? 0) + responseMs;
    const average = floats[at + COUNTER.averageMs] ?? 0;
    floats[at + COUNTER.averageMs] =
      average === 0 ? responseMs : average + (responseMs - average) * AVERAGE_GAIN;
  }

  /** Sets one counter (an index of COUNTER) of the own thread. */
  set(slot: number, thread: number, counter: number, value: number): void {
    this.floats[this.row(slot, thread) + counter] = value;
  }

  /** One counter as one thread has it. */
  of(slot: number, thread: number, counter: number): number {
    return this.floats[this.row(slot, thread) + counter] ?? 0;
  }

  /** Average response time in ms over the threads that saw an answer; 0 = none did. */
  averageMs(slot: number): number {
    let sum = 0;
    let seen = 0;
    for (let thread = 0; thread < this.threads; thread++) {
      const average = this.of(slot, thread, COUNTER.averageMs);
      sum += average;
      if (average > 0) seen++;
    }
    return seen === 0 ? 0 : sum / seen;
  }

  /** Everything a slot has counted since it was given, over all threads, dead ones included. */
  totals(slot: number): SlotTotals {
    const sum = (counter: number): number => {
      let total = 0;
      for (let thread = 0; thread < this.threads; thread++) total += this.of(slot, thread, counter);
      return total;
    };
    return {
      picks: sum(COUNTER.picks),
      connectErrors: sum(COUNTER.connectErrors),
      resets: sum(COUNTER.resets),
      timeouts: sum(COUNTER.timeouts),
      badAnswers: sum(COUNTER.badAnswers),
      clientAborts: sum(COUNTER.clientAborts),
      cancelled: sum(COUNTER.cancelled),
      answers: Array.from({ length: 5 }, (_, i) => sum(COUNTER.answers + i)),
      bytesUp: sum(COUNTER.bytesUp),
      bytesDown: sum(COUNTER.bytesDown),
      responseMsSum: sum(COUNTER.responseMs),
      buckets: BUCKET_BOUNDS_MS.map((_, i) => sum(COUNTER.buckets + i)),
    };
  }

  /** Attempts that ended, and how many of them with a gateway error, over all threads. */
  outcomes(slot: number): { requests: number; failures: number } {
    let requests = 0;
    let failures = 0;
    for (let thread = 0; thread < this.threads; thread++) {
      const at = this.row(slot, thread);
      requests += this.floats[at + COUNTER.ended] ?? 0;
      failures += this.floats[at + COUNTER.failures] ?? 0;
    }
    return { requests, failures };
  }

  /** Zeroes all of one slot and thread. */
  clear(slot: number, thread: number): void {
    const at = this.row(slot, thread);
    this.floats.fill(0, at, at + COUNTER_FLOATS);
  }

  /** Index in `floats` of the first counter of a slot and thread. */
  row(slot: number, thread: number): number {
    return this.#at + (thread * this.#capacity + slot) * COUNTER_FLOATS;
  }
}
