/** Places of requests in flight: exact over threads, given back one by one, struck out with a thread that dies. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import t from 'tap';
import {
  type ClientKey,
  ConcurrencyRule,
  LimiterTable,
  PlaceTable,
  REFUSED,
} from '../../../src/limit/index.ts';

const SEED = Buffer.from('0123456789abcdef', 'hex');
const LIMIT_INDEX = new URL('../../../src/limit/index.ts', import.meta.url).href;
const client = (number: number): ClientKey => ({ hi: 0xffff, lo: number });
const rule = new ConcurrencyRule({ name: 'r', max: 2 });

function threads(count: number, entries = 64): { main: PlaceTable; of: PlaceTable[] } {
  const main = PlaceTable.create({ entries, threads: count, seed: SEED });
  return { main, of: Array.from({ length: count }, (_, thread) => PlaceTable.attach(main.buffer, thread)) };
}

t.test('clients and rules are counted apart, over all threads', async (t) => {
  const { main, of } = threads(2);
  const [first, second] = of as [PlaceTable, PlaceTable];
  const other = new ConcurrencyRule({ name: 'other', max: 1 });
  const a = first.enter(rule, client(1));
  t.not(second.enter(rule, client(1)), REFUSED);
  t.equal(first.enter(rule, client(1)), REFUSED);
  t.equal(second.enter(rule, client(1)), REFUSED);
  t.not(first.enter(rule, client(2)), REFUSED, 'another client');
  t.not(first.enter(other, client(1)), REFUSED, 'another rule');
  t.equal(main.stats().taken, 4);
  first.leave(a);
  t.not(second.enter(rule, client(1)), REFUSED);
  t.equal(first.enter(rule, client(1)), REFUSED);
});

t.test('a rule with another max goes on with what is in flight', async (t) => {
  const [table] = threads(1).of as [PlaceTable];
  table.enter(rule, client(1));
  table.enter(rule, client(1));
  t.equal(table.enter(new ConcurrencyRule({ name: 'r', max: 1 }), client(1)), REFUSED);
  t.not(table.enter(new ConcurrencyRule({ name: 'r', max: 3 }), client(1)), REFUSED);
});

t.test('a full set lets in uncounted, and what is uncounted needs not be given back', async (t) => {
  const { main, of } = threads(1, 8);
  const [table] = of as [PlaceTable];
  const places = Array.from({ length: 8 }, (_, i) => table.enter(rule, client(i)));
  const uncounted = table.enter(rule, client(8));
  t.ok(uncounted !== REFUSED && uncounted < 0);
  table.leave(uncounted);
  t.same(main.stats(), { taken: 8, uncounted: 1, gaveUp: 0 });
  table.leave(places[3] as number);
  t.ok(table.enter(rule, client(8)) >= 0, 'the free way goes to another client');
  t.equal(main.stats().taken, 8);
});

t.test('agrees with counting, whatever comes and goes', async () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(2), fc.nat(3), fc.boolean()), { maxLength: 200 }), (steps) => {
      const { main, of } = threads(3);
      const held = new Map<number, [PlaceTable, number][]>();
      for (const [thread, who, comes] of steps) {
        const mine = held.get(who) ?? [];
        held.set(who, mine);
        if (comes) {
          const table = of[thread] as PlaceTable;
          const place = table.enter(rule, client(who));
          if ((place !== REFUSED) !== mine.length < 2) return false;
          if (place !== REFUSED) mine.push([table, place]);
        } else {
          const [table, place] = mine.shift() ?? [];
          if (place !== undefined) table?.leave(place);
        }
      }
      return main.stats().taken === [...held.values()].flat().length;
    }),
  );
});

t.test('a dead thread: its places and its lock are struck out, those of others stay', async (t) => {
  const { main, of } = threads(2, 8);
  const [first, second] = of as [PlaceTable, PlaceTable];
  first.enter(rule, client(1));
  second.enter(rule, client(1));
  new Int32Array(main.buffer)[16] = 1;
  t.equal(second.enter(rule, client(1)), REFUSED, 'refused, not blocked');
  t.equal(main.stats().gaveUp, 1);
  t.equal(main.releaseThread(0), 1);
  t.equal(main.stats().taken, 1);
  t.ok(second.enter(rule, client(1)) >= 0);
  t.equal(second.enter(rule, client(1)), REFUSED);
});

t.test('4 threads at one client: never more than the limit, and nothing is left at the end', async (t) => {
  const { main } = threads(4);
  const gate = new Int32Array(new SharedArrayBuffer(12));
  const code = `
    import { parentPort, workerData } from 'node:worker_threads';
    import { ConcurrencyRule, PlaceTable } from ${JSON.stringify(LIMIT_INDEX)};
    const { buffer, thread, gate, client } = workerData;
    const table = PlaceTable.attach(buffer, thread);
    const rule = new ConcurrencyRule({ name: 'r', max: 3 });
    parentPort.postMessage('ready');
    Atomics.wait(gate, 0, 0);
    let entered = 0;
    for (let i = 0; i < 20000; i++) {
      const place = table.enter(rule, client);
      if (place < 0) continue;
      entered++;
      // How many are inside at this moment, as they say themselves.
      const inside = Atomics.add(gate, 1, 1) + 1;
      if (inside > 3) Atomics.add(gate, 2, 1);
      Atomics.sub(gate, 1, 1);
      table.leave(place);
    }
    parentPort.postMessage(entered);
  `;
  const workers = [0, 1, 2, 3].map(
    (thread) =>
      new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), {
        workerData: { buffer: main.buffer, thread, gate, client: client(1) },
      }),
  );
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  const results = Promise.all(workers.map((worker) => once(worker, 'message')));
  Atomics.store(gate, 0, 1);
  Atomics.notify(gate, 0);
  const entered = (await results).map(([count]) => count as number);
  t.ok(
    entered.every((it) => it > 0),
    `by thread: ${entered.join(', ')}`,
  );
  t.equal(gate[2], 0, 'never more than 3 inside');
  // A thread may lose its core while it holds the lock of a set; the others refuse rather than wait for it.
  const { taken, uncounted } = main.stats();
  t.same({ taken, uncounted }, { taken: 0, uncounted: 0 });
  await Promise.all(workers.map((worker) => worker.terminate()));
});

t.test('what is no table of ours is refused', async (t) => {
  const code = 'bad_place_table';
  const limiter = LimiterTable.create({ entries: 8, seed: SEED, nowMs: 0 });
  t.throws(() => PlaceTable.attach(new SharedArrayBuffer(64), 0), { code });
  t.throws(() => PlaceTable.attach(limiter.buffer, 0), { code }, 'the other table');
  t.throws(() => PlaceTable.create({ entries: 8, threads: 1, seed: Buffer.alloc(7) }), { code });
  const { buffer } = PlaceTable.create({ entries: 9, threads: 3, seed: SEED });
  t.equal(buffer.byteLength, (16 + 2 * (24 + 8 * 3)) * 4, 'two sets for nine entries');
  t.doesNotThrow(() => PlaceTable.attach(buffer, 2));
});
