import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { delay, systemClock } from '../../../src/kernel/clock.ts';
import { Deadlines } from '../../../src/kernel/deadlines.ts';
import { FakeClock } from '../../support/fake-clock.ts';

t.test('it goes forward, in milliseconds', async (t) => {
  const [nowMs, wallMs] = [systemClock.nowMs(), systemClock.wallMs()];
  await delay(systemClock, 20);
  const elapsedMs = systemClock.nowMs() - nowMs;
  // A timer of libuv may be up to a millisecond early.
  t.ok(elapsedMs >= 19, `${elapsedMs} ms`);
  t.ok(systemClock.wallMs() - wallMs >= 18);
  t.ok(Math.abs(systemClock.wallMs() - Date.now()) < 1000);
});

t.test('a wall clock that jumps moves no deadline and no limit (B68)', async (t) => {
  const real = Date.now;
  t.teardown(() => {
    Date.now = real;
  });
  const startMs = systemClock.nowMs();
  for (const jumpMs of [365 * 86_400_000, -365 * 86_400_000]) {
    Date.now = () => real() + jumpMs;
    const fired: number[] = [];
    const timer = systemClock.setTimer(20, () => fired.push(systemClock.nowMs()));
    const deadlines = new Deadlines(systemClock);
    const entry = {
      deadlineMs: systemClock.nowMs() + 60_000,
      deadlineIndex: -1,
      onDeadline: () => t.fail('a minute has not passed'),
    };
    deadlines.add(entry);
    deadlines.sweep();
    t.same(fired, [], 'nothing at once');
    await delay(systemClock, 30);
    t.equal(fired.length, 1, 'and not a year late');
    deadlines.sweep();
    deadlines.stop();
    timer.cancel();
  }
  const elapsedMs = systemClock.nowMs() - startMs;
  t.ok(elapsedMs >= 58 && elapsedMs < 60_000, `${elapsedMs} ms`);
});

t.test('one zero in all threads', async (t) => {
  const url = new URL('../../../src/kernel/clock.ts', import.meta.url).href;
  const script = `import(${JSON.stringify(url)}).then(({ systemClock }) =>
    require('node:worker_threads').parentPort.postMessage(systemClock.nowMs()))`;
  const beforeMs = systemClock.nowMs();
  const worker = new Worker(script, { eval: true });
  const [inThreadMs] = (await once(worker, 'message')) as [number];
  const afterMs = systemClock.nowMs();
  t.ok(inThreadMs > beforeMs - 1 && inThreadMs < afterMs + 1, `${beforeMs} < ${inThreadMs} < ${afterMs}`);
  await worker.terminate();
});

t.test('a far deadline does not fire at once', async (t) => {
  let fired = 0;
  const timers = [2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER].map((ms) =>
    systemClock.setTimer(ms, () => fired++),
  );
  await sleep(20);
  t.equal(fired, 0);
  for (const timer of timers) timer.cancel();
});

t.test('cancelled in time or too late', async (t) => {
  let fired = 0;
  const never = systemClock.setTimer(1, () => fired++);
  never.cancel();
  await delay(systemClock, 5);
  t.equal(fired, 0);
  const past = systemClock.setTimer(-5, () => fired++);
  await delay(systemClock, 5);
  t.equal(fired, 1, 'a time that has passed is now');
  past.cancel();
  past.cancel();
});

t.test('a ticker goes on until it is cancelled', async (t) => {
  // It keeps no process alive by itself.
  const alive = setTimeout(() => {}, 10_000);
  const { promise, resolve } = Promise.withResolvers<void>();
  let ticks = 0;
  const ticker = systemClock.setTicker(1, () => {
    if (++ticks === 3) {
      ticker.cancel();
      resolve();
    }
  });
  await promise;
  await sleep(10);
  clearTimeout(alive);
  t.equal(ticks, 3);
});

t.test('delay follows the clock it is given', async (t) => {
  const clock = new FakeClock();
  let isOver = false;
  const waited = delay(clock, 1000).then(() => {
    isOver = true;
  });
  await clock.run(999);
  t.notOk(isOver);
  await clock.run(1);
  await waited;
  t.ok(isOver);
});
