import t from 'tap';
import { PoolFixture, said } from '../../support/pool-fixture.ts';
import { ask, full, microtasks, type Request, states } from '../../support/waiting.ts';

t.test('first come, first served, as places are freed', async (t) => {
  const { fixture, holder } = full();
  const requests = [ask(fixture), ask(fixture), ask(fixture)];
  t.same(states(requests), ['waiting', 'waiting', 'waiting']);
  t.equal(fixture.pool.view(fixture.clock.nowMs()).waiting, 3);
  holder.release('ok');
  t.equal(requests[0]?.state, 'waiting', 'not inside the release of another');
  await microtasks();
  t.same(states(requests), ['a', 'waiting', 'waiting']);
  requests[0]?.lease?.release('ok');
  await microtasks();
  requests[1]?.lease?.release('ok');
  await microtasks();
  t.same(states(requests), ['a', 'a', 'a']);
  requests[2]?.lease?.release('ok');
  t.equal(fixture.inFlight(), 0);
  t.equal(fixture.clock.pending, 0, 'an empty queue does not look');
  t.ok(requests.every((request) => request.settled === 1));
});

t.test('a newcomer does not overtake', async (t) => {
  const { fixture, holder } = full();
  const first = ask(fixture);
  holder.release('ok');
  const second = ask(fixture);
  t.same(states([first, second]), ['waiting', 'waiting']);
  await microtasks();
  t.same(states([first, second]), ['a', 'waiting']);
});

t.test('a full queue refuses at once; so does none', (t) => {
  const { fixture } = full();
  const requests = [ask(fixture), ask(fixture), ask(fixture), ask(fixture)];
  t.same(states(requests), ['waiting', 'waiting', 'waiting', 'queue_full']);
  requests[1]?.cancel();
  t.equal(ask(fixture).state, 'waiting', 'who leaves makes room');
  t.equal(ask(full({ queue: { max: 0, timeoutMs: 100 } }).fixture).state, 'queue_full');
  t.end();
});

t.test('the bound is one over all threads, and a dead thread leaves the queue', (t) => {
  const { fixture } = full();
  const other = fixture.compile({ thread: 1 });
  t.same(states([ask(fixture), ask(fixture, {}, other), ask(fixture, {}, other)]), [
    'waiting',
    'waiting',
    'waiting',
  ]);
  t.equal(ask(fixture).state, 'queue_full');
  fixture.slots.zeroThread(1);
  t.same(states([ask(fixture), ask(fixture), ask(fixture)]), ['waiting', 'waiting', 'queue_full']);
  t.end();
});

t.test('who waited long enough is told so', (t) => {
  const { fixture, holder } = full();
  const first = ask(fixture);
  fixture.clock.advance(50);
  const second = ask(fixture);
  fixture.clock.advance(45);
  t.same(states([first, second]), ['waiting', 'waiting']);
  fixture.clock.advance(10);
  t.same(states([first, second]), ['queue_timeout', 'waiting']);
  fixture.clock.advance(50);
  t.same(states([first, second]), ['queue_timeout', 'queue_timeout']);
  holder.release('ok');
  t.equal(fixture.inFlight(), 0);
  t.equal(fixture.clock.pending, 0);
  t.end();
});

t.test('the wait counts from when it began, not from the start of the request', (t) => {
  const { fixture } = full();
  const nowMs = fixture.clock.nowMs();
  fixture.clock.advance(500);
  const retry = ask(fixture, { nowMs });
  fixture.clock.advance(95);
  t.equal(retry.state, 'waiting');
  fixture.clock.advance(5);
  t.equal(retry.state, 'queue_timeout');
  t.end();
});

t.test('who cancelled is never called, and its place goes to the next', async (t) => {
  const { fixture, holder } = full();
  const requests = [ask(fixture), ask(fixture)];
  requests[0]?.cancel();
  holder.release('ok');
  await microtasks();
  requests[0]?.cancel();
  t.same(states(requests), ['cancelled', 'a']);
  t.equal(requests[0]?.settled, 0);
  requests[1]?.cancel();
  t.equal(fixture.inFlight(), 1, 'too late to cancel: the lease is held');
  requests[1]?.lease?.release('ok');
  t.equal(fixture.inFlight(), 0);
});

t.test('places that other threads free are found', (t) => {
  const { fixture, holder } = full();
  const waiting = ask(fixture, {}, fixture.compile({ thread: 1 }));
  holder.release('ok');
  fixture.clock.advance(4);
  t.equal(waiting.state, 'waiting');
  fixture.clock.advance(1);
  t.equal(waiting.state, 'a');
  t.end();
});

t.test('a thread leaves what it frees to one that waits much longer', async (t) => {
  const { fixture, holder } = full({ queue: { max: 9, timeoutMs: 1000 } });
  const other = fixture.compile({ thread: 1 });
  fixture.clock.advance(2);
  const old = ask(fixture, {}, other);
  fixture.clock.advance(59);
  const young = ask(fixture);
  holder.release('ok');
  await microtasks();
  t.same(states([old, young]), ['waiting', 'waiting'], 'the young one is in this thread but leaves it');
  fixture.clock.advance(5);
  t.same(states([old, young]), ['a', 'waiting']);
  old.lease?.release('ok');
  fixture.clock.advance(5);
  t.equal(young.state, 'a');
  const again = ask(fixture, {}, other);
  fixture.clock.advance(60);
  young.lease?.release('ok');
  t.equal(ask(fixture).state, 'waiting', 'a newcomer does not pass it either');
  fixture.clock.advance(5);
  t.equal(again.state, 'a');
});

t.test('when the pool goes down, all who wait are told at once', (t) => {
  const { fixture } = full({ queue: { max: 3, timeoutMs: 60_000 } });
  const requests = [ask(fixture), ask(fixture)];
  fixture.down('a');
  fixture.clock.advance(5);
  t.same(states(requests), ['no_server', 'no_server']);
  t.equal(ask(fixture).state, 'no_server', 'and nobody waits for it');
  t.equal(fixture.pool.view(0).waiting, 0);
  t.end();
});

t.test('full primaries are waited for; backups serve only who would be refused', (t) => {
  const { fixture } = full({
    servers: [
      { id: 'a', max: 1 },
      { id: 'x', backup: true, max: 2 },
    ],
    queue: { max: 1, timeoutMs: 100 },
  });
  const requests = [ask(fixture), ask(fixture)];
  t.same(states(requests), ['waiting', 'x'], 'the queue is full: the backup takes the second');
  fixture.clock.advance(100);
  t.same(states(requests), ['x', 'x'], 'the first has waited long enough');
  const none = full({
    servers: [
      { id: 'a', max: 1 },
      { id: 'x', backup: true },
    ],
    queue: { max: 0, timeoutMs: 0 },
  });
  t.equal(ask(none.fixture).state, 'x', 'no queue at all');
  t.end();
});

t.test('when the primaries go down the backups take who waits', (t) => {
  const { fixture } = full({
    servers: [
      { id: 'a', max: 1 },
      { id: 'x', backup: true },
    ],
  });
  const waiting = ask(fixture);
  fixture.down('a');
  fixture.clock.advance(5);
  t.equal(waiting.state, 'x');
  t.end();
});

t.test('one whose only hope is full does not hold up those behind it', async (t) => {
  const fixture = new PoolFixture({
    servers: [
      { id: 'a', max: 1 },
      { id: 'b', max: 1 },
    ],
    queue: { max: 9, timeoutMs: 100 },
  });
  const [a, b] = [fixture.take(), fixture.take()];
  const onlyB = ask(fixture, { tried: [fixture.server('a')] });
  const any = ask(fixture);
  a.release('ok');
  await microtasks();
  t.same(states([onlyB, any]), ['waiting', 'a']);
  b.release('ok');
  await microtasks();
  t.equal(onlyB.state, 'b');
});

t.test('a callback may release, cancel others and ask again', async (t) => {
  const { fixture, holder } = full();
  const log: string[] = [];
  fixture.pool.pickOrWait(fixture.ctx(), (result) => {
    log.push(`first ${said(result)}`);
    if (second.kind === 'waiting') second.cancel();
    third = ask(fixture);
    if (result.kind === 'picked') result.release('ok');
  });
  const second = fixture.pool.pickOrWait(fixture.ctx(), () => log.push('second'));
  let third: Request | undefined;
  holder.release('ok');
  await microtasks();
  t.same(log, ['first a']);
  t.equal(third?.state, 'a');
  third?.lease?.release('ok');
  t.equal(fixture.inFlight(), 0);
});
