/** What a client connection says it holds, and what becomes of it when memory is short. */
import t from 'tap';
import { CONNECTION_BYTES, TLS_CONNECTION_BYTES } from '../../../src/kernel/memory.ts';
import { BIG, GET, post, startBig, statuses, unanswered, WireFixture } from '../../support/wire-fixture.ts';

t.test('what is held, by phase', (t) => {
  const table: [name: string, act: (wire: WireFixture) => void, bytes: number][] = [
    ['nothing', () => {}, 0],
    ['half a head', (it) => it.socket.receive('GET / HTTP/1.1\r\n'), 16],
    ['a head that was read', (it) => it.socket.receive(GET), 0],
    ['requests before their turn', (it) => it.socket.receive(GET.repeat(3)), 2 * GET.length],
    [
      'a body that nobody takes',
      (it) => {
        it.socket.receive(post(10_000));
        it.last.stream.pauseBody(true);
        it.socket.isPaused = false;
        it.socket.receive(Buffer.alloc(5000));
      },
      5000 + 10_000,
    ],
    [
      'an answer that is not taken',
      (it) => {
        it.socket.receive(GET);
        it.socket.isStuck = true;
        startBig(it.last);
        it.last.stream.sendBody(BIG, 0, BIG.length);
      },
      BIG.length + 'HTTP/1.1 200 OK\r\nContent-Length: 262144\r\n\r\n'.length,
    ],
  ];
  for (const [name, act, bytes] of table) {
    const wire = new WireFixture(unanswered);
    act(wire);
    t.equal(wire.connection.heldBytes(), CONNECTION_BYTES + bytes, name);
  }
  const tls = new WireFixture({ client: { tlsVersion: 'TLSv1.3' } });
  t.equal(tls.connection.heldBytes(), TLS_CONNECTION_BYTES, 'TLS costs more');
  t.end();
});

t.test('how a connection ends for want of memory', (t) => {
  const table: [
    name: string,
    act: (wire: WireFixture) => void,
    status: string,
    reason: string | undefined,
  ][] = [
    ['idle', (it) => [it.socket.receive(GET), it.last.answer()], '200', undefined],
    ['half a head', (it) => it.socket.receive('GET / HT'), '503', 'overloaded'],
    ['unanswered', (it) => it.socket.receive(GET), '', 'overloaded'],
    ['within a body', (it) => it.socket.receive(`${post(10)}12345`), '', 'overloaded'],
  ];
  for (const [name, act, status, reason] of table) {
    const wire = new WireFixture(unanswered);
    act(wire);
    wire.connection.overload();
    wire.socket.settle();
    t.equal(statuses(wire.socket.sent).join(' '), status, name);
    t.equal((wire.faults[0] ?? wire.requests[0]?.fault)?.reason, reason, name);
    if (reason === undefined) t.ok(wire.socket.destroyed, name);
  }
  t.end();
});

t.test('while memory is short the body of a new request waits; others go on', (t) => {
  const wire = new WireFixture(unanswered);
  const other = new WireFixture(unanswered);
  other.socket.receive(`${post(10)}12345`);
  wire.memory.isTight = other.memory.isTight = true;
  wire.socket.receive(`${post(10)}12345`);
  t.equal(wire.requests.length, 1, 'its head has come through');
  t.ok(wire.socket.isPaused);
  t.equal(wire.last.body, '');
  // What a phase that wants the body does must not wake it.
  wire.last.stream.resumeBody();
  t.equal(wire.last.body, '');
  other.socket.receive('67890');
  t.equal(other.last.body, '1234567890');
  wire.memory.isTight = false;
  wire.connection.relieve();
  t.notOk(wire.socket.isPaused);
  wire.socket.receive('67890');
  t.equal(wire.last.body, '1234567890');
  t.equal(wire.last.trailers, '');
  t.end();
});

t.test('a body waits for memory no longer than a client may be silent', (t) => {
  const wire = new WireFixture(unanswered);
  wire.memory.isTight = true;
  wire.socket.receive(`${post(10)}12345`);
  wire.pass(59_000);
  t.notOk(wire.last.fault);
  wire.pass(2500);
  t.equal(wire.last.fault?.reason, 'overloaded');
  t.end();
});

t.test('a request that is answered without its body has no need of memory', (t) => {
  const wire = new WireFixture(unanswered);
  wire.memory.isTight = true;
  wire.socket.receive(`${post(10)}12345`);
  wire.last.answer();
  wire.socket.settle();
  t.same(statuses(wire.socket.sent), [200]);
  t.ok(wire.socket.isEnded);
  t.notOk(wire.socket.isPaused, 'what comes is read and thrown away');
  t.end();
});

t.test('an idle connection forgets its last request after a while, and ends at its own time', (t) => {
  const wire = new WireFixture({ limits: { idleTimeoutMs: 60_000 } });
  const ask = () => {
    wire.socket.receive(GET);
    wire.connection.client.memo = 'who asks';
    return wire.last.stream.head;
  };
  const first = ask();
  wire.pass(4000);
  t.equal(ask(), first, 'a request like it is the same');
  wire.pass(5500);
  t.equal(wire.connection.client.memo, null);
  t.notOk(wire.socket.destroyed);
  const again = ask();
  t.not(again, first);
  t.same(again, first);
  t.equal(statuses(wire.takeSent()).length, 3, 'answered all the same');
  wire.pass(59_000);
  t.notOk(wire.socket.destroyed);
  wire.pass(1500);
  t.ok(wire.socket.destroyed);
  const hasty = new WireFixture({ limits: { idleTimeoutMs: 1000 } });
  hasty.socket.receive(GET);
  hasty.pass(1500);
  t.ok(hasty.socket.destroyed, 'idle_timeout below that while');
  const closing = new WireFixture({ limits: { idleTimeoutMs: 60_000 } });
  closing.socket.receive(GET);
  closing.connection.close();
  t.notOk(closing.socket.destroyed, 'a last request may be under way');
  closing.pass(1000);
  t.ok(closing.socket.destroyed);
  t.end();
});
