import fc from 'fast-check';
import t from 'tap';
import { type ClientKey, LimiterTable, RateRule, Verdict } from '../../../src/limit/index.ts';

const CLIENT: ClientKey = { hi: 0xffff, lo: 0x0a000001 };
const SEED = Buffer.from('0123456789abcdef', 'hex');

function limiter(count: number, windowMs: number, burst: number): (nowMs: number) => Verdict {
  const table = LimiterTable.create({ entries: 8, seed: SEED, nowMs: 0 });
  const rule = new RateRule({ name: 'r', count, windowMs, burst });
  return (nowMs) => {
    const verdict = new Verdict();
    table.check(rule, CLIENT, nowMs, verdict);
    return verdict;
  };
}

t.test('10/s with a burst of 3, step by step', async (t) => {
  const check = limiter(10, 1000, 3);
  const rows: [now: number, allowed: boolean, remaining: number, resetMs: number, retryAfterMs: number][] = [
    [1000, true, 2, 100, 0],
    [1000, true, 1, 100, 0],
    [1000, true, 0, 100, 0],
    [1000, false, 0, 100, 100],
    [1040, false, 0, 60, 60],
    [1099, false, 0, 1, 1],
    [1100, true, 0, 100, 0],
    [1100, false, 0, 100, 100],
    [1250, true, 0, 50, 0],
    [1300, true, 0, 100, 0],
    [1600, true, 2, 100, 0],
    [1650, true, 1, 50, 0],
    [9000, true, 2, 100, 0],
  ];
  for (const [now, allowed, remaining, resetMs, retryAfterMs] of rows)
    t.same({ ...check(now) }, { allowed, limit: 3, remaining, resetMs, retryAfterMs }, `at ${now}`);
  t.notOk(check(8000).allowed, 'a clock that lags never gives more');
});

t.test('30 requests spread over a second, 10/s with a burst of 5: 5 and what came in (B52)', async (t) => {
  const check = limiter(10, 1000, 5);
  let accepted = 0;
  for (let i = 0; i < 30; i++) if (check((i * 1000) / 30).allowed) accepted++;
  t.equal(accepted, 14, '5 + floor(967 ms / 100 ms)');
  t.ok(check(1000).allowed, 'the fifteenth comes with the full second');
});

t.test('exact for rates that no float holds: 7 in 3 s for an hour', async (t) => {
  const check = limiter(7, 3000, 2);
  let accepted = 0;
  for (let now = 0; now <= 3_600_000; now += 50) if (check(now).allowed) accepted++;
  t.equal(accepted, 2 + 7 * 1200);
});

t.test('agrees with a bucket that is filled in whole numbers', async () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.constantFrom(1000, 60_000, 777, 3000),
      fc.integer({ min: 1, max: 20 }),
      fc.nat(1_000_000),
      fc.array(fc.oneof(fc.constant(0), fc.nat(50), fc.nat(5000)), {
        minLength: 50,
        maxLength: 200,
        size: 'max',
      }),
      (count, windowMs, burst, start, gaps) => {
        const check = limiter(count, windowMs, burst);
        // In units of 1/windowMs tokens, filled by `count` of them a millisecond.
        const full = BigInt(burst) * BigInt(windowMs);
        let level = full;
        let now = start;
        for (const gap of gaps) {
          now += gap;
          level += BigInt(gap) * BigInt(count);
          if (level > full) level = full;
          const expected = level >= BigInt(windowMs);
          if (expected) level -= BigInt(windowMs);
          const { allowed, remaining } = check(now);
          if (allowed !== expected) throw new Error(`at ${now}: ${allowed}`);
          if (remaining !== Number(level / BigInt(windowMs)))
            throw new Error(`at ${now}: remaining ${remaining}`);
        }
      },
    ),
    { numRuns: 500 },
  );
});

t.test('whoever waits for retryAfterMs gets in, and not a millisecond before', async () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2000 }),
      fc.constantFrom(1000, 60_000, 777),
      fc.integer({ min: 1, max: 5 }),
      (count, windowMs, burst) => {
        const check = limiter(count, windowMs, burst);
        let verdict = check(10);
        for (let i = 0; i < burst; i++) verdict = check(10);
        if (verdict.allowed) throw new Error('more than the burst');
        if (verdict.retryAfterMs > 1 && check(10 + verdict.retryAfterMs - 1).allowed)
          throw new Error('too early');
        if (!check(10 + verdict.retryAfterMs).allowed)
          throw new Error(`refused after ${verdict.retryAfterMs}`);
      },
    ),
  );
});
