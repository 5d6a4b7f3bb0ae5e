/** Which requests get a fault: shares that hold, one seed that tells the whole run. */
import t from 'tap';
import { SeededRandom } from '../../../src/kernel/random.ts';
import { drawFaults, type FaultOptions } from '../../../src/proxy/faults.ts';

const RUNS = 20_000;

t.test('each fault has its own share', async (t) => {
  const table: [FaultOptions, delayed: number, aborted: number][] = [
    [{ delay: { timeMs: 5, share: 0.1 }, abort: null }, 0.1, 0],
    [{ delay: null, abort: { status: 418, share: 0.3 } }, 0, 0.3],
    [{ delay: { timeMs: 5, share: 1 }, abort: { status: 500, share: 0.5 } }, 1, 0.5],
    [{ delay: null, abort: null }, 0, 0],
  ];
  for (const [options, delayed, aborted] of table) {
    const random = new SeededRandom(7);
    let delays = 0;
    let aborts = 0;
    for (let i = 0; i < RUNS; i++) {
      const { delayMs, status } = drawFaults(options, random);
      if (delayMs > 0) delays++;
      if (status > 0) aborts++;
      if (delayMs > 0 && delayMs !== options.delay?.timeMs) t.fail(`${delayMs} ms`);
      if (status > 0 && status !== options.abort?.status) t.fail(`${status}`);
    }
    t.ok(Math.abs(delays / RUNS - delayed) < 0.01, `${delays / RUNS} of ${delayed}`);
    t.ok(Math.abs(aborts / RUNS - aborted) < 0.01, `${aborts / RUNS} of ${aborted}`);
  }
});

t.test('the same seed, the same faults', async (t) => {
  const options = { delay: { timeMs: 5, share: 0.5 }, abort: { status: 503, share: 0.5 } };
  const run = () => {
    const random = new SeededRandom(3);
    return Array.from({ length: 50 }, () => drawFaults(options, random));
  };
  t.same(run(), run());
});
