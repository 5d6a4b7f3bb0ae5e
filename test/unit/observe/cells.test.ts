import { Worker } from 'node:worker_threads';
import t from 'tap';
import { REASON_NAMES } from '../../../src/kernel/reason.ts';
import {
  BLOCK_KINDS,
  HISTOGRAM,
  LISTENER,
  POOL,
  ROUTE,
  STATUS_CLASSES,
} from '../../../src/observe/cells/blocks.ts';
import {
  CellTable,
  LATENCY_BOUNDS_MS,
  ListenerCells,
  PoolCells,
  RouteCells,
} from '../../../src/observe/index.ts';
import { CellAllocator } from '../../../src/observe/main/index.ts';
import { FakeClock } from '../../support/fake-clock.ts';

t.test('rows are separate, sums go over all', async (t) => {
  const table = new CellTable({ threads: 3, cells: 10 });
  for (let thread = 0; thread < 3; thread++) table.row(thread)[4] = thread + 1;
  t.equal(table.sum(4), 6);
  t.strictSame([...table.sums(3, 3)], [0, 6, 0]);
  table.clear(4, 1);
  t.equal(table.sum(4), 0);
  for (const thread of [-1, 3, 0.5]) t.throws(() => table.row(thread), /no thread/);
});

t.test('threads count into one table and main reads the exact sum', async (t) => {
  const table = new CellTable({ threads: 3, cells: 8 });
  const script = `
    import { workerData } from 'node:worker_threads';
    import { CellTable } from ${JSON.stringify(new URL('../../../src/observe/index.ts', import.meta.url).href)};
    const row = new CellTable(workerData.handle).row(workerData.thread);
    for (let i = 0; i < 200000; i++) row[5] += 1;
  `;
  const exits = [1, 2].map((thread) => {
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`), {
      workerData: { handle: table.handle, thread },
    });
    return new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject));
  });
  t.strictSame(await Promise.all(exits), [0, 0]);
  t.equal(table.sum(5), 400_000);
});

t.test('a route counts by reason and class, bytes, and into the right bucket', async (t) => {
  const row = new Float64Array(ROUTE.size + 7);
  const cells = new RouteCells(row, 7);
  cells.countRequest('ok', 200, 3, 10, 20);
  cells.countRequest('ok', 204, 3.001, 1, 2);
  cells.countRequest('client_abort', 0, 99_999, 0, 0);
  const at = (cell: number): number => row[7 + cell] ?? Number.NaN;
  const requests = (
    reason: (typeof REASON_NAMES)[number],
    statusClass: (typeof STATUS_CLASSES)[number],
  ): number =>
    at(
      ROUTE.requests +
        REASON_NAMES.indexOf(reason) * STATUS_CLASSES.length +
        STATUS_CLASSES.indexOf(statusClass),
    );
  t.equal(requests('ok', '2xx'), 2);
  t.equal(requests('client_abort', 'none'), 1);
  t.equal(at(ROUTE.bytesIn), 11);
  t.equal(at(ROUTE.bytesOut), 22);
  const threeMs = LATENCY_BOUNDS_MS.indexOf(3);
  t.equal(at(ROUTE.duration + threeMs), 1, 'a bound is in its bucket');
  t.equal(at(ROUTE.duration + threeMs + 1), 1, 'above it is in the next');
  t.equal(at(ROUTE.duration + HISTOGRAM.buckets - 1), 1, 'the slowest bucket');
  t.equal(at(ROUTE.duration + HISTOGRAM.sumMs), 3 + 3.001 + 99_999);
  t.equal(
    row.slice(0, 7).some((value) => value !== 0),
    false,
    'nothing before the block',
  );
});

t.test('every status has a class', async (t) => {
  for (const [status, at] of [
    [0, 0],
    [101, 1],
    [200, 2],
    [308, 3],
    [499, 4],
    [599, 5],
    [600, 0],
    [99, 0],
  ] as const) {
    const row = new Float64Array(ROUTE.size);
    new RouteCells(row, 0).countRequest('ok', status, 0, 0, 0);
    t.equal(row[ROUTE.requests + at], 1, String(status));
  }
});

function allocator(caps: Partial<Record<keyof typeof BLOCK_KINDS, number>> = {}) {
  const clock = new FakeClock();
  const base = { route: 2, listener: 2, pool: 2, server: 2, thread: 2 };
  return {
    clock,
    cells: new CellAllocator({ threads: 2, caps: { ...base, ...caps }, graceMs: 1000 }, clock),
  };
}

t.test('blocks do not overlap and fit the table', async (t) => {
  const { cells } = allocator();
  const taken = new Set<number>();
  for (const kind of Object.keys(BLOCK_KINDS) as (keyof typeof BLOCK_KINDS)[])
    for (const name of ['a', 'b', 'too many'])
      for (let i = 0; i < BLOCK_KINDS[kind].size; i++) {
        const at = cells.block(kind, name).offset + i;
        t.notOk(taken.has(at), `${kind} ${name}`);
        t.ok(at < cells.table.cells);
        taken.add(at);
      }
  t.equal(taken.size, cells.table.cells, 'and fill it');
});

t.test('a label keeps its block and its counts over reloads (B62)', async (t) => {
  const { cells } = allocator();
  const block = cells.block('route', 'shop');
  new RouteCells(cells.table.row(1), block.offset).countRequest('ok', 200, 1, 5, 6);
  t.equal(cells.block('route', 'shop'), block);
  cells.retain('route', []);
  t.strictSame(cells.blocks('route'), []);
  t.equal(cells.block('route', 'shop').offset, block.offset, 'it comes back with what it had');
  t.equal(cells.sums(block)[ROUTE.bytesIn], 5);
});

t.test(
  'without room everything shares one block; room comes from what was retired long enough',
  async (t) => {
    const { clock, cells } = allocator();
    const first = cells.block('route', 'a');
    cells.block('route', 'b');
    new RouteCells(cells.table.row(0), first.offset).countRequest('ok', 200, 1, 5, 6);
    t.strictSame(cells.block('route', 'c').labels, ['_other']);
    t.equal(cells.block('route', 'd'), cells.block('route', 'c'));
    t.equal(cells.overflowed('route'), 3);
    t.strictSame(
      cells.blocks('route').map((block) => block.labels[0]),
      ['a', 'b', '_other'],
    );
    cells.retain('route', [['b']]);
    t.strictSame(cells.block('route', 'c').labels, ['_other'], 'not within the grace');
    clock.advance(1000);
    const reused = cells.block('route', 'c');
    t.strictSame(reused, { kind: 'route', labels: ['c'], offset: first.offset });
    t.equal(cells.sums(reused)[ROUTE.bytesIn], 0, 'clean');
  },
);

t.test('servers of the same name in two pools have two blocks', async (t) => {
  const { cells } = allocator();
  t.not(cells.block('server', 'web', 'a').offset, cells.block('server', 'api', 'a').offset);
});

t.test('a dead thread leaves its counts and takes its levels with it', async (t) => {
  const { cells } = allocator();
  const block = cells.block('listener', 'https');
  const pool = cells.block('pool', 'web');
  for (const thread of [0, 1]) {
    new ListenerCells(cells.table.row(thread), block.offset).countAccepted();
    new PoolCells(cells.table.row(thread), pool.offset).countQueued(1);
  }
  cells.clearLevels(1);
  t.equal(cells.sums(block)[LISTENER.accepted], 2);
  t.equal(cells.sums(block)[LISTENER.active], 1);
  const sums = cells.sums(pool);
  t.strictSame([sums[POOL.queued + 1], sums[POOL.queueWaiting + 1]], [2, 1]);
  t.equal(
    sums.reduce((sum, each) => sum + each, 0),
    3,
  );
});
