/** What is promised over all threads, with four real ones. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { ALGORITHMS, type AlgorithmName } from '../../../src/pool/index.ts';
import { PoolFixture, said } from '../../support/pool-fixture.ts';
import type { HammerOrder, HammerReport } from '../../support/pool-hammer.ts';

const THREADS = 4;
const SEED = Math.trunc(Number(process.env['TEST_SEED'] ?? 20260101));

function startThread(
  fixture: PoolFixture,
  witness: SharedArrayBuffer,
  thread: number,
  task: HammerOrder['task'],
): { worker: Worker; report: Promise<HammerReport> } {
  const order: HammerOrder = { buffer: fixture.slots.buffer, witness, thread, seed: SEED + thread, task };
  const worker = new Worker(new URL('../../support/pool-hammer.ts', import.meta.url), { workerData: order });
  return { worker, report: once(worker, 'message').then(([report]) => report as HammerReport) };
}

async function hammer(
  fixture: PoolFixture,
  task: HammerOrder['task'],
): Promise<{ reports: HammerReport[]; most: number[] }> {
  const witness = new SharedArrayBuffer(fixture.slots.capacity * 8);
  const threads = Array.from({ length: THREADS }, (_, i) => startThread(fixture, witness, i + 1, task));
  const reports = await Promise.all(threads.map(({ report }) => report));
  const cells = new Int32Array(witness);
  return {
    reports,
    most: Array.from({ length: fixture.slots.capacity }, (_, slot) => cells[slot * 2 + 1] ?? 0),
  };
}

function setUp(
  servers: readonly { id: string; weight?: number; max?: number }[],
  algorithm: AlgorithmName = 'round_robin',
): PoolFixture {
  return new PoolFixture({ servers, algorithm, threads: THREADS + 1, seed: SEED });
}

for (const max of [1, 3]) {
  t.test(`a cap of ${max} is never exceeded and never leaves a place unused`, async (t) => {
    const fixture = setUp([{ id: 'a', max }]);
    const { slot } = fixture.server('a');
    const { reports, most } = await hammer(fixture, { kind: 'acquire', slot, max, rounds: 5000 });
    t.ok((most[slot] ?? 99) <= max, `at most ${most[slot]} held, seed ${SEED}`);
    t.same(
      reports.map((report) => report.done),
      [5000, 5000, 5000, 5000],
    );
    t.equal(fixture.inFlight(), 0);
  });
}

for (const algorithm of ALGORITHMS) {
  t.test(`${algorithm}: caps hold under four threads, and all is given back`, async (t) => {
    const fixture = setUp(
      [
        { id: 'a', max: 2, weight: 5 },
        { id: 'b', max: 3 },
        { id: 'c', max: 1 },
      ],
      algorithm,
    );
    const { most } = await hammer(fixture, { kind: 'pick', options: fixture.options, picks: 1500, hold: 2 });
    const held = fixture.pool.servers.map((server) => most[server.slot] ?? 99);
    t.ok(
      held.every((count, i) => count <= ([2, 3, 1][i] ?? 0)),
      `most held: ${held} of 2,3,1, seed ${SEED}`,
    );
    t.equal(fixture.inFlight(), 0);
    const picks = fixture.pool.servers.reduce(
      (sum, server) => sum + fixture.slots.counters.totals(server.slot).picks,
      0,
    );
    t.equal(picks, THREADS * 1500);
  });
}

t.test('round_robin is exact over all threads (B19)', async (t) => {
  const fixture = setUp([{ id: 'a', weight: 5 }, { id: 'b' }, { id: 'c' }]);
  await hammer(fixture, { kind: 'pick', options: fixture.options, picks: 3500, hold: 0 });
  const picks = fixture.pool.servers.map((server) => fixture.slots.counters.totals(server.slot).picks);
  t.same(picks, [10_000, 2000, 2000]);
});

t.test('a thread that is terminated gives back all it held', async (t) => {
  const fixture = setUp([{ id: 'a', max: 10 }]);
  const witness = new SharedArrayBuffer(fixture.slots.capacity * 8);
  const { worker, report } = startThread(fixture, witness, 2, {
    kind: 'hold',
    options: fixture.options,
    picks: 10,
  });
  await report;
  t.equal(said(fixture.pool.pick(fixture.ctx())), 'busy');
  await worker.terminate();
  fixture.slots.zeroThread(2);
  t.equal(fixture.inFlight(), 0);
  t.equal(said(fixture.pool.pick(fixture.ctx())), 'a');
});

t.test('a slot is never given to a new owner while somebody holds a place on it', async (t) => {
  const fixture = setUp([]);
  const plan = fixture.allocator.prepare(['first owner']);
  plan.commit();
  const slot = plan.slots.get('first owner')?.slot ?? -1;
  const [stop, owner, times] = [0, 1, 2];
  const buffer = new SharedArrayBuffer((times + 3) * 4);
  const shared = new Int32Array(buffer);
  Atomics.store(shared, owner, fixture.slots.generation(slot));
  const witness = new SharedArrayBuffer(fixture.slots.capacity * 8);
  const threads = [1, 2].map((thread) =>
    startThread(fixture, witness, thread, { kind: 'churn', slot, shared: buffer }),
  );
  const held = (): number => Atomics.load(shared, times + 1) + Atomics.load(shared, times + 2);
  let heldBefore = 0;
  for (let owners = 0; owners < 500; ) {
    if (held() === heldBefore) await new Promise((resolve) => setImmediate(resolve));
    else {
      // What the allocator does: the owner is gone at once, its heir comes when nothing is in flight.
      fixture.slots.retire(slot);
      while (!fixture.slots.isIdle(slot)) await new Promise((resolve) => setImmediate(resolve));
      heldBefore = held();
      fixture.slots.clear(slot);
      Atomics.store(shared, owner, fixture.slots.generation(slot));
      owners++;
    }
  }
  Atomics.store(shared, stop, 1);
  const reports = await Promise.all(threads.map(({ report }) => report));
  t.comment(
    `held ${reports.map((report) => report.done)} times, refused ${reports.map((report) => report.refused)}`,
  );
  t.same(
    reports.map((report) => report.stolen),
    [0, 0],
    `seed ${SEED}`,
  );
  t.equal(fixture.inFlight(), 0);
});
