/**
 * The statistics of the benches: pure, no clock, no I/O.
 *
 * A figure is the median over rounds, and its interval is the one of order statistics (the inverted sign test):
 * with n values sorted, [x(k), x(n+1-k)] holds the true median with probability 1 - 2 P(Bin(n, 1/2) < k), whatever
 * the distribution. Benchmarks have heavy, one-sided tails (a neighbour woke up), for which mean and standard
 * deviation say little. A bootstrap was rejected: with 9 values it covers less than it promises.
 */

/** The middle of the values and where the true median lies. */
export interface Interval {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  /** The probability that [low, high] holds the true median; below the one asked for when there are too few values. */
  readonly coverage: number;
  readonly count: number;
}

/** How a measured interval stands to a limit: the whole of it below, the whole of it above, or neither. */
export type Verdict = 'holds' | 'missed' | 'undecided';

function sorted(values: readonly number[]): number[] {
  if (values.length === 0) throw new RangeError('there is no median of no values');
  for (const value of values)
    if (!Number.isFinite(value)) throw new RangeError(`${value} is not a measurement`);
  return [...values].sort((a, b) => a - b);
}

/** An element that is known to be there. */
function at(values: readonly number[], index: number): number {
  const value = values[index];
  if (value === undefined) throw new RangeError(`no value at ${index} of ${values.length}`);
  return value;
}

/** The middle value; the mean of the middle two when their number is even. */
export function median(values: readonly number[]): number {
  const order = sorted(values);
  const half = order.length >> 1;
  return order.length % 2 === 1 ? at(order, half) : (at(order, half - 1) + at(order, half)) / 2;
}

/** The smallest value that at least the share `q` (0 to 1) of all values does not exceed (nearest rank). */
export function quantile(values: readonly number[], q: number): number {
  const order = sorted(values);
  const rank = Math.ceil(q * order.length) - 1;
  return at(order, Math.min(Math.max(rank, 0), order.length - 1));
}

/**
 * The probability that the k-th smallest and the k-th largest of `count` values enclose the true median.
 * @param k 1 is the outermost pair.
 */
export function coverageOf(count: number, k: number): number {
  let outside = 0;
  let term = 0.5 ** count;
  for (let successes = 0; successes < k; successes++) {
    outside += term;
    term = (term * (count - successes)) / (successes + 1);
  }
  return Math.max(0, 1 - 2 * outside);
}

/** The median with its interval, the narrowest one that reaches `confidence`, or the widest there is. */
export function medianInterval(values: readonly number[], confidence = 0.95): Interval {
  const order = sorted(values);
  const count = order.length;
  let k = 1;
  while (k < (count + 1) >> 1 && coverageOf(count, k + 1) >= confidence) k++;
  return {
    median: median(order),
    low: at(order, k - 1),
    high: at(order, count - k),
    coverage: coverageOf(count, k),
    count,
  };
}

/** The ratio of each pair (same index = same round); a slow minute of the machine hits both and cancels out. */
export function pairedRatios(over: readonly number[], under: readonly number[]): number[] {
  if (over.length !== under.length) {
    throw new RangeError(`pairs need as many values on both sides, got ${over.length} and ${under.length}`);
  }
  return over.map((value, index) => {
    const divisor = at(under, index);
    if (!(divisor > 0)) throw new RangeError(`pair ${index}: cannot divide by ${divisor}`);
    return value / divisor;
  });
}

/** The mean of ratios: of 2 and 1/2 it is 1. */
export function geometricMean(values: readonly number[]): number {
  let sum = 0;
  for (const value of sorted(values)) {
    if (!(value > 0)) throw new RangeError(`${value} has no logarithm`);
    sum += Math.log(value);
  }
  return Math.exp(sum / values.length);
}

/**
 * Whether the interval lies below (`at most`) or above (`at least`) the limit with all of its width. Nothing is
 * decided by an interval that covers less than `confidence`: three rounds that agree are no proof.
 */
export function judge(
  interval: Interval,
  bound: 'at most' | 'at least',
  limit: number,
  confidence = 0.95,
): Verdict {
  if (interval.coverage < confidence) return 'undecided';
  if (bound === 'at most') {
    if (interval.high <= limit) return 'holds';
    return interval.low > limit ? 'missed' : 'undecided';
  }
  if (interval.low >= limit) return 'holds';
  return interval.high < limit ? 'missed' : 'undecided';
}
