import t from 'tap';
import { BUCKET_BOUNDS_MS, COUNTER } from '../../../src/kernel/slot-counters.ts';
import { PROBE_INTERVAL_MS, SlotTable, STATE } from '../../../src/kernel/slots.ts';

const DAY_MS = 86_400_000;

function table(): SlotTable {
  return SlotTable.create({ capacity: 5, threads: 3, nowMs: 1000 });
}

t.test('another thread sees the same cells', (t) => {
  const main = table();
  const thread = SlotTable.attach(main.buffer);
  main.setState(2, STATE.healthy | STATE.draining, 0);
  main.setWeight(2, 7);
  main.setMaxConnections(2, 9);
  t.equal(thread.capacity, 5);
  t.equal(thread.threads, 3);
  t.equal(thread.state(2), STATE.healthy | STATE.draining);
  t.equal(thread.weight(2), 7);
  t.equal(thread.maxConnections(2), 9);
  t.same(
    [thread.state(1), thread.weight(3), thread.maxConnections(1)],
    [0, 0, 0],
    'neighbours are untouched',
  );
  t.ok(thread.tryAcquire(2, 1, 0));
  t.equal(main.inFlight(2), 1);
  t.equal(main.inFlightOf(2, 1), 1);
  t.equal(main.inFlightOf(2, 0), 0);
  t.throws(() => SlotTable.attach(new SharedArrayBuffer(4096)), { code: 'slots_foreign' });
  t.end();
});

t.test('sizes, weights and caps that make no sense are refused', (t) => {
  t.throws(() => SlotTable.create({ capacity: 0, threads: 1, nowMs: 0 }), RangeError);
  t.throws(() => SlotTable.create({ capacity: 1, threads: 1.5, nowMs: 0 }), RangeError);
  for (const weight of [-1, 1001, 0.5]) t.throws(() => table().setWeight(0, weight), RangeError);
  for (const max of [-1, 2 ** 31, 1.5]) t.throws(() => table().setMaxConnections(0, max), RangeError);
  t.end();
});

t.test('the version moves with every change, and only then', (t) => {
  const slots = table();
  const moves = (change: () => void): boolean => {
    const before = slots.version();
    change();
    return slots.version() !== before;
  };
  t.ok(moves(() => slots.setState(0, STATE.healthy, 0)));
  t.notOk(moves(() => slots.setState(0, STATE.healthy, 0)));
  t.ok(moves(() => slots.setState(0, STATE.draining, STATE.healthy)));
  t.equal(slots.state(0), STATE.draining);
  t.ok(moves(() => slots.setWeight(0, 5)));
  t.notOk(moves(() => slots.setWeight(0, 5)));
  t.ok(moves(() => slots.setMaxConnections(0, 5)));
  t.ok(moves(() => slots.retire(0)));
  t.ok(moves(() => slots.clear(0)));
  t.notOk(moves(() => slots.tryAcquire(0, 0, 0)));
  t.notOk(moves(() => slots.markSuspect(0, 1000)));
  t.end();
});

t.test('a cap holds over the sum of all threads', (t) => {
  const slots = table();
  t.ok(slots.tryAcquire(0, 0, 2));
  t.ok(slots.tryAcquire(0, 1, 2));
  t.notOk(slots.tryAcquire(0, 2, 2));
  t.equal(slots.inFlight(0), 2, 'a refusal leaves nothing behind');
  t.ok(slots.tryAcquire(0, 2, 0), '0 is no cap');
  t.notOk(slots.tryAcquire(0, 0, 1), 'a lowered cap ends nothing and lets nobody in');
  slots.release(0, 2);
  slots.release(0, 1);
  t.ok(slots.tryAcquire(0, 0, 2));
  t.equal(slots.inFlightOf(0, 0), 2);
  t.end();
});

t.test('a dead thread is struck out, its counts stay', (t) => {
  const slots = table();
  for (const slot of [0, 1, 4]) slots.tryAcquire(slot, 1, 0);
  slots.tryAcquire(4, 2, 0);
  slots.counters.count(4, 1, COUNTER.picks, 3);
  slots.counters.set(4, 1, COUNTER.waitingSinceMs, 77);
  slots.zeroThread(1);
  t.same([slots.inFlight(0), slots.inFlight(1), slots.inFlight(4)], [0, 0, 1]);
  t.equal(slots.counters.totals(4).picks, 3);
  t.equal(slots.counters.of(4, 1, COUNTER.waitingSinceMs), 0);
  t.end();
});

t.test('a suspect server is offered one probe per interval over all threads', (t) => {
  const one = table();
  const two = SlotTable.attach(one.buffer);
  t.notOk(one.isSuspect(3));
  one.markSuspect(3, 5000);
  t.ok(two.isSuspect(3));
  t.notOk(two.isProbeDue(3, 5000 + PROBE_INTERVAL_MS - 1));
  t.notOk(two.claimProbe(3, 5000 + PROBE_INTERVAL_MS - 1));
  t.ok(two.isProbeDue(3, 5000 + PROBE_INTERVAL_MS));
  t.ok(two.claimProbe(3, 5000 + PROBE_INTERVAL_MS));
  t.notOk(one.claimProbe(3, 5000 + PROBE_INTERVAL_MS), 'the other thread got it');
  t.notOk(one.isProbeDue(3, 5000 + 2 * PROBE_INTERVAL_MS - 1));
  t.ok(one.claimProbe(3, 5000 + 2 * PROBE_INTERVAL_MS));
  two.clearSuspect(3);
  t.notOk(one.isSuspect(3));
  t.end();
});

t.test('probes come due however long nobody asked, also where 32-bit milliseconds wrap', (t) => {
  for (const days of [0, 1, 24.8, 24.9, 30, 49.6, 49.8, 100]) {
    const slots = table();
    slots.markSuspect(0, 1000);
    t.ok(slots.isProbeDue(0, 1000 + days * DAY_MS + PROBE_INTERVAL_MS), `due after ${days} days`);
  }
  const wrapAtMs = 1000 + 2 ** 31 - PROBE_INTERVAL_MS / 2;
  const slots = table();
  slots.markSuspect(0, wrapAtMs);
  t.notOk(slots.claimProbe(0, wrapAtMs + PROBE_INTERVAL_MS - 1));
  t.ok(slots.claimProbe(0, wrapAtMs + PROBE_INTERVAL_MS));
  t.notOk(slots.claimProbe(0, wrapAtMs + PROBE_INTERVAL_MS + 1));
  slots.markSuspect(0, wrapAtMs + 50_000);
  t.notOk(slots.claimProbe(0, wrapAtMs + 1000), 'the time of a caller whose request is old');
  t.end();
});

t.test('turns are handed out once', (t) => {
  const one = table();
  const two = SlotTable.attach(one.buffer);
  t.same([one.nextTurn(0), two.nextTurn(0), one.nextTurn(0), one.nextTurn(1)], [0, 1, 2, 0]);
  t.end();
});

t.test('counters are summed over the threads', (t) => {
  const slots = table();
  slots.counters.countAnswer(1, 0, 200, 3);
  slots.counters.countAnswer(1, 2, 204, 0.5);
  slots.counters.countAnswer(1, 1, 503, 20_000);
  slots.counters.countAnswer(1, 1, 101, 0.6);
  slots.counters.countAnswer(1, 1, 999, 1);
  slots.counters.count(1, 0, COUNTER.bytesUp, 2 ** 40);
  slots.counters.count(1, 1, COUNTER.bytesUp, 1);
  slots.counters.count(1, 2, COUNTER.bytesDown, 5);
  slots.counters.count(1, 2, COUNTER.connectErrors, 1);
  const totals = slots.counters.totals(1);
  t.same(totals.answers, [1, 2, 0, 0, 2]);
  t.equal(totals.bytesUp, 2 ** 40 + 1);
  t.equal(totals.bytesDown, 5);
  t.equal(totals.connectErrors, 1);
  t.equal(totals.responseMsSum, 20_005.1);
  t.same(totals.buckets, [1, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  t.same(slots.counters.totals(0).buckets, new Array(16).fill(0), 'the neighbour counted nothing');
  t.end();
});

t.test('a response time lands in the first bucket that is not below it', (t) => {
  BUCKET_BOUNDS_MS.forEach((bound, i) => {
    const slots = table();
    const top = Number.isFinite(bound) ? bound : 1e12;
    slots.counters.countAnswer(0, 0, 200, top);
    slots.counters.countAnswer(0, 0, 200, Math.min(top, 1e9) - 0.01);
    t.equal(slots.counters.totals(0).buckets[i], 2, `${bound} ms`);
  });
  t.end();
});

t.test('the average follows, and counts only threads that saw an answer', (t) => {
  const slots = table();
  t.equal(slots.counters.averageMs(0), 0);
  slots.counters.countAnswer(0, 1, 200, 40);
  t.equal(slots.counters.averageMs(0), 40);
  slots.counters.countAnswer(0, 1, 200, 24);
  t.equal(slots.counters.averageMs(0), 39);
  for (let i = 0; i < 200; i++) slots.counters.countAnswer(0, 1, 200, 8);
  t.ok(Math.abs(slots.counters.averageMs(0) - 8) < 0.01);
  slots.counters.countAnswer(0, 2, 200, 16);
  t.ok(Math.abs(slots.counters.averageMs(0) - 12) < 0.01);
  t.end();
});

t.test('a retired slot belongs to nobody at once, and is empty after clear', (t) => {
  const slots = table();
  slots.setState(1, STATE.healthy, 0);
  slots.setWeight(1, 5);
  slots.setMaxConnections(1, 5);
  slots.markSuspect(1, 2000);
  slots.nextTurn(1);
  slots.counters.countAnswer(1, 2, 200, 3);
  const generation = slots.generation(1);
  t.ok(slots.isOwned(1, generation));
  slots.retire(1);
  t.notOk(slots.isOwned(1, generation));
  t.equal(slots.state(1), 0);
  t.equal(slots.counters.totals(1).answers[1], 1, 'what it counted can still be read');
  slots.clear(1);
  t.equal(slots.generation(1), generation + 1);
  t.same([slots.weight(1), slots.maxConnections(1), slots.isSuspect(1), slots.nextTurn(1)], [0, 0, false, 0]);
  t.same(slots.counters.totals(1).answers, [0, 0, 0, 0, 0]);
  t.equal(slots.counters.averageMs(1), 0);
  t.end();
});

t.test('a ramp: the share and the cap grow with time, and are whole again after it', (t) => {
  const slots = SlotTable.create({ capacity: 2, threads: 1, nowMs: 500 });
  slots.setMaxConnections(0, 50);
  const look = (nowMs: number): number[] => [slots.rampShare(0, nowMs), slots.cap(0, nowMs)];
  t.same(look(1000), [1, 50]);
  slots.setRamp(0, 10_000, 1000);
  t.same(look(1000), [0.1, 5]);
  t.same(look(900), [0.1, 5], 'a request that began a little earlier');
  t.same(look(6000), [0.5, 25]);
  t.same(look(11_000), [1, 50]);
  t.same(look(1000 + 2 ** 31), [1, 50], 'weeks later');
  t.same([slots.rampShare(1, 1000), slots.cap(1, 1000)], [1, 0], 'others have none, and no cap stays none');
  slots.setMaxConnections(0, 3);
  t.equal(slots.cap(0, 1000), 1, 'never none at all');
  slots.setRamp(0, 0, 1000);
  t.same(look(1000), [1, 3]);
  t.end();
});
