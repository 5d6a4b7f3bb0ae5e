/** Who goes first in a queue, and who makes room. */
import t from 'tap';
import { WAITING_SINCE } from '../../../src/kernel/slot-counters.ts';
import type { Lease } from '../../../src/pool/index.ts';
import { ask, full, microtasks, type Request, states } from '../../support/waiting.ts';

const HIGH = { priority: 0 };
const LOW = { priority: 2 };

t.test('a higher class goes first, each in order of arrival', async (t) => {
  const { fixture, holder } = full({ queue: { max: 9, timeoutMs: 1000 } });
  const requests = [
    ask(fixture, LOW),
    ask(fixture),
    ask(fixture, HIGH),
    ask(fixture, HIGH),
    ask(fixture, LOW),
  ];
  let lease: Lease | undefined = holder;
  const order: number[] = [];
  for (let served = 0; served < requests.length; served++) {
    lease?.release('ok');
    await microtasks();
    const at = requests.findIndex((request) => request.lease !== undefined && request.lease !== null);
    order.push(at);
    lease = requests[at]?.lease;
    (requests[at] as Request).lease = undefined;
  }
  t.same(order, [2, 3, 1, 0, 4]);
  lease?.release('ok');
  t.equal(fixture.inFlight(), 0);
  t.equal(fixture.clock.pending, 0);
});

t.test('a newcomer passes lower classes, and takes a place that is free', (t) => {
  const { fixture, holder } = full();
  const low = ask(fixture, LOW);
  holder.release('ok');
  t.equal(ask(fixture, HIGH).state, 'a');
  t.equal(low.state, 'waiting');
  t.end();
});

t.test('who has waited half of the timeout gets one place in four', async (t) => {
  const { fixture, holder } = full({ queue: { max: 20, timeoutMs: 1000 } });
  const low = [ask(fixture, LOW), ask(fixture, LOW)];
  fixture.clock.advance(500);
  const high = Array.from({ length: 8 }, () => ask(fixture, HIGH));
  let lease: Lease | undefined = holder;
  const served: string[] = [];
  for (let i = 0; i < 8; i++) {
    lease?.release('ok');
    await microtasks();
    const next = [...low, ...high].find((request) => request.lease !== undefined) as Request;
    served.push(low.includes(next) ? 'low' : 'high');
    lease = next.lease;
    next.lease = undefined;
  }
  t.same(served.join(' '), 'high high high low high high high low');
});

t.test('in a full queue a higher class takes the place of the youngest of the lowest', async (t) => {
  const { fixture, holder } = full();
  const [oldLow, normal, youngLow] = [ask(fixture, LOW), ask(fixture), ask(fixture, LOW)] as const;
  t.equal(ask(fixture, LOW).state, 'queue_full', 'not one of its own class');
  const high = ask(fixture, HIGH);
  t.equal(youngLow.state, 'waiting', 'not inside of the other request');
  await microtasks();
  t.same(states([oldLow, normal, youngLow, high]), ['waiting', 'waiting', 'queue_displaced', 'waiting']);
  t.equal(fixture.pool.view(0).waiting, 3, 'never more than the bound');
  const second = ask(fixture);
  await microtasks();
  t.same(states([oldLow, second]), ['queue_displaced', 'waiting']);
  t.equal(ask(fixture).state, 'queue_full', 'nobody lower is left');
  const third = ask(fixture, HIGH);
  await microtasks();
  t.same(states([normal, second, third]), ['waiting', 'queue_displaced', 'waiting']);
  for (const request of [normal, high, third]) request.cancel();
  holder.release('ok');
  t.equal(fixture.inFlight(), 0);
  t.ok([oldLow, youngLow, second].every((request) => request.settled === 1));
});

t.test('who leaves as it is displaced is not called', async (t) => {
  const { fixture } = full({ queue: { max: 1, timeoutMs: 100 } });
  const low = ask(fixture, LOW);
  const high = ask(fixture, HIGH);
  low.cancel();
  await microtasks();
  t.equal(low.settled, 0);
  t.equal(high.state, 'waiting');
  t.equal(fixture.pool.view(0).waiting, 1);
});

t.test('a backup takes who is displaced', async (t) => {
  const { fixture } = full({
    servers: [
      { id: 'a', max: 1 },
      { id: 'x', backup: true },
    ],
    queue: { max: 1, timeoutMs: 100 },
  });
  const low = ask(fixture, LOW);
  ask(fixture, HIGH);
  await microtasks();
  t.equal(low.state, 'x');
});

t.test('lower ones in another thread are displaced at its next look', async (t) => {
  const { fixture } = full({ queue: { max: 2, timeoutMs: 1000 } });
  const other = fixture.compile({ thread: 1 });
  const low = [ask(fixture, LOW, other), ask(fixture, LOW, other)];
  const high = ask(fixture, HIGH);
  t.equal(high.state, 'waiting');
  t.equal(fixture.pool.view(0).waiting, 3, 'over the bound until then');
  t.equal(ask(fixture, LOW).state, 'queue_full', 'for nobody else');
  fixture.clock.advance(5);
  await microtasks();
  t.same(states([high, ...low]), ['waiting', 'waiting', 'queue_displaced']);
  t.equal(fixture.pool.view(0).waiting, 2);
});

t.test('a thread leaves what it frees to a higher class that has looked in vain elsewhere', async (t) => {
  const { fixture, holder } = full({ queue: { max: 9, timeoutMs: 1000 } });
  const other = fixture.compile({ thread: 1 });
  const low = ask(fixture, LOW);
  fixture.clock.advance(1);
  const high = ask(fixture, HIGH, other);
  fixture.clock.advance(6);
  holder.release('ok');
  await microtasks();
  t.same(states([low, high]), ['waiting', 'waiting']);
  fixture.clock.advance(5);
  t.same(states([low, high]), ['waiting', 'a']);
  high.lease?.release('ok');
  fixture.clock.advance(5);
  t.equal(low.state, 'a');
});

t.test('a thread that has stopped looking holds nobody up for long', (t) => {
  const { fixture, holder } = full({ queue: { max: 9, timeoutMs: 1000 } });
  const low = ask(fixture, LOW);
  // It shows somebody of the highest class, and never looks.
  const waitsSince = fixture.clock.nowMs();
  fixture.slots.counters.set(fixture.options.slot, 1, WAITING_SINCE[0] as number, waitsSince);
  fixture.clock.advance(10);
  holder.release('ok');
  fixture.clock.advance(20);
  t.equal(low.state, 'a');
  t.end();
});
