import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import {
  type ClientKey,
  LimiterTable,
  RateRule,
  type RateRuleOptions,
  Verdict,
} from '../../../src/limit/index.ts';

const CLIENT: ClientKey = { hi: 0xffff, lo: 0x0a000001 };
const SEED = Buffer.from('0123456789abcdef', 'hex');
const LIMIT_INDEX = new URL('../../../src/limit/index.ts', import.meta.url).href;
/** The lock of the first set and the cells of its first entry; see the drawing in table.ts. */
const LOCK = 16;
const FIRST_SUM = 16 + 48 + 2;

/** Starts a worker that waits for its fellows at `gate`, then runs `body` with `table`, `rule`, `client`, `verdict`. */
function startWorker(
  table: LimiterTable,
  thread: number,
  rule: RateRuleOptions,
  gate: Int32Array,
  body: string,
): Worker {
  const code = `
    import { parentPort, workerData } from 'node:worker_threads';
    import { LimiterTable, RateRule, Verdict } from ${JSON.stringify(LIMIT_INDEX)};
    const { buffer, thread, gate } = workerData;
    const table = LimiterTable.attach(buffer, thread);
    const rule = new RateRule(workerData.rule);
    const client = workerData.client;
    const verdict = new Verdict();
    parentPort.postMessage('ready');
    Atomics.wait(gate, 0, 0);
    ${body}
  `;
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), {
    workerData: { buffer: table.buffer, thread, rule, client: CLIENT, gate },
  });
}

async function allReady(workers: readonly Worker[]): Promise<void> {
  await Promise.all(workers.map((worker) => once(worker, 'message')));
}

function openGate(gate: Int32Array): void {
  Atomics.store(gate, 0, 1);
  Atomics.notify(gate, 0);
}

for (const burst of [undefined, 5000]) {
  t.test(`4 threads at one client: exactly the limit (${burst ? 'bucket' : 'window'})`, async (t) => {
    const options: RateRuleOptions = { name: 'r', count: 5000, windowMs: 60_000, burst };
    const table = LimiterTable.create({ entries: 1024, seed: SEED, nowMs: 0 });
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const body = `
      let accepted = 0;
      for (let i = 0; i < 20000; i++) {
        table.check(rule, client, 1000, verdict);
        if (verdict.allowed) accepted++;
      }
      parentPort.postMessage(accepted);
    `;
    const workers = [0, 1, 2, 3].map((thread) => startWorker(table, thread, options, gate, body));
    await allReady(workers);
    const results = Promise.all(workers.map((worker) => once(worker, 'message')));
    openGate(gate);
    const accepted = (await results).map(([count]) => count as number);
    t.equal(
      accepted.reduce((sum, count) => sum + count, 0),
      5000,
      `by thread: ${accepted.join(', ')}`,
    );
    t.equal(table.stats().evictedLive, 0);
    await Promise.all(workers.map((worker) => worker.terminate()));
  });
}

t.test('a thread that dies with a lock in hand does not wedge the others', async (t) => {
  const options: RateRuleOptions = { name: 'r', count: 3, windowMs: 60_000 };
  const table = LimiterTable.create({ entries: 8, seed: SEED, nowMs: 0 });
  const gate = new Int32Array(new SharedArrayBuffer(4));
  // Dies at the worst moment: lock taken, one request in the counter but not yet in the sum.
  const body = `
    table.check(rule, client, 0, verdict);
    const ints = new Int32Array(buffer);
    Atomics.store(ints, ${LOCK}, thread + 1);
    ints[${FIRST_SUM} + 1] += 1;
    parentPort.postMessage('holding');
    for (;;);
  `;
  const worker = startWorker(table, 5, options, gate, body);
  await allReady([worker]);
  const holding = once(worker, 'message');
  openGate(gate);
  await holding;
  await worker.terminate();

  const rule = new RateRule(options);
  const verdict = new Verdict();
  table.check(rule, CLIENT, 0, verdict);
  t.same(
    { ...verdict },
    { allowed: false, limit: 3, remaining: 0, resetMs: 1000, retryAfterMs: 1000 },
    'refused, not blocked',
  );
  t.equal(table.stats().gaveUp, 1);
  t.equal(table.releaseThread(4), 0, 'of another thread nothing is released');
  t.equal(table.releaseThread(5), 1);
  t.equal(table.releaseThread(5), 0);

  table.check(rule, CLIENT, 0, verdict);
  t.equal(verdict.allowed, true);
  t.equal(verdict.remaining, 0, 'the sum was mended: 1 + the half-counted one + this');
  table.check(rule, CLIENT, 0, verdict);
  t.equal(verdict.allowed, false);
  t.equal(table.stats().gaveUp, 1);
});

t.test('a lock of our own that was left behind is taken again', async (t) => {
  const table = LimiterTable.create({ entries: 8, seed: SEED, nowMs: 0 });
  const own = LimiterTable.attach(table.buffer, 0);
  new Int32Array(table.buffer)[LOCK] = 1;
  const verdict = new Verdict();
  own.check(new RateRule({ name: 'r', count: 3, windowMs: 1000 }), CLIENT, 0, verdict);
  t.equal(verdict.allowed, true);
  t.equal(new Int32Array(table.buffer)[LOCK], 0);
});

t.test('threads killed at any moment: the limit holds, nobody is wedged', async (t) => {
  const options: RateRuleOptions = { name: 'r', count: 1_000_000, windowMs: 60_000 };
  const table = LimiterTable.create({ entries: 8, seed: SEED, nowMs: 0 });
  const rule = new RateRule(options);
  const verdict = new Verdict();
  for (let round = 0; round < 6; round++) {
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const body = `
      for (let i = 0; ; i++) {
        table.check(rule, client, 1000, verdict);
        if (i === 2000) parentPort.postMessage('running');
      }
    `;
    const workers = [0, 1].map((thread) => startWorker(table, thread, options, gate, body));
    await allReady(workers);
    const running = Promise.all(workers.map((worker) => once(worker, 'message')));
    openGate(gate);
    await running;
    for (const [thread, worker] of workers.entries()) {
      await worker.terminate();
      table.releaseThread(thread);
    }
    const gaveUp = table.stats().gaveUp;
    table.check(rule, CLIENT, 1000, verdict);
    t.equal(table.stats().gaveUp, gaveUp, 'the set can be used');
    const ints = new Int32Array(table.buffer);
    const counters = ints.slice(FIRST_SUM + 1, FIRST_SUM + 34).reduce((sum, count) => sum + count, 0);
    t.equal(ints[FIRST_SUM], counters, 'sum and counters agree');
    t.ok(counters <= 1_000_000);
  }
});
