/** Does a curve rise? Pure. */
import { median } from '../stats.ts';

export interface Point {
  readonly atMs: number;
  readonly value: number;
}

/**
 * The slope of Theil and Sen, per minute: the median of the slopes between all pairs. A collection that was late or a
 * peak of load moves the least-squares line, but not this one.
 */
export function slopePerMinute(points: readonly Point[]): number {
  const slopes: number[] = [];
  // Of some hundred points that are evenly spread, all pairs are enough and quick.
  const step = Math.max(1, Math.ceil(points.length / 400));
  const some = points.filter((_, i) => i % step === 0);
  for (const [i, a] of some.entries()) {
    for (const b of some.slice(i + 1)) {
      if (b.atMs > a.atMs) slopes.push(((b.value - a.value) / (b.atMs - a.atMs)) * 60_000);
    }
  }
  return slopes.length === 0 ? 0 : median(slopes);
}

/** The median of the last quarter minus that of the second: what grew once the start was over. */
export function growth(points: readonly Point[]): number {
  const quarter = Math.floor(points.length / 4);
  if (quarter === 0) return 0;
  const values = points.map(({ value }) => value);
  return median(values.slice(-quarter)) - median(values.slice(quarter, 2 * quarter));
}
