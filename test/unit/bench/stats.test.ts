import t from 'tap';
import {
  coverageOf,
  geometricMean,
  judge,
  median,
  medianInterval,
  pairedRatios,
  quantile,
} from '../../../bench/stats.ts';
import { SeededRandom } from '../../../src/kernel/random.ts';

t.test('median: odd, even, unsorted, one, none', (t) => {
  t.equal(median([3, 1, 2]), 2);
  t.equal(median([4, 1, 3, 2]), 2.5);
  t.equal(median([7]), 7);
  t.throws(() => median([]), RangeError);
  t.throws(() => median([1, Number.NaN]), { message: 'NaN is not a measurement' });
  const given = [3, 1, 2];
  median(given);
  t.same(given, [3, 1, 2], 'the values of the caller stay as they were');
  t.end();
});

t.test('quantile is the nearest rank', (t) => {
  const ten = [10, 9, 8, 7, 6, 5, 4, 3, 2, 1];
  for (const [q, expected] of [
    [0, 1],
    [0.1, 1],
    [0.5, 5],
    [0.51, 6],
    [0.99, 10],
    [1, 10],
  ] as const) {
    t.equal(quantile(ten, q), expected, `q ${q}`);
  }
  t.end();
});

t.test('coverage of order statistics, from a table of the sign test', (t) => {
  for (const [count, k, expected] of [
    [1, 1, 0],
    [5, 1, 0.9375],
    [6, 1, 0.96875],
    [9, 2, 0.9609375],
    [9, 3, 0.8203125],
    [15, 4, 0.96484375],
    [20, 6, 0.95861],
  ] as const) {
    t.ok(Math.abs(coverageOf(count, k) - expected) < 1e-5, `n ${count}, k ${k}: ${coverageOf(count, k)}`);
  }
  t.end();
});

t.test('interval of nine values is the second and the eighth', (t) => {
  t.match(medianInterval([9, 1, 8, 2, 7, 3, 6, 4, 5]), { median: 5, low: 2, high: 8, count: 9 });
  t.match(medianInterval([1, 2, 3, 4, 5, 6]), { low: 1, high: 6 }, 'six: all of them');
  t.end();
});

t.test('too few values: the widest interval, and it says how little it covers', (t) => {
  t.same(medianInterval([3, 1, 2]), { median: 2, low: 1, high: 3, coverage: 0.75, count: 3 });
  t.same(medianInterval([4]), { median: 4, low: 4, high: 4, coverage: 0, count: 1 });
  t.end();
});

t.test('the interval holds the true median as often as it says, for a skewed distribution', (t) => {
  const random = new SeededRandom(20261121);
  const rounds = 4_000;
  let held = 0;
  for (let round = 0; round < rounds; round++) {
    const { low, high } = medianInterval(Array.from({ length: 9 }, () => -Math.log(1 - random.next())));
    if (low <= Math.LN2 && Math.LN2 <= high) held++;
  }
  const share = held / rounds;
  t.ok(share > 0.945 && share < 0.975, `96.1 % promised, ${share} seen, seed ${random.seed}`);
  t.end();
});

t.test('pairs: what hits both sides of a round cancels out', (t) => {
  t.same(pairedRatios([20, 40, 30], [10, 20, 15]), [2, 2, 2]);
  t.throws(() => pairedRatios([1], [1, 2]), RangeError);
  t.throws(() => pairedRatios([1, 1], [1, 0]), { message: 'pair 1: cannot divide by 0' });
  t.end();
});

t.test('geometric mean', (t) => {
  t.ok(Math.abs(geometricMean([2, 0.5]) - 1) < 1e-12);
  t.ok(Math.abs(geometricMean([1, 2, 4]) - 2) < 1e-12);
  t.throws(() => geometricMean([1, 0]), RangeError);
  t.throws(() => geometricMean([]), RangeError);
  t.end();
});

t.test('judge: all of the interval has to be on one side', (t) => {
  const interval = { median: 1.2, low: 1.1, high: 1.3, coverage: 0.96, count: 9 };
  for (const [bound, limit, expected] of [
    ['at most', 1.3, 'holds'],
    ['at most', 1.2, 'undecided'],
    ['at most', 1.1, 'undecided'],
    ['at most', 1.05, 'missed'],
    ['at least', 1.1, 'holds'],
    ['at least', 1.2, 'undecided'],
    ['at least', 1.4, 'missed'],
  ] as const) {
    t.equal(judge(interval, bound, limit), expected, `${bound} ${limit}`);
  }
  t.equal(judge({ ...interval, coverage: 0.75, count: 3 }, 'at most', 9), 'undecided', 'too few rounds');
  t.end();
});
