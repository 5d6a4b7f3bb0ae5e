/**
 * The token bucket (`burst`), as the Generic Cell Rate Algorithm in its virtual scheduling form (ITU-T I.371
 * annex A; a bucket's exact equal: "Leaky Bucket Algorithm" there). One number an entry, the theoretical arrival
 * time: the moment when the bucket will be full again. A request moves it on by one interval and is refused when
 * that would be more than the whole bucket ahead of now. Counted in whole ticks (see RateRule), so 10/s with a
 * burst of 5 lets exactly 5 + 10 × seconds through, however long it runs; refused requests cost nothing.
 */
import type { RateRule } from './rule.ts';
import type { Verdict } from './verdict.ts';
import type { Cells } from './window.ts';

/**
 * Takes a token if there is one.
 *
 * @param at index of the entry's first cell in `ints`, even; its float64 is the theoretical arrival time in ticks.
 * @param now whole milliseconds.
 * @returns from when on the entry means no more than an empty one, in milliseconds.
 */
export function takeFromBucket(
  cells: Cells,
  at: number,
  rule: RateRule,
  now: number,
  verdict: Verdict,
): number {
  // hot path: bench/micro/limiter.ts
  const { floats } = cells;
  const nowTicks = now * rule.ticksPerMs;
  const fullAt = Math.max(floats[at >>> 1] ?? 0, nowTicks);
  const used = fullAt - nowTicks + rule.ticksPerRequest;
  verdict.limit = rule.burst;
  if (used > rule.capacityTicks) {
    const waitMs = Math.ceil((used - rule.capacityTicks) / rule.ticksPerMs);
    verdict.allowed = false;
    verdict.remaining = 0;
    verdict.resetMs = waitMs;
    verdict.retryAfterMs = waitMs;
    return Math.ceil(fullAt / rule.ticksPerMs);
  }
  floats[at >>> 1] = nowTicks + used;
  verdict.place = 0;
  const left = rule.capacityTicks - used;
  verdict.allowed = true;
  verdict.remaining = Math.floor(left / rule.ticksPerRequest);
  verdict.resetMs = Math.ceil((rule.ticksPerRequest - (left % rule.ticksPerRequest)) / rule.ticksPerMs);
  verdict.retryAfterMs = 0;
  return Math.ceil((nowTicks + used) / rule.ticksPerMs);
}

/** Puts back the token that `takeFromBucket` took. */
export function giveBackToBucket({ floats }: Cells, at: number, rule: RateRule): void {
  // An entry that has been emptied since has nothing to give back.
  floats[at >>> 1] = Math.max(0, (floats[at >>> 1] ?? 0) - rule.ticksPerRequest);
}
