/** How fast is fast enough, in both directions. */
import t from 'tap';
import { HttpFault } from '../../../src/http/fault.ts';
import { AnswerPace, Pace } from '../../../src/http/pace.ts';
import { WIRE_LIMITS } from '../../support/wire-fixture.ts';

/** When a mover is found out that moves `bytes` each `everyMs` after a first gulp; undefined = not within an hour. */
function endOf(
  limits: { bodyTimeoutMs: number; minRate: number },
  how: { firstBytes: number; bytes: number; everyMs: number },
): [string, number] | undefined {
  const pace = new Pace({ ...WIRE_LIMITS, ...limits });
  let dueMs = pace.begin(0, 10_000);
  dueMs = pace.moved(how.firstBytes, 0);
  for (let nowMs = 100; nowMs <= 3_600_000; nowMs += 100) {
    if (nowMs % how.everyMs === 0 && how.bytes > 0) dueMs = pace.moved(how.bytes, nowMs);
    if (nowMs < dueMs) continue;
    const found = pace.look(nowMs);
    if (typeof found === 'string') return [found, nowMs];
    dueMs = found;
  }
  return undefined;
}

t.test('who moves how, and for how long that goes well', (t) => {
  const limits = { bodyTimeoutMs: 60_000, minRate: 256 };
  const none = { ...limits, minRate: 0 };
  const table: [
    string,
    Parameters<typeof endOf>[0],
    Parameters<typeof endOf>[1],
    ReturnType<typeof endOf>,
  ][] = [
    ['silence', limits, { firstBytes: 0, bytes: 0, everyMs: 100 }, ['slow', 10_000]],
    ['silence without a rate', none, { firstBytes: 0, bytes: 0, everyMs: 100 }, ['silent', 60_000]],
    ['a byte a second', limits, { firstBytes: 0, bytes: 1, everyMs: 1000 }, ['slow', 10_000]],
    ['a byte a second without a rate', none, { firstBytes: 0, bytes: 1, everyMs: 1000 }, undefined],
    ['just the rate', limits, { firstBytes: 0, bytes: 256, everyMs: 1000 }, undefined],
    ['a little less', limits, { firstBytes: 256, bytes: 255, everyMs: 1000 }, ['slow', 70_000]],
    [
      'a megabyte at once, then a byte a second',
      limits,
      { firstBytes: 1e6, bytes: 1, everyMs: 1000 },
      ['slow', 70_000],
    ],
    ['a gulp each 50 s', limits, { firstBytes: 1e6, bytes: 50_000, everyMs: 50_000 }, undefined],
    [
      'short silence allowed: windows of ten seconds',
      { bodyTimeoutMs: 5000, minRate: 256 },
      { firstBytes: 1e6, bytes: 1, everyMs: 1000 },
      ['slow', 20_000],
    ],
  ];
  for (const [name, options, how, expected] of table) t.same(endOf(options, how), expected, name);
  t.end();
});

t.test('an answer is looked at each second, and judged in long windows', (t) => {
  const pace = new AnswerPace({ ...WIRE_LIMITS, minRate: 256 });
  t.equal(pace.dueMs, Number.POSITIVE_INFINITY, 'nothing waits');
  pace.begin(0, 1000);
  t.equal(pace.dueMs, 1000);
  for (let nowMs = 1000; nowMs < 59_000; nowMs += 1000) {
    t.equal(pace.look(nowMs, nowMs === 30_000 ? 1001 : 1000 + (nowMs > 30_000 ? 1 : 0)), null);
    t.equal(pace.dueMs, Math.min(nowMs + 1000, 60_000));
  }
  const fault = pace.look(60_000, 1001);
  t.ok(fault instanceof HttpFault);
  t.match(fault, { reason: 'answer_timeout', detail: 'the answer was taken slower than 256 bytes a second' });
  pace.end();
  t.equal(pace.dueMs, Number.POSITIVE_INFINITY);
  pace.begin(100_000, 5000);
  t.equal(pace.look(160_000, 5000)?.detail, 'nothing of the answer was taken for 60000 ms');
  t.end();
});
