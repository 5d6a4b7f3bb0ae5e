/**
 * "At most `count` in ANY window": a sliding window in sub-buckets, over the cells of one table entry.
 *
 *   time is cut in 32nds of the window; an entry has a ring of 33 counters, one a 32nd:
 *
 *        ... | k-32 | k-31 | ...            | k-1 | k = now | ...
 *              `------------- the 33 that are summed ---------'
 *
 * A request is let through when the sum is below `count`. Whatever came within the last window lies in one of the
 * 33 (time and window are whole milliseconds, so the division below cannot round over an edge: its quotients are
 * multiples of 1/window and far coarser than a double), hence no window ever holds more than `count`, its both ends
 * included. The price: what came up to 1/32 of a window before that is still counted, so a place gets free between
 * one window and one window and a 32nd after it was taken (60 s: at most 1.875 s late), never early.
 * A burst of `count` at once passes whole.
 *
 * Rejected: a log of timestamps (exact, but `count` words an entry), two fixed windows weighted by overlap (nginx
 * and Cloudflare style: assumes an even spread and lets up to twice the count through when there is none).
 *
 * Cells of an entry, from `at` (32-bit): 0–1 number of the newest 32nd (float64) · 2 sum · 3–35 counters.
 */
import type { RateRule } from './rule.ts';
import type { Verdict } from './verdict.ts';

export const SUB_BUCKETS = 32;
const RING = SUB_BUCKETS + 1;
const SUM = 2;
const FIRST = 3;
/** 32-bit cells of an entry; even, so that float64 cells stay aligned. */
export const WINDOW_CELLS = FIRST + RING;

/** The two views of one buffer. */
export interface Cells {
  readonly ints: Int32Array;
  readonly floats: Float64Array;
}

/**
 * Takes a place in the window if there is one.
 *
 * @param at index of the entry's first cell in `ints`, even; the cells are ours alone while this runs.
 * @param now whole milliseconds. When it is before the newest 32nd (a clock that lags) it counts as that one.
 * @returns from when on the entry means no more than an empty one, in milliseconds.
 */
export function takeFromWindow(
  cells: Cells,
  at: number,
  rule: RateRule,
  now: number,
  verdict: Verdict,
): number {
  // hot path: bench/micro/limiter.ts
  const { ints } = cells;
  const newest = advance(cells, at, Math.floor((now * SUB_BUCKETS) / rule.windowMs));
  let sum = ints[at + SUM] ?? 0;
  const allowed = sum < rule.count;
  if (allowed) {
    const slot = at + FIRST + (newest % RING);
    // The counter before the sum: a thread that dies in between leaves what `repairWindow` mends.
    ints[slot] = (ints[slot] ?? 0) + 1;
    sum++;
    ints[at + SUM] = sum;
  }
  const resetMs = Math.max(1, freeAt(newest - SUB_BUCKETS + ageOfOldest(ints, at, newest), rule) - now);
  verdict.allowed = allowed;
  verdict.place = newest;
  verdict.limit = rule.count;
  verdict.remaining = rule.count - sum;
  verdict.resetMs = resetMs;
  verdict.retryAfterMs = allowed ? 0 : resetMs;
  return freeAt(newest, rule);
}

/** Takes back what `takeFromWindow` counted in that 32nd, unless it has fallen out of the window since. */
export function giveBackToWindow(cells: Cells, at: number, place: number): void {
  const { ints, floats } = cells;
  const slot = at + FIRST + (place % RING);
  const count = ints[slot] ?? 0;
  if (count === 0 || (floats[at >>> 1] ?? 0) - place >= RING) return;
  ints[slot] = count - 1;
  ints[at + SUM] = (ints[at + SUM] ?? 0) - 1;
}

/** The first whole millisecond at which a 32nd is out of the sum. */
function freeAt(bucket: number, rule: RateRule): number {
  return Math.ceil(((bucket + RING) * rule.windowMs) / SUB_BUCKETS);
}

/** Drops the counters that fell out of the window; returns the number of the newest 32nd. */
function advance(cells: Cells, at: number, bucket: number): number {
  const { ints, floats } = cells;
  const newest = floats[at >>> 1] ?? 0;
  if (bucket <= newest) return newest;
  if (bucket - newest >= RING) {
    clearWindow(cells, at);
  } else {
    for (let passed = newest + 1; passed <= bucket; passed++) {
      const slot = at + FIRST + (passed % RING);
      ints[at + SUM] = (ints[at + SUM] ?? 0) - (ints[slot] ?? 0);
      ints[slot] = 0;
    }
  }
  floats[at >>> 1] = bucket;
  return bucket;
}

/** How far the oldest counter in use is from the oldest of the ring. */
function ageOfOldest(ints: Int32Array, at: number, newest: number): number {
  // The slot after the newest one is the oldest.
  let slot = (newest + 1) % RING;
  for (let age = 0; age < RING; age++) {
    if (ints[at + FIRST + slot] !== 0) return age;
    slot = slot === RING - 1 ? 0 : slot + 1;
  }
  return SUB_BUCKETS;
}

/** An entry that counts nothing. */
export function clearWindow(cells: Cells, at: number): void {
  cells.ints.fill(0, at, at + WINDOW_CELLS);
}

/** Makes the sum agree with the counters, after a thread died while it changed them. */
export function repairWindow(cells: Cells, at: number): void {
  let sum = 0;
  for (let slot = 0; slot < RING; slot++) sum += cells.ints[at + FIRST + slot] ?? 0;
  cells.ints[at + SUM] = sum;
}
