import type { SlotTable } from '../../kernel/slots.ts';
import type { PoolServer } from '../options.ts';
import { peakMs, UNKNOWN } from './latency.ts';

/**
 * `peak_ewma`: of two servers the one with the less `response time² * (in flight / weight + 1)`. The time is a moving average that
 * jumps up with a slow answer at once and comes down over five seconds, and a failed request counts as one that took a second
 * longer: so a server that stalls, or that fails fast, loses its traffic within some requests (after Twitter's Finagle, "Peak
 * EWMA"). One that has not answered yet is compared by its load alone: so it is tried at once, and not by all
 * at once.
 *
 * Finagle has the time once. But where a slow server is slow by itself and not by what waits in its line, time * load holds
 * that in balance by giving it (fast time / slow time)² of the requests of a fast one, and whatever slows all for a moment brings
 * that quotient nearer to 1: a server ten times slower got more than one request in a hundred, which then are the 99th percentile
 * (`wide` in bench/balance). With the time counted twice it gets the third power, and what is in flight still grows
 * without bound before one that hangs. On alike servers at nine tenths of their capacity it costs 5 % of the median.
 *
 * The weight stands under the requests in flight and not under the time: two idle servers differ by their times alone, and
 * the draw sees to it that they are offered by weight.
 */
export function isSooner(slots: SlotTable, a: PoolServer, b: PoolServer, nowMs: number): boolean {
  const timeA = peakMs(slots, a.slot, nowMs);
  const timeB = peakMs(slots, b.slot, nowMs);
  if (timeA === UNKNOWN || timeB === UNKNOWN) return loadOf(slots, a) < loadOf(slots, b);
  return timeA * timeA * loadOf(slots, a) < timeB * timeB * loadOf(slots, b);
}

function loadOf(slots: SlotTable, { slot }: PoolServer): number {
  return slots.inFlight(slot) / Math.max(1, slots.weight(slot)) + 1;
}
