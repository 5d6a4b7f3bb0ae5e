import t from 'tap';
import { PROBE_INTERVAL_MS } from '../../../src/kernel/slots.ts';
import type { Outcome } from '../../../src/pool/index.ts';
import { PoolFixture, said } from '../../support/pool-fixture.ts';

function setUp(): PoolFixture {
  return new PoolFixture({ servers: [{ id: 'a', weight: 3, max: 5 }] });
}

t.test('what each outcome counts, and what it says of the server (B36)', (t) => {
  const table: Record<
    Outcome,
    { counter: string; suspectAfter: readonly [whenSound: boolean, whenSuspect: boolean] }
  > = {
    ok: { counter: '', suspectAfter: [false, false] },
    connect_error: { counter: 'connectErrors', suspectAfter: [true, true] },
    reset: { counter: 'resets', suspectAfter: [false, true] },
    timeout: { counter: 'timeouts', suspectAfter: [false, true] },
    bad_answer: { counter: 'badAnswers', suspectAfter: [false, true] },
    client_abort: { counter: 'clientAborts', suspectAfter: [false, true] },
    cancelled: { counter: 'cancelled', suspectAfter: [false, true] },
    shortage: { counter: 'cancelled', suspectAfter: [false, true] },
    full: { counter: 'cancelled', suspectAfter: [false, true] },
  };
  const names = ['connectErrors', 'resets', 'timeouts', 'badAnswers', 'clientAborts', 'cancelled'] as const;
  for (const [outcome, expected] of Object.entries(table) as [Outcome, (typeof table)[Outcome]][]) {
    for (const wasSuspect of [false, true]) {
      const fixture = setUp();
      const { slot } = fixture.server('a');
      const lease = fixture.take();
      if (wasSuspect) fixture.slots.markSuspect(slot, fixture.clock.nowMs());
      lease.release(outcome);
      const totals = fixture.slots.counters.totals(slot);
      t.equal(
        fixture.slots.isSuspect(slot),
        expected.suspectAfter[wasSuspect ? 1 : 0],
        `${outcome}: suspect`,
      );
      t.same(
        names.filter((name) => totals[name] === 1),
        expected.counter ? [expected.counter] : [],
        outcome,
      );
      t.equal(totals.picks, 1);
      t.equal(fixture.inFlight(), 0);
    }
  }
  t.end();
});

t.test('only the first release counts', (t) => {
  const fixture = setUp();
  const [one, two] = [fixture.take(), fixture.take()];
  one.release('reset');
  one.release('connect_error');
  one.release('ok');
  t.equal(fixture.inFlight(), 1);
  const totals = fixture.slots.counters.totals(fixture.server('a').slot);
  t.same([totals.resets, totals.connectErrors], [1, 0]);
  t.notOk(fixture.slots.isSuspect(fixture.server('a').slot));
  two.release('ok');
  t.equal(fixture.inFlight(), 0);
  t.end();
});

t.test('an answer is counted and ends suspicion while the body still runs', (t) => {
  const fixture = setUp();
  const { slot } = fixture.server('a');
  const lease = fixture.take();
  fixture.slots.markSuspect(slot, fixture.clock.nowMs());
  lease.answered(204, 12);
  t.notOk(fixture.slots.isSuspect(slot));
  const totals = fixture.slots.counters.totals(slot);
  t.same([totals.answers[1], totals.responseMsSum], [1, 12]);
  t.equal(fixture.inFlight(), 1);
  lease.release('ok');
  t.end();
});

t.test('a lease outlives its server', (t) => {
  const fixture = setUp();
  const lease = fixture.take();
  fixture.allocator.prepare(['pool']).commit();
  t.equal(said(fixture.pool.pick(fixture.ctx())), 'no_server');
  t.equal(fixture.slots.inFlight(lease.server.slot), 1);
  lease.release('ok');
  t.equal(fixture.inFlight(), 0);
  t.end();
});

t.test('the view tells what the balancer sees', (t) => {
  const fixture = setUp();
  fixture.take().answered(200, 30);
  t.same(fixture.pool.view(fixture.clock.nowMs()), {
    name: 'pool',
    algorithm: 'round_robin',
    waiting: 0,
    servers: [
      {
        id: 'a',
        address: '10.0.0.0:80',
        backup: false,
        verdict: 'yes',
        weight: 3,
        maxConnections: 5,
        inFlight: 1,
        averageMs: 30,
      },
    ],
  });
  fixture.down('a');
  t.equal(fixture.pool.view(fixture.clock.nowMs()).servers[0]?.verdict, 'unhealthy');
  t.end();
});

/** Lets something happen in another thread just before a place is taken: the look was right, the claim must still fail. */
function beforeAcquire(
  fixture: PoolFixture,
  happen: (slot: number, nth: number, takeAsOther: () => void) => void,
): void {
  const real = fixture.slots.tryAcquire.bind(fixture.slots);
  let nth = 0;
  fixture.slots.tryAcquire = (slot, thread, max) => {
    happen(slot, nth++, () => real(slot, 1, max));
    return real(slot, thread, max);
  };
}

t.test('a server that leaves between look and claim is not used', (t) => {
  const fixture = new PoolFixture({ servers: [{ id: 'a' }, { id: 'b' }] });
  beforeAcquire(fixture, (slot, nth) => {
    if (nth === 0) fixture.slots.retire(slot);
  });
  t.equal(fixture.take().server.id, 'b');
  t.equal(fixture.inFlight(), 1);
  t.end();
});

t.test('who loses every race for a place still finds the last one', (t) => {
  const servers = Array.from({ length: 9 }, (_, i) => ({ id: `s${i}`, max: 1 }));
  const fixture = new PoolFixture({ servers });
  beforeAcquire(fixture, (_, nth, takeAsOther) => {
    if (nth < 8) takeAsOther();
  });
  t.equal(fixture.take().why, 'round_robin');
  t.equal(fixture.inFlight(), 9);
  t.equal(said(fixture.pool.pick(fixture.ctx())), 'busy');
  t.end();
});

t.test('a probe that another thread claimed first is left to it', (t) => {
  const fixture = new PoolFixture({ servers: [{ id: 'a' }, { id: 'b' }] });
  const { slot } = fixture.server('a');
  fixture.slots.markSuspect(slot, fixture.clock.nowMs());
  fixture.clock.advance(PROBE_INTERVAL_MS);
  const real = fixture.slots.claimProbe.bind(fixture.slots);
  fixture.slots.claimProbe = (at, nowMs) => {
    real(at, nowMs);
    return real(at, nowMs);
  };
  t.same([fixture.take().server.id, fixture.take().server.id], ['b', 'b']);
  t.end();
});

t.test('errors in a row: the whole attempt counts, not its head', (t) => {
  const fixture = setUp();
  const { slot } = fixture.server('a');
  const { slots } = fixture;
  const attempt = (status: number | null, outcome: Outcome): number => {
    const lease = fixture.take();
    if (status !== null) lease.answered(status, 1);
    lease.release(outcome);
    return slots.errorsInARow(slot);
  };
  t.equal(attempt(200, 'reset'), 1, 'a body that is cut');
  t.equal(attempt(200, 'reset'), 2);
  t.equal(attempt(null, 'timeout'), 3);
  t.equal(attempt(503, 'ok'), 4);
  t.equal(attempt(null, 'client_abort'), 4, 'says nothing');
  t.equal(attempt(null, 'connect_error'), 4, 'is suspicion’s affair');
  slots.clearSuspect(slot);
  t.equal(attempt(500, 'ok'), 0, 'the application’s own');
  t.equal(attempt(null, 'bad_answer'), 1);
  const tunnel = fixture.take();
  tunnel.answered(101, 1);
  t.equal(slots.errorsInARow(slot), 0, 'a tunnel that is open');
  tunnel.release('ok');
  t.equal(attempt(503, 'client_abort'), 1);
  t.equal(attempt(200, 'cancelled'), 0, 'what had been answered stands');
  t.same(slots.counters.outcomes(slot), { requests: 9, failures: 6 });
  t.end();
});
