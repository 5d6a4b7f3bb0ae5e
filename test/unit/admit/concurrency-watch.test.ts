/** The watch that moves limits: what it reads of the slots, when a window ends, what survives. */
import t from 'tap';
import { ConcurrencyWatch } from '../../../src/admit/index.ts';
import { COUNTER } from '../../../src/kernel/slot-counters.ts';
import { SlotTable } from '../../../src/kernel/slots.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const OPTIONS = { min: 5, max: 1000, tolerance: 1.5 };

class Watched {
  readonly clock = new FakeClock();
  readonly slots = SlotTable.create({ capacity: 4, threads: 3, nowMs: 0 });
  pools = [{ slot: 1, generation: 0, options: OPTIONS }];
  readonly watch = new ConcurrencyWatch({ clock: this.clock, slots: this.slots, pools: () => this.pools });

  get limit(): number {
    return this.slots.maxConnections(1);
  }

  /** `windows` windows with as many answers, of two threads, all places in use. */
  answer(windows: number, tookMs: number, answers = 20): void {
    for (let i = 0; i < windows; i++) {
      const inFlight = this.limit;
      for (let k = 0; k < inFlight; k++) this.slots.tryAcquire(1, k % 2, 0);
      for (let k = 0; k < answers; k++) {
        this.slots.counters.count(1, k % 2, COUNTER.ended, 1);
        this.slots.counters.count(1, k % 2, COUNTER.responseMs, tookMs);
      }
      this.clock.advance(500);
      for (let k = 0; k < inFlight; k++) this.slots.release(1, k % 2);
    }
  }
}

t.test('rises while answers are quick, falls when they are not, says nothing of few', async (t) => {
  const it = new Watched();
  it.watch.start();
  it.clock.advance(100);
  t.equal(it.limit, 50);
  it.answer(10, 20);
  const risen = it.limit;
  t.ok(risen > 80, `${risen}`);
  it.answer(10, 20, 0);
  t.equal(it.limit, risen, 'nobody answered');
  it.answer(6, 200);
  t.ok(it.limit < risen / 2, `${it.limit}`);
  it.watch.stop();
  t.equal(it.clock.pending, 0);
});

t.test('a reload keeps what was learned; another pool on the slot begins anew', async (t) => {
  const it = new Watched();
  it.watch.start();
  it.answer(10, 20);
  const risen = it.limit;
  it.pools = [{ slot: 1, generation: 0, options: { ...OPTIONS, max: 60 } }];
  it.answer(1, 20);
  t.equal(it.limit, 60, 'within its new bounds');
  it.pools = [{ slot: 1, generation: 1, options: OPTIONS }];
  it.clock.advance(100);
  t.equal(it.limit, 50);
  t.ok(risen > 60);
  it.pools = [];
  it.clock.advance(500);
  it.pools = [{ slot: 1, generation: 1, options: OPTIONS }];
  it.clock.advance(100);
  t.equal(it.limit, 50);
  it.watch.stop();
});
