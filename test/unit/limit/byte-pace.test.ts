import fc from 'fast-check';
import t from 'tap';
import { BytePace } from '../../../src/limit/index.ts';

t.test('a second’s worth at once, then at the rate', async (t) => {
  const pace = new BytePace(1000, 5000);
  const rows: [nowMs: number, bytes: number, dueMs: number][] = [
    [5000, 600, 4600],
    [5000, 400, 5000],
    [5000, 100, 5100],
    [5100, 500, 5600],
    [5500, 0, 5600],
    // 400 ms were not used.
    [6000, 100, 5700],
    // Saved up to a second, not longer.
    [99_000, 500, 98_500],
    [99_000, 1500, 100_000],
  ];
  for (const [nowMs, bytes, dueMs] of rows)
    t.equal(pace.moved(bytes, nowMs), dueMs, `${bytes} B at ${nowMs}`);
});

t.test(
  'whatever the pieces and however late the waker: never more than the rate, a second and a piece',
  async () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.array(fc.tuple(fc.nat(65_536), fc.nat(1500)), { maxLength: 100 }),
        (rate, steps) => {
          const pace = new BytePace(rate, 0);
          let nowMs = 0;
          let total = 0;
          for (const [bytes, lateMs] of steps) {
            const dueMs = pace.moved(bytes, nowMs);
            total += bytes;
            if (total - bytes > (rate * (nowMs + 1000)) / 1000 + 1) return false;
            nowMs = Math.max(nowMs, dueMs) + lateMs;
          }
          return true;
        },
      ),
    );
  },
);
