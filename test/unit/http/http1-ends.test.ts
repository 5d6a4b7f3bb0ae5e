/** How a client connection ends, or becomes a tunnel: over a socket in memory. */
import t from 'tap';
import type { TunnelEnd } from '../../../src/http/index.ts';
import { BIG, GET, post, startBig, statuses, unanswered, WireFixture } from '../../support/wire-fixture.ts';

t.test('a request that cannot be read is answered and the connection closed, in that order', (t) => {
  const table: [string, number][] = [
    ['GET / HTTP/1.1\r\n\r\n', 400],
    ['GET / HTTP/3.0\r\nHost: h\r\n\r\n', 505],
    ['CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n', 405],
    [`GET /${'x'.repeat(9000)} HTTP/1.1\r\nHost: h\r\n\r\n`, 414],
    [`GET /${'x'.repeat(9000)}`, 414],
    [`GET / HTTP/1.1\r\nX: ${'x'.repeat(17_000)}`, 431],
    ['POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n', 501],
    ['GET / HTTP/1.1\r\nHost: h\r\nExpect: x\r\n\r\n', 417],
    ['POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99\r\n\r\n', 413],
  ];
  for (const [sent, status] of table) {
    const wire = new WireFixture({ limits: { maxBodyBytes: 50 } });
    wire.socket.receive(sent);
    t.same(statuses(wire.socket.sent), [status], JSON.stringify(sent.slice(0, 40)));
    t.same([wire.requests.length, wire.faults.length, wire.socket.isEnded], [0, 1, true]);
    wire.socket.receive(GET);
    t.equal(wire.requests.length, 0, 'what comes after it is thrown away');
    t.notOk(wire.socket.destroyed, 'but read for a moment: a RST could overtake the answer');
    wire.pass(2500);
    t.ok(wire.socket.destroyed);
  }
  t.end();
});

t.test('reading on after the end has its bounds', (t) => {
  const wire = new WireFixture();
  wire.socket.receive('\0');
  let megabytes = 0;
  while (!wire.socket.destroyed && megabytes < 1000) {
    for (let i = 0; i < 4; i++) wire.socket.receive(BIG);
    megabytes++;
  }
  t.ok(megabytes >= 1 && megabytes < 100, `at most ${megabytes} MiB are thrown away`);

  const slow = new WireFixture();
  slow.socket.isStuck = true;
  slow.socket.receive('\0');
  slow.pass(50_000);
  t.notOk(slow.socket.destroyed, 'the answer itself has the time of a body');
  slow.socket.unstick();
  slow.pass(1500);
  t.notOk(slow.socket.destroyed);
  slow.pass(1000);
  t.ok(slow.socket.destroyed, 'the moment begins when it has gone');

  const polite = new WireFixture();
  polite.socket.receive('\0');
  polite.socket.receiveEnd();
  t.ok(polite.socket.destroyed, 'a client that has read it and closes ends it');
  t.end();
});

t.test('the client closes its direction', (t) => {
  const table: [string, (wire: WireFixture) => void, string[]][] = [
    ['before a request', () => {}, []],
    ['within a head', (it) => it.socket.receive('GET / HT'), []],
    ['between requests', (it) => [it.socket.receive(GET), it.last.answer()], []],
    ['while it waits', (it) => it.socket.receive(GET), ['gone']],
    ['within its body', (it) => it.socket.receive(`${post(5)}abc`), ['data', 'gone']],
    ['within its answer', (it) => [it.socket.receive(GET), startBig(it.last)], ['gone']],
  ];
  for (const [name, act, calls] of table) {
    const wire = new WireFixture(unanswered);
    act(wire);
    wire.socket.receiveEnd();
    t.ok(wire.socket.destroyed, name);
    t.same(wire.requests.at(-1)?.calls ?? [], calls, name);
    t.equal(wire.closes, 1, name);
  }
  t.end();
});

t.test('an error of the socket is an end', (t) => {
  const wire = new WireFixture(unanswered);
  wire.socket.receive(GET);
  wire.socket.emit('error', new Error('ECONNRESET'));
  wire.socket.settle();
  t.same([wire.last.calls, wire.closes], [['gone'], 1]);
  t.end();
});

t.test('asked to close', (t) => {
  const idle = new WireFixture();
  idle.socket.receive(GET);
  idle.pass(1500);
  idle.connection.close();
  idle.socket.settle();
  t.ok(idle.socket.isEnded && idle.socket.destroyed, 'idle for a while: now');

  const used = new WireFixture();
  used.socket.receive(GET);
  used.connection.close();
  used.connection.close();
  t.notOk(used.socket.isEnded, 'used just now: its next request may be under way');
  used.socket.receive(GET);
  t.match(used.socket.sent, /\r\nConnection: close\r\n/, 'which is the last');
  t.ok(used.socket.isEnded);

  const left = new WireFixture();
  left.socket.receive(GET);
  left.connection.close();
  left.pass(1500);
  left.socket.settle();
  t.ok(left.socket.destroyed, 'not for longer than that');

  const fresh = new WireFixture();
  fresh.connection.close();
  fresh.socket.settle();
  t.notOk(fresh.socket.isEnded, 'new: its request may be under way');
  fresh.socket.receive(GET);
  t.match(fresh.socket.sent, /^HTTP\/1\.1 200 [\s\S]*\r\nConnection: close\r\n/);
  t.ok(fresh.socket.isEnded);

  const silent = new WireFixture();
  silent.connection.close();
  silent.pass(1500);
  t.ok(silent.socket.destroyed, 'new, and nothing comes: soon');

  const busy = new WireFixture(unanswered);
  busy.socket.receive(GET + GET);
  busy.connection.close();
  t.notOk(busy.socket.isEnded, 'busy: after its answer');
  busy.last.answer();
  t.match(busy.socket.sent, /\r\nConnection: close\r\n/);
  t.ok(busy.socket.isEnded);
  t.equal(busy.requests.length, 1, 'what was pipelined goes to the next connection of the client');

  const started = new WireFixture(unanswered);
  started.socket.receive(GET);
  startBig(started.last);
  started.connection.close();
  started.last.stream.sendBody(BIG, 0, BIG.length);
  started.last.stream.sink = null;
  started.last.stream.endAnswer('');
  t.ok(started.socket.isEnded, 'its head had promised more: closed all the same');

  const cut = new WireFixture(unanswered);
  cut.socket.receive(GET);
  cut.connection.destroy();
  cut.socket.settle();
  t.same([cut.socket.destroyed, cut.last.calls], [true, ['gone']], 'destroy: now, whatever it does');
  t.end();
});

t.test('an answer before the body is complete ends the connection', (t) => {
  const wire = new WireFixture(unanswered);
  wire.socket.receive(`${post(100)}abc`);
  wire.last.answer();
  t.match(wire.socket.sent, /\r\nConnection: close\r\n/);
  t.ok(wire.socket.isEnded);
  wire.socket.receive('d'.repeat(97) + GET);
  t.same([wire.requests.length, wire.last.body], [1, 'abc']);
  t.end();
});

t.test('an answer shorter than it said must not look whole', (t) => {
  const wire = new WireFixture(unanswered);
  wire.socket.receive(GET);
  startBig(wire.last);
  wire.last.stream.sendBody(BIG, 0, 10);
  wire.last.stream.sink = null;
  wire.last.stream.endAnswer('');
  wire.socket.settle();
  t.same([wire.socket.isEnded, wire.socket.destroyed], [false, true]);
  t.end();
});

t.test('a tunnel', (t) => {
  let tunnel = null as TunnelEnd | null;
  const wire = new WireFixture({
    onComplete: (seen) => {
      tunnel = seen.stream.switchProtocols('Switching Protocols', 'Upgrade: websocket\r\n');
      seen.stream.sink = null;
    },
  });
  const seen: string[] = [];
  wire.socket.receive(`${GET}early`);
  t.equal(wire.socket.sent, 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n');
  wire.socket.receive(' bird');
  tunnel?.open({
    onTunnelData: (chunk) => seen.push(chunk.toString()),
    onTunnelEnd: () => seen.push('END'),
    onTunnelDrain: () => seen.push('DRAIN'),
    onTunnelClose: () => seen.push('CLOSE'),
  });
  wire.socket.receive(GET);
  t.equal(seen.splice(0).join(''), `early bird${GET}`, 'bytes are bytes now');
  t.equal(wire.requests.length, 1);
  wire.socket.isStuck = true;
  wire.takeSent();
  t.notOk(tunnel?.write(BIG));
  wire.socket.unstick();
  t.same(seen.splice(0), ['DRAIN']);
  wire.pass(3_600_000);
  t.notOk(wire.socket.destroyed, 'it has deadlines of its own, elsewhere');
  wire.socket.receiveEnd();
  t.same(seen.splice(0), ['END'], 'one direction may end before the other');
  tunnel?.destroy();
  wire.socket.settle();
  t.same([seen, wire.closes], [['CLOSE'], 1]);
  t.same([tunnel?.bytesRead, tunnel?.bytesWritten], [10 + GET.length, BIG.length]);
  t.end();
});
