import t from 'tap';
import { THREAD } from '../../../src/observe/cells/blocks.ts';
import { LoopDelay, ThreadCells } from '../../../src/observe/index.ts';
import { FakeClock } from '../../support/fake-clock.ts';

t.test('a blocked event loop shows, and is gone in the next period', async (t) => {
  const clock = new FakeClock();
  const row = new Float64Array(THREAD.size);
  const delay = new LoopDelay(new ThreadCells(row, 0), clock, 1000);
  await delay.start();
  const turn = () => new Promise((resolve) => setTimeout(resolve, 30));
  await turn();
  const until = performance.now() + 150;
  while (performance.now() < until);
  await turn();
  clock.advance(1000);
  t.ok((row[THREAD.delayMaxMs] ?? 0) >= 100, `longest delay ${row[THREAD.delayMaxMs]} ms`);
  t.ok((row[THREAD.utilization] ?? 0) > 0.3, 'it was busy');
  t.ok((row[THREAD.heapBytes] ?? 0) > 1e6);
  clock.advance(1000);
  t.equal(row[THREAD.delayMaxMs], 0, 'the period after has no samples');
  await delay.stop();
  t.equal(clock.pending, 0);
});
