import t from 'tap';
import type {
  HealthCheck,
  HealthPool,
  HealthTarget,
  ProbeResult,
  TcpCheck,
} from '../../../src/control/health/options.ts';
import { HealthChecker, type HealthReport } from '../../../src/control/index.ts';
import { SeededRandom } from '../../../src/kernel/random.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const CHECK: TcpCheck = {
  type: 'tcp',
  port: undefined,
  intervalMs: 5000,
  timeoutMs: 2000,
  rise: 2,
  fall: 3,
  jitterFraction: 0,
};
const PASS: ProbeResult = { ok: true, responseMs: 1 };
const FAIL: ProbeResult = { ok: false, responseMs: 1, why: 'connect refused' };

interface Asked {
  readonly target: HealthTarget;
  readonly check: HealthCheck;
  readonly signal: AbortSignal;
  readonly atMs: number;
  readonly answer: (result: ProbeResult) => void;
}

/** A checker over probes that the test answers; `auto` answers at once. */
function setUp(options: { maxConcurrent?: number; auto?: () => ProbeResult } = {}) {
  const clock = new FakeClock();
  const asked: Asked[] = [];
  const reports: HealthReport[] = [];
  let auto = options.auto;
  const checker = new HealthChecker({
    clock,
    random: new SeededRandom(7),
    report: (report) => reports.push(report),
    ...(options.maxConcurrent === undefined ? {} : { maxConcurrent: options.maxConcurrent }),
    probe: (target, check, signal) =>
      new Promise((resolve) => {
        asked.push({ target, check, signal, atMs: clock.nowMs(), answer: resolve });
        // As the real ones: an aborted probe ends.
        signal.addEventListener('abort', () => resolve({ ok: false, responseMs: 0, why: 'timed out' }));
        if (auto) resolve(auto());
      }),
  });
  return {
    clock,
    asked,
    reports,
    checker,
    setAuto: (next: (() => ProbeResult) | undefined) => {
      auto = next;
    },
  };
}

function nth<T>(list: readonly T[], at: number): T {
  const one = list[at];
  if (one === undefined) throw new Error(`there is no number ${at} of ${list.length}`);
  return one;
}

function server(id: string, port = 80): HealthTarget {
  return { id, host: '127.0.0.1', port };
}

function pool(name: string, servers: HealthTarget[], check: HealthCheck | undefined = CHECK): HealthPool {
  return { name, check, servers };
}

t.test('checks at once, again after the interval, faster while it changes', async (t) => {
  let result: ProbeResult = PASS;
  const { clock, asked, reports, checker } = setUp({ auto: () => result });
  checker.update([pool('web', [server('a')])]);
  t.equal(asked.length, 0, 'not before the start');
  await checker.start();
  await clock.run(0);
  t.equal(asked.length, 1);
  t.match(reports, [
    { pool: 'web', server: 'a', healthy: true, changed: true, why: 'check passed', responseMs: 1 },
  ]);
  await clock.run(5000);
  t.ok(asked.length >= 2, 'the second comes within one interval');
  result = FAIL;
  const before = asked.length;
  await clock.run(8000);
  const times = asked.slice(before).map((one) => one.atMs);
  t.strictSame(
    [nth(times, 1) - nth(times, 0), nth(times, 2) - nth(times, 1)],
    [1000, 1000],
    'one second apart while it falls',
  );
  t.match(
    reports.filter((one) => one.changed).map((one) => one.healthy),
    [true, false],
  );
  t.equal(checker.state('web', 'a')?.status, 'unhealthy');
  await checker.stop();
  t.equal(clock.pending, 0);
});

t.test('an interval of minutes and one of 100 ms', async (t) => {
  const { clock, asked, checker } = setUp({ auto: () => PASS });
  checker.update([
    pool('slow', [server('a', 1)], { ...CHECK, intervalMs: 300_000 }),
    pool('fast', [server('b', 2)], { ...CHECK, intervalMs: 100 }),
  ]);
  await checker.start();
  await clock.run(300_000 * 3);
  const slow = asked.filter((one) => one.target.port === 1).length;
  const fast = asked.filter((one) => one.target.port === 2).length;
  t.ok(slow === 3 || slow === 4, `5m: ${slow} checks in 15 minutes`);
  t.ok(fast >= 9000 && fast <= 9001, `100ms: ${fast} checks in 15 minutes`);
  await checker.stop();
});

t.test('two pools with the same address are independent', async (t) => {
  const { clock, asked, checker } = setUp();
  checker.update([pool('web', [server('a')]), pool('api', [server('a')], { ...CHECK, fall: 1 })]);
  await checker.start();
  t.equal(asked.length, 2);
  nth(asked, 0).answer(PASS);
  nth(asked, 1).answer(FAIL);
  await clock.run(0);
  t.equal(checker.state('web', 'a')?.status, 'healthy');
  t.equal(checker.state('api', 'a')?.status, 'unhealthy');
  await checker.stop();
});

t.test('never two checks of one server; checkNow joins the one that runs', async (t) => {
  const { clock, asked, checker } = setUp();
  checker.update([pool('web', [server('a')])]);
  await checker.start();
  const first = checker.checkNow('web', 'a');
  const second = checker.checkNow('web', 'a');
  await clock.run(1000);
  t.equal(asked.length, 1);
  nth(asked, 0).answer(PASS);
  t.equal((await first).healthy, true);
  t.equal(await second, await first);
  const third = checker.checkNow('web', 'a');
  t.equal(asked.length, 2, 'it does not wait for the interval');
  nth(asked, 1).answer(FAIL);
  t.match(await third, { healthy: true, changed: false, why: 'check 1 of 3 failed: connect refused' });
  t.equal(clock.pending, 1, 'and the old timer is gone');
  await checker.stop();
});

t.test('checkNow of what is not checked says so', async (t) => {
  const { checker } = setUp();
  checker.update([pool('web', [server('a')]), { name: 'bare', check: undefined, servers: [server('x')] }]);
  await t.rejects(checker.checkNow('web', 'a'), { code: 'no_check' }, 'before the start');
  await checker.start();
  await t.rejects(checker.checkNow('web', 'b'), { code: 'no_check', message: /"web".*"b"/ });
  await t.rejects(checker.checkNow('bare', 'x'), { code: 'no_check' });
  await checker.stop();
});

t.test('the timeout ends the probe', async (t) => {
  const { clock, asked, reports, checker } = setUp();
  checker.update([pool('web', [server('a')])]);
  await checker.start();
  await clock.run(1999);
  t.equal(nth(asked, 0).signal.aborted, false);
  await clock.run(1);
  t.equal(nth(asked, 0).signal.aborted, true);
  t.match(reports, [{ healthy: false, why: 'timed out' }]);
  await checker.stop();
});

t.test('a probe that throws is a failed check', async (t) => {
  const clock = new FakeClock();
  const reports: HealthReport[] = [];
  const checker = new HealthChecker({
    clock,
    random: new SeededRandom(1),
    report: (report) => reports.push(report),
    probe: () => Promise.reject(new Error('boom')),
  });
  checker.update([pool('web', [server('a')])]);
  await checker.start();
  await clock.run(0);
  t.match(reports, [{ healthy: false, why: 'check broke: boom' }]);
  await checker.stop();
});

t.test('a reload', async (t) => {
  t.test('keeps the state, the timer and the running check of what did not change', async (t) => {
    const { clock, asked, reports, checker } = setUp({ auto: () => PASS });
    checker.update([pool('web', [server('a')])]);
    await checker.start();
    await clock.run(0);
    const state = checker.state('web', 'a');
    checker.update([pool('web', [server('a'), server('b', 81)])]);
    await clock.run(0);
    t.equal(checker.state('web', 'a'), state);
    t.strictSame(
      asked.map((one) => one.target.id),
      ['a', 'b'],
      'only the new one is checked',
    );
    t.equal(reports.length, 2);
    t.equal(clock.pending, 2);
    await checker.stop();
  });

  t.test('a changed check keeps the verdict, drops the streak, looks at once', async (t) => {
    const { clock, asked, reports, checker, setAuto } = setUp({ auto: () => PASS });
    checker.update([pool('web', [server('a')])]);
    await checker.start();
    await clock.run(0);
    setAuto(undefined);
    checker.update([pool('web', [server('a')], { ...CHECK, fall: 1 })]);
    t.equal(checker.state('web', 'a')?.status, 'healthy');
    t.equal(asked.length, 2);
    nth(asked, 1).answer(FAIL);
    await clock.run(0);
    t.match(reports.at(-1), { healthy: false, changed: true }, 'by the new rules');
    await checker.stop();
  });

  t.test('a check that runs by the old rules is thrown away', async (t) => {
    const { clock, asked, reports, checker } = setUp();
    checker.update([pool('web', [server('a')])]);
    await checker.start();
    checker.update([pool('web', [server('a')], { ...CHECK, intervalMs: 1000 })]);
    t.equal(nth(asked, 0).signal.aborted, true);
    t.equal(asked.length, 2);
    await clock.run(0);
    t.equal(reports.length, 0, 'the aborted one is no result');
    nth(asked, 1).answer(PASS);
    await clock.run(0);
    t.equal(reports.length, 1);
    await checker.stop();
  });

  t.test('a changed address is a new server', async (t) => {
    const { clock, asked, checker } = setUp();
    checker.update([pool('web', [server('a', 80)])]);
    await checker.start();
    nth(asked, 0).answer(PASS);
    await clock.run(0);
    checker.update([pool('web', [server('a', 81)])]);
    t.equal(checker.state('web', 'a')?.status, 'unknown');
    await checker.stop();
  });

  t.test('a removed server is cancelled, whoever asked is told, nothing is reported', async (t) => {
    const { clock, asked, reports, checker } = setUp();
    checker.update([pool('web', [server('a')])]);
    await checker.start();
    const now = checker.checkNow('web', 'a');
    checker.update([pool('web', [])]);
    await t.rejects(now, { code: 'check_ended', message: /"a"/ });
    t.equal(nth(asked, 0).signal.aborted, true);
    await clock.run(60_000);
    t.equal(reports.length, 0);
    t.equal(asked.length, 1);
    t.equal(clock.pending, 0);
    t.equal(checker.state('web', 'a'), undefined);
    await checker.stop();
  });

  t.test('out of a report: the server that is reported may be removed', async (t) => {
    const clock = new FakeClock();
    const checker: HealthChecker = new HealthChecker({
      clock,
      random: new SeededRandom(1),
      report: () => checker.update([]),
      probe: () => Promise.resolve(FAIL),
    });
    checker.update([pool('web', [server('a')])]);
    await checker.start();
    await clock.run(60_000);
    t.equal(clock.pending, 0);
    await checker.stop();
  });
});

t.test('a bounded number at a time; one that waits can be removed', async (t) => {
  const { clock, asked, checker } = setUp({ maxConcurrent: 2 });
  checker.update([pool('web', [server('a', 1), server('b', 2), server('c', 3), server('d', 4)])]);
  await checker.start();
  t.strictSame(
    asked.map((one) => one.target.id),
    ['a', 'b'],
  );
  checker.update([pool('web', [server('a', 1), server('b', 2), server('d', 4)])]);
  nth(asked, 0).answer(PASS);
  await clock.run(0);
  t.strictSame(
    asked.map((one) => one.target.id),
    ['a', 'b', 'd'],
  );
  nth(asked, 1).answer(PASS);
  nth(asked, 2).answer(PASS);
  await clock.run(5000);
  t.ok(asked.length >= 5, 'places are given back');
  await checker.stop();
  t.equal(clock.pending, 0);
});

t.test('later checks of many servers do not go in step', async (t) => {
  const { clock, asked, checker } = setUp({ auto: () => PASS });
  checker.update([
    pool(
      'web',
      Array.from({ length: 100 }, (_, i) => server(`s${i}`, i + 1)),
    ),
  ]);
  await checker.start();
  await clock.run(0);
  t.equal(asked.length, 100, 'the first come at once');
  const from = clock.nowMs();
  await clock.run(5000);
  const tenths = new Set(asked.slice(100).map((one) => Math.floor((one.atMs - from) / 500)));
  t.ok(tenths.size >= 8, `spread over ${tenths.size} tenths of the interval`);
  await checker.stop();
});

t.test('the contract of a service: stop before start, twice, during a check', async (t) => {
  const idle = setUp();
  await idle.checker.stop();
  await t.rejects(idle.checker.start());
  const { clock, asked, reports, checker } = setUp();
  checker.update([pool('web', [server('a')])]);
  await checker.start();
  await Promise.all([checker.stop(), checker.stop()]);
  t.equal(nth(asked, 0).signal.aborted, true);
  t.equal(reports.length, 0);
  t.equal(clock.pending, 0);
});
