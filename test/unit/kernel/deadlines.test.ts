/** Deadlines: each fires once it has passed, not before, at most a sweep late, however many there are and whatever they do to each other. */
import t from 'tap';
import { Deadlines, type Expiring } from '../../../src/kernel/deadlines.ts';
import { SeededRandom } from '../../../src/kernel/random.ts';
import { FakeClock } from '../../support/fake-clock.ts';

class Entry implements Expiring {
  deadlineMs: number;
  deadlineIndex = -1;
  readonly fired: number[] = [];
  onFire: () => void = () => {};

  constructor(deadlineMs: number) {
    this.deadlineMs = deadlineMs;
  }
  onDeadline(nowMs: number): void {
    this.fired.push(nowMs);
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.onFire();
  }
}

t.test('fires when it has passed, within a tick', async (t) => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const start = clock.nowMs();
  const entry = new Entry(start + 250);
  deadlines.add(entry);
  clock.advance(249);
  t.same(entry.fired, []);
  clock.advance(101);
  t.equal(entry.fired.length, 1);
  t.ok((entry.fired[0] as number) - start - 250 <= 100);
  clock.advance(10_000);
  t.equal(entry.fired.length, 1, 'not again once it was moved away');
});

t.test('moving a deadline needs no call', async (t) => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const entry = new Entry(clock.nowMs() + 100);
  deadlines.add(entry);
  for (let i = 0; i < 50; i++) {
    clock.advance(90);
    entry.deadlineMs = clock.nowMs() + 100;
  }
  t.same(entry.fired, []);
  clock.advance(300);
  t.equal(entry.fired.length, 1);
});

t.test('an entry that does not move its deadline is called at each sweep', async (t) => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const entry = new Entry(clock.nowMs());
  entry.onFire = () => {
    entry.deadlineMs = 0;
  };
  deadlines.add(entry);
  clock.advance(1000);
  t.equal(entry.fired.length, 10);
});

t.test('adding twice and removing twice are harmless', async (t) => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const entry = new Entry(clock.nowMs() + 50);
  deadlines.add(entry);
  deadlines.add(entry);
  t.equal(deadlines.size, 1);
  deadlines.remove(entry);
  deadlines.remove(entry);
  t.equal(deadlines.size, 0);
  clock.advance(1000);
  t.same(entry.fired, []);
  deadlines.add(entry);
  clock.advance(1000);
  t.equal(entry.fired.length, 1, 'it can come back');
});

t.test('entries that remove themselves and others while they fire', async (t) => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const random = new SeededRandom(4711);
  const entries = Array.from({ length: 200 }, () => new Entry(clock.nowMs() + random.below(2000)));
  const removed = new Set<Entry>();
  for (const entry of entries) {
    deadlines.add(entry);
    entry.onFire = () => {
      for (const victim of [entry, entries[random.below(entries.length)] as Entry]) {
        removed.add(victim);
        deadlines.remove(victim);
      }
    };
  }
  clock.advance(3000);
  t.equal(deadlines.size, 0, `seed ${random.seed}`);
  for (const entry of entries) {
    t.ok(removed.has(entry));
    t.ok(entry.fired.length <= 1);
  }
  t.ok(entries.filter((it) => it.fired.length === 1).length > 50);
});

t.test('many: all of them are reached within five ticks', async (t) => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const entries = Array.from({ length: 50_000 }, () => new Entry(clock.nowMs() + 1000));
  for (const entry of entries) deadlines.add(entry);
  clock.advance(999);
  t.equal(entries.filter((it) => it.fired.length > 0).length, 0);
  clock.advance(601);
  t.equal(entries.filter((it) => it.fired.length === 1).length, entries.length);
});

t.test('after: within a tick of what was asked, never sooner', async (t) => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const keeper = new Entry(Number.POSITIVE_INFINITY);
  deadlines.add(keeper);
  for (let i = 0; i < 100; i++) {
    clock.advance(7);
    const late = deadlines.after(500) - clock.nowMs() - 500;
    if (late < 0 || late > 100) t.fail(`${late} ms late at ${i}`);
  }
  deadlines.remove(keeper);
  clock.advance(100_000);
  deadlines.add(keeper);
  t.ok(deadlines.after(500) >= clock.nowMs() + 500, 'after a long time without entries as well');
});

t.test('stopped: nothing fires, no timer stays', async (t) => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const entry = new Entry(clock.nowMs());
  deadlines.add(entry);
  deadlines.stop();
  t.equal(clock.pending, 0);
  clock.advance(1000);
  t.same(entry.fired, []);
});
