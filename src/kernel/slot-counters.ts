/** What a slot counts, in every thread's own row of the slot table (slots.ts). */

/** Float64 cells of one slot and thread: five cache lines, the last seven cells are spare. */
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
  /** Of a pool's slot: since when its oldest waiting request waits (`Clock.nowMs`); 0 = none waits. */
  waitingSinceMs: 16,
  /** 16 buckets of the response time, see BUCKET_BOUNDS_MS. */
  buckets: 17,
} as const;

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
