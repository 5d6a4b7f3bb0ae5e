/** The breaker and the places of a pool in shared memory: two threads that must agree. */
import t from 'tap';
import { Admission, type AdmissionOptions, type Ticket, viewBreaker } from '../../../src/admit/index.ts';
import { SlotTable } from '../../../src/kernel/slots.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const BREAKER = {
  slot: 0,
  failureRate: 0.5,
  minRequests: 4,
  windowMs: 10_000,
  consecutiveErrors: 0,
  openMs: 5000,
  probes: 2,
};

class Pools {
  readonly clock = new FakeClock();
  readonly slots = SlotTable.create({ capacity: 8, threads: 3, nowMs: 0 });
  readonly turns: string[] = [];

  of(thread: number, options: Partial<AdmissionOptions> = {}): Admission {
    return new Admission(
      { breaker: BREAKER, requests: null, retries: null, ...options },
      { slots: this.slots, thread, onTurn: (to, why) => this.turns.push(`${thread} ${to}: ${why}`) },
    );
  }

  enter(admission: Admission): Ticket {
    const entry = admission.enter(this.clock.nowMs());
    if (entry.kind === 'refused') throw new Error(entry.reason);
    return entry;
  }

  /** @returns the reason of a refusal, with the time to wait */
  refusal(admission: Admission): string {
    const entry = admission.enter(this.clock.nowMs());
    return entry.kind === 'refused' ? `${entry.reason} ${entry.retryMs}` : 'let in';
  }

  ask(admission: Admission, status: number): void {
    const ticket = this.enter(admission);
    ticket.answered(status, this.clock.nowMs());
    ticket.close(false, this.clock.nowMs());
  }

  get mode(): string {
    return viewBreaker(this.slots, 0).mode;
  }
}

t.test('threads count together, one says so, all refuse; probes close it again', async (t) => {
  const pools = new Pools();
  const [a, b] = [pools.of(0), pools.of(1)];
  const late = pools.enter(a);
  pools.ask(a, 200);
  pools.ask(b, 200);
  pools.ask(a, 503);
  t.equal(pools.mode, 'closed');
  pools.ask(b, 502);
  t.equal(pools.mode, 'open');
  t.same(pools.turns, ['1 open: 50 % of 4 requests in 10000 ms failed']);
  t.equal(pools.refusal(a), 'breaker_open 5000');
  t.equal(pools.refusal(b), 'breaker_open 5000');
  // What was let in before says nothing any more.
  late.close(true, pools.clock.nowMs());
  pools.clock.advance(4000);
  t.match(pools.refusal(b), /^breaker_open 1\d\d\d$/);
  pools.clock.advance(1100);
  const first = pools.enter(a);
  t.equal(pools.turns.at(-1), '0 half_open: its time is over');
  const second = pools.enter(b);
  t.equal(pools.refusal(a), 'breaker_open 0', 'two try at a time, over all threads');
  first.answered(200, pools.clock.nowMs());
  // One whose client left says nothing, and gives its place back.
  second.close(false, pools.clock.nowMs());
  t.equal(pools.mode, 'half_open');
  const third = pools.enter(b);
  third.answered(404, pools.clock.nowMs());
  t.equal(pools.mode, 'closed');
  t.equal(pools.turns.at(-1), '1 closed: 2 of 2 probes were answered');
  first.close(false, pools.clock.nowMs());
  third.close(false, pools.clock.nowMs());
  t.equal(pools.slots.inFlight(0), 0);
  // The failures of before do not count twice.
  pools.clock.advance(1000);
  pools.ask(a, 503);
  pools.ask(a, 200);
  t.equal(pools.mode, 'closed');
});

t.test('a failed probe opens it for longer; it survives a thread and a reload', async (t) => {
  const pools = new Pools();
  const breaker = { ...BREAKER, failureRate: 0, consecutiveErrors: 2 };
  const a = pools.of(0, { breaker });
  pools.enter(a).close(true, pools.clock.nowMs());
  pools.enter(a).close(true, pools.clock.nowMs());
  t.equal(pools.turns.at(-1), '0 open: 2 failed requests in a row');
  pools.clock.advance(5100);
  pools.enter(a).close(true, pools.clock.nowMs());
  t.equal(pools.turns.at(-1), '0 open: a probe failed');
  // Another snapshot of the same pool, in a thread that was started anew.
  pools.slots.zeroThread(0);
  const again = pools.of(0, { breaker: { ...breaker, openMs: 4000 } });
  t.match(pools.refusal(again), /^breaker_open (8000|79\d\d)$/);
  pools.clock.advance(8100);
  const probes = [pools.enter(again), pools.enter(again)];
  // The thread dies with its probes: others may try.
  pools.slots.zeroThread(0);
  t.equal(pools.slots.inFlight(0), 0);
  t.equal(probes.length, 2);
  t.equal(viewBreaker(pools.slots, 0).opened, 2);
});

t.test('probes that never end, such as dripped uploads, do not keep it half open', async (t) => {
  const pools = new Pools();
  const a = pools.of(0);
  for (let i = 0; i < 4; i++) pools.ask(a, 503);
  pools.clock.advance(5100);
  const stuck = [pools.enter(a), pools.enter(a)];
  t.equal(pools.refusal(a), 'breaker_open 0');
  pools.clock.advance(5100);
  pools.ask(a, 200);
  pools.ask(a, 200);
  t.equal(pools.mode, 'closed');
  for (const ticket of stuck) ticket.close(false, pools.clock.nowMs());
  t.equal(pools.slots.inFlight(0), 0);
});

t.test('failures leave the window', async (t) => {
  const pools = new Pools();
  const a = pools.of(0);
  for (let i = 0; i < 3; i++) pools.ask(a, 503);
  pools.clock.advance(11_000);
  for (let i = 0; i < 4; i++) pools.ask(a, 200);
  pools.ask(a, 503);
  t.equal(pools.mode, 'closed');
  // Over all tenths: one request in each second.
  for (let i = 0; i < 30; i++) {
    pools.clock.advance(1000);
    pools.ask(a, i % 3 === 0 ? 504 : 200);
  }
  t.equal(pools.mode, 'closed', 'a third is less than half');
  for (let i = 0; i < 3; i++) {
    pools.clock.advance(1000);
    pools.ask(a, 504);
  }
  t.equal(pools.mode, 'open');
});

t.test('max_requests is exact over threads; max_retries is held until the end', async (t) => {
  const pools = new Pools();
  const options = { breaker: null, requests: { slot: 1, max: 2 }, retries: { slot: 2, max: 1 } };
  const [a, b] = [pools.of(0, options), pools.of(1, options)];
  const first = pools.enter(a);
  const second = pools.enter(b);
  t.equal(pools.refusal(a), 'pool_full 1000');
  t.equal(pools.refusal(b), 'pool_full 1000');
  t.ok(first.claimRetry());
  t.ok(first.claimRetry(), 'one place, however often it tries');
  t.notOk(second.claimRetry());
  first.close(false, pools.clock.nowMs());
  first.close(false, pools.clock.nowMs());
  t.ok(second.claimRetry());
  second.dropRetry();
  const third = pools.enter(a);
  t.ok(third.claimRetry(), 'the place of one that was not made again is free');
  t.notOk(second.claimRetry());
  second.close(true, pools.clock.nowMs());
  t.equal(pools.slots.inFlight(2), 1, 'and is given back once');
  third.close(false, pools.clock.nowMs());
  t.equal(pools.slots.inFlight(1) + pools.slots.inFlight(2), 0);
  t.equal(pools.refusal(a), 'let in');
});

t.test('a full pool keeps no probe', async (t) => {
  const pools = new Pools();
  const a = pools.of(0, { requests: { slot: 1, max: 1 } });
  for (let i = 0; i < 4; i++) pools.ask(a, 503);
  pools.clock.advance(5100);
  const probe = pools.enter(a);
  t.equal(pools.refusal(a), 'pool_full 1000');
  t.equal(pools.slots.inFlight(0), 1);
  probe.close(false, pools.clock.nowMs());
  t.equal(pools.slots.inFlight(0), 0);
});
