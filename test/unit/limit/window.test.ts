import fc from 'fast-check';
import t from 'tap';
import { type ClientKey, LimiterTable, RateRule, Verdict } from '../../../src/limit/index.ts';

const CLIENT: ClientKey = { hi: 0xffff, lo: 0x0a000001 };
const SEED = Buffer.from('0123456789abcdef', 'hex');

/** Checks one client of one rule at the given times. */
function limiter(count: number, windowMs: number, epochMs = 0): (nowMs: number) => Verdict {
  const table = LimiterTable.create({ entries: 8, seed: SEED, nowMs: epochMs });
  const rule = new RateRule({ name: 'r', count, windowMs });
  return (nowMs) => {
    const verdict = new Verdict();
    table.check(rule, CLIENT, nowMs, verdict);
    return verdict;
  };
}

t.test('20/m: a burst of 20 passes, the 21st waits until the first is a window old', async (t) => {
  const check = limiter(20, 60_000);
  for (let i = 0; i < 20; i++) {
    const { allowed, limit, remaining, retryAfterMs } = check(1000);
    t.same([allowed, limit, remaining, retryAfterMs], [true, 20, 19 - i, 0]);
  }
  const refused = check(1000);
  // Taken in the 32nd that began at 0; free once the 33rd after it has passed: 33 × 1 875 ms.
  t.same({ ...refused }, { allowed: false, limit: 20, remaining: 0, resetMs: 60_875, retryAfterMs: 60_875 });
  t.notOk(check(61_874).allowed, 'one millisecond early');
  for (let i = 0; i < 20; i++) t.ok(check(61_875).allowed, 'then all 20 places are free at once');
  t.notOk(check(61_875).allowed);
});

t.test('places get free one by one, as they were taken', async (t) => {
  const check = limiter(3, 3200);
  t.same(
    [0, 1000, 2000, 2500].map((now) => check(now).allowed),
    [true, true, true, false],
  );
  t.equal(check(2500).retryAfterMs, 800, 'the place of 0 is free at 3 300');
  t.same(
    [3299, 3300, 3301, 4299, 4300].map((now) => check(now).allowed),
    [false, true, false, false, true],
  );
});

t.test('refused requests cost nothing', async (t) => {
  const check = limiter(1, 1000);
  t.ok(check(0).allowed);
  for (let now = 1; now < 1032; now++) check(now);
  t.ok(check(1032).allowed, 'a client that hammered gets its place when it is due');
});

t.test('a clock that lags or has fractions', async (t) => {
  const check = limiter(2, 1000, 5_000_000.5);
  t.ok(check(5_002_000.9).allowed);
  t.ok(check(5_001_000).allowed, 'a second back: counted as if it were now');
  t.notOk(check(5_000_000).allowed);
  t.notOk(check(5_002_900).allowed);
  t.notOk(check(0).allowed, 'before the table was made');
  t.ok(check(5_003_100).allowed);
});

/** Arrivals with idle times, bursts at one instant, and gaps about as long as the window and its 32nds. */
function arrivals(windowMs: number): fc.Arbitrary<number[]> {
  const step = windowMs / 32;
  const gap = fc.oneof(
    { weight: 4, arbitrary: fc.constant(0) },
    { weight: 4, arbitrary: fc.double({ min: 0, max: step * 2, noNaN: true }) },
    { weight: 3, arbitrary: fc.nat(Math.ceil(windowMs / 8)) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(windowMs - 1, windowMs, windowMs + 1, windowMs - step, windowMs + step),
    },
    { weight: 1, arbitrary: fc.nat(3 * windowMs) },
  );
  return fc
    .tuple(fc.nat(10_000_000), fc.array(gap, { minLength: 60, maxLength: 300, size: 'max' }))
    .map(([start, gaps]) => {
      let now = start;
      return gaps.map((g) => {
        now += g;
        return now;
      });
    });
}

t.test('no window ever holds more than the count; nobody is refused without need', async (t) => {
  let refusals = 0;
  const settings = fc.constantFrom<[number, number]>(
    [20, 60_000],
    [1, 1000],
    [3, 1000],
    [5, 777],
    [7, 31],
    [100, 60_000],
  );
  fc.assert(
    fc.property(
      settings.chain(([count, windowMs]) =>
        fc.tuple(fc.constant(count), fc.constant(windowMs), arrivals(windowMs)),
      ),
      ([count, windowMs, times]) => {
        const check = limiter(count, windowMs);
        const accepted: number[] = [];
        for (const now of times) {
          const verdict = check(now);
          const place = `${count} in ${windowMs} ms, at ${now}`;
          if (verdict.allowed) {
            accepted.push(now);
            const first = accepted.at(-1 - count);
            // Both ends included.
            if (first !== undefined && Math.floor(now) - Math.floor(first) <= windowMs)
              throw new Error(`${place}: too many since ${first}`);
          } else {
            refusals++;
            // What is counted is at most a window and a 32nd old (and a millisecond of rounding).
            const since = accepted.at(-count);
            if (since === undefined || now - since > windowMs * (33 / 32) + 1)
              throw new Error(`${place}: refused without need`);
          }
          // The reference: 33 counters, written down as a filter over all that was accepted.
          const bucket = (at: number): number => Math.floor((Math.floor(at) * 32) / windowMs);
          const counted = accepted.filter((at) => bucket(at) >= bucket(now) - 32).length;
          if (verdict.remaining !== count - counted)
            throw new Error(`${place}: remaining ${verdict.remaining}, not ${count - counted}`);
        }
      },
    ),
    { numRuns: 400 },
  );
  t.ok(refusals > 1000, `${refusals} refusals`);
});

t.test('whoever waits for retryAfterMs gets in, and not a millisecond before', async () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 100_000 }),
      fc.nat(1_000_000),
      fc.array(fc.nat(2000), { minLength: 6, maxLength: 12 }),
      (count, windowMs, start, gaps) => {
        const check = limiter(count, windowMs);
        let now = start;
        for (const gap of gaps) {
          now += gap;
          const { allowed, retryAfterMs, resetMs } = check(now);
          if (allowed) {
            if (resetMs < 1) throw new Error(`reset in ${resetMs}`);
            continue;
          }
          if (resetMs !== retryAfterMs) throw new Error(`reset in ${resetMs}, retry in ${retryAfterMs}`);
          now += retryAfterMs - 1;
          if (check(now).allowed) throw new Error(`let in a millisecond before ${retryAfterMs}`);
          now += 1;
          if (!check(now).allowed) throw new Error(`refused after a wait of ${retryAfterMs}`);
        }
      },
    ),
    { numRuns: 2000 },
  );
});
