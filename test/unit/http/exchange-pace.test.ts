import t from 'tap';
import { ExchangePace, type HttpFault, type WireLimits } from '../../../src/http/index.ts';
import { Deadlines } from '../../../src/kernel/deadlines.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { WIRE_LIMITS } from '../../support/wire-fixture.ts';

const SECOND = 1000;

/** An exchange whose client does what the test says. */
class Fixture {
  readonly clock = new FakeClock();
  readonly deadlines = new Deadlines(this.clock);
  readonly faults: string[] = [];
  taken = 0;
  readonly pace: ExchangePace;

  constructor(limits: Partial<WireLimits> = {}, hasBody = true) {
    this.pace = new ExchangePace({
      limits: { ...WIRE_LIMITS, bodyTimeoutMs: 60 * SECOND, ...limits },
      clock: this.clock,
      deadlines: this.deadlines,
      hasBody,
      takenBytes: () => this.taken,
      onFault: (fault: HttpFault) => this.faults.push(fault.reason),
    });
  }

  pass(seconds: number): void {
    for (let i = 0; i < seconds; i++) this.clock.advance(SECOND);
  }
}

t.test('a body that stops coming', async (t) => {
  const fixture = new Fixture();
  t.equal(fixture.deadlines.size, 1);
  fixture.pass(50);
  t.equal(fixture.pace.bodyMoved(1), true);
  fixture.pass(50);
  t.same(fixture.faults, []);
  fixture.pass(12);
  t.same(fixture.faults, ['body_timeout']);
  t.equal(fixture.pace.takesBody, false, 'no more of it is wanted');
  fixture.pace.stop();
  t.equal(fixture.deadlines.size, 0);
});

t.test('a body that comes too slowly', async (t) => {
  const fixture = new Fixture({ minRate: 100 });
  for (let i = 0; i < 12; i++) {
    fixture.pace.bodyMoved(50);
    fixture.pass(1);
  }
  t.same(fixture.faults, ['body_timeout']);
});

t.test('a body that is too large', async (t) => {
  const fixture = new Fixture({ maxBodyBytes: 10 });
  t.equal(fixture.pace.bodyMoved(10), true);
  t.equal(fixture.pace.bodyMoved(1), false);
  t.same(fixture.faults, ['too_large']);
});

t.test('time in which we do not read is not the client’s', async (t) => {
  const fixture = new Fixture();
  fixture.pace.pauseBody();
  fixture.pass(600);
  t.same(fixture.faults, []);
  fixture.pace.resumeBody();
  fixture.pass(59);
  t.same(fixture.faults, []);
  fixture.pass(2);
  t.same(fixture.faults, ['body_timeout']);
});

t.test('an answer that is not taken, and one that is', async (t) => {
  const idle = new Fixture({}, false);
  idle.pass(600);
  t.same(idle.faults, [], 'nothing is due');
  idle.pace.startTaking();
  t.equal(idle.pace.isTaking, true);
  idle.pass(62);
  t.same(idle.faults, ['answer_timeout']);
  t.equal(idle.pace.isTaking, false);

  const taking = new Fixture({}, false);
  taking.pace.startTaking();
  for (let i = 0; i < 20; i++) {
    taking.pass(30);
    taking.taken += 100_000;
    taking.pace.startTaking();
  }
  t.same(taking.faults, []);
  taking.pace.endTaking();
  taking.pass(600);
  t.same(taking.faults, []);
});

t.test('while the client takes its answer its body is not due', async (t) => {
  const fixture = new Fixture();
  fixture.pace.startTaking();
  for (let i = 0; i < 5; i++) {
    fixture.pass(30);
    fixture.taken += 100_000;
  }
  t.same(fixture.faults, []);
  fixture.pace.endTaking();
  fixture.pass(59);
  t.same(fixture.faults, []);
  fixture.pass(3);
  t.same(fixture.faults, ['body_timeout'], 'its time began anew');
});

t.test('a whole body is not due any more', async (t) => {
  const fixture = new Fixture();
  fixture.pace.endBody();
  fixture.pass(600);
  t.same(fixture.faults, []);
});
