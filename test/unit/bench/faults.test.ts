/** What a run with faults is judged by. */
import t from 'tap';
import {
  judgeSlow,
  type LogLine,
  missingTraces,
  type Turn,
  verdictOf,
} from '../../../bench/faults/report.ts';

const T0 = Date.parse('2026-11-22T10:00:00.000Z');
const turn = (fault: Turn['fault']): Turn => ({
  fault,
  server: 'a:1',
  ...{ brokenAtMs: 1000, mendedAtMs: 7000, backAtMs: 9000, wallFromMs: T0 + 1000, wallToMs: T0 + 9000 },
  failures: 9,
});
const line = (atMs: number, message: string, more: Partial<LogLine> = {}): LogLine => ({
  ...{ time: new Date(T0 + atMs).toISOString(), message, server: 'a:1', why: 'connect refused' },
  ...more,
});

t.test('a fault has to be in the log, with its reason, and so has its end', async (t) => {
  const out = line(3000, 'server is unhealthy');
  const back = line(8000, 'server is healthy');
  const cases: [name: string, log: LogLine[], missing: RegExp[]][] = [
    ['both', [out, back], []],
    ['ejected and tried again', [line(2000, 'server is ejected'), line(8000, 'server is tried again')], []],
    ['nothing', [], [/no line of the log says that it is out/, /says that it is back/]],
    ['never back', [out], [/says that it is back/]],
    ['no reason', [line(3000, 'server is unhealthy', { why: '' }), back], [/without a reason/]],
    [
      'another server',
      [
        { ...out, server: 'b:1' },
        { ...back, server: 'b:1' },
      ],
      [/is out/, /is back/],
    ],
    ['before it', [line(500, 'server is unhealthy'), back], [/is out/]],
    ['after it', [out, line(9500, 'server is healthy')], [/is back/]],
  ];
  for (const [name, log, missing] of cases) {
    const found = missingTraces(turn('kill'), log);
    t.equal(found.length, missing.length, name);
    for (const [i, pattern] of missing.entries()) t.match(found[i], pattern, name);
  }
  t.same(missingTraces(turn('slow'), []), [], 'a slow server serves');
  t.equal(missingTraces(turn('garbage'), []).length, 2);
  t.same(missingTraces({ ...turn('garbage'), failures: 4 }, []), [], 'too few to eject anybody');
  t.equal(missingTraces({ ...turn('kill'), failures: 4 }, []).length, 2, 'checks see that');
});

t.test('one slow server: the ratio of each round', async (t) => {
  const pair = (sound: number, slow: number) => ({ soundMs: [1, sound], slowMs: [1, slow] });
  const nine = (slow: number) => Array.from({ length: 9 }, () => pair(20, slow));
  t.equal(judgeSlow([]), null);
  t.match(judgeSlow(nine(30)), { ratio: { median: 1.5 }, verdict: 'holds' });
  t.match(judgeSlow(nine(50)), { ratio: { median: 2.5 }, verdict: 'missed' });
  t.match(judgeSlow([pair(20, 30), pair(20, 30)]), { verdict: 'undecided' });
});

t.test('what speaks against a run', async (t) => {
  const failure = { atMs: 1500, durationMs: 3, method: 'GET', what: '502 connect_error' };
  const none = { failures: [], turns: [], log: [], problems: [], slow: null };
  t.same(verdictOf(none), []);
  t.same(verdictOf({ ...none, failures: [failure] }), ['failed at 1.50 s: GET: 502 connect_error (3 ms)']);
  t.equal(
    verdictOf({ ...none, failures: Array.from({ length: 30 }, () => failure) }).at(-1),
    'failed: 10 more',
  );
  t.equal(verdictOf({ ...none, turns: [turn('freeze')], problems: ['p'] }).length, 3);
  const slow = judgeSlow(Array.from({ length: 9 }, () => ({ soundMs: [10], slowMs: [40] })));
  t.match(verdictOf({ ...none, slow })[0], /p99 is 4\.00/);
});
