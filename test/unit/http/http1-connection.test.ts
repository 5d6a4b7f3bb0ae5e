/** One client connection over a socket in memory: its phases, its deadlines, and what waits. */
import t from 'tap';
import { BIG, GET, post, startBig, statuses, unanswered, WireFixture } from '../../support/wire-fixture.ts';

t.test('deadlines: what is given how long, and what then', (t) => {
  /** What happens first; then the last moment at which the connection is open, in ms; then what the client got. */
  const table: [string, (wire: WireFixture) => void, number, string][] = [
    ['not a byte', () => {}, 10_000, ''],
    ['an empty line', (it) => it.socket.receive('\r\n'), 10_000, ''],
    ['half a head', (it) => it.socket.receive('GET / HT'), 10_000, '408'],
    [
      'a head that drips',
      (it) => {
        for (const byte of 'GET / HTTP') {
          it.socket.receive(byte);
          it.pass(900);
        }
      },
      1000,
      '408',
    ],
    ['answered, then silence', (it) => it.socket.receive(GET), 75_000, '200'],
    [
      'answered, then half a head',
      (it) => [it.socket.receive(GET), it.pass(50_000), it.socket.receive('G')],
      10_000,
      '200 408',
    ],
    ['a body that does not come', (it) => it.socket.receive(post(5)), 60_000, '408'],
    [
      'a body that stops',
      (it) => [it.socket.receive(post(5)), it.pass(50_000), it.socket.receive('abc')],
      60_000,
      '408',
    ],
  ];
  for (const [name, act, openMs, expected] of table) {
    const wire = new WireFixture();
    act(wire);
    wire.pass(openMs - 200);
    t.notOk(wire.socket.isEnded || wire.socket.destroyed, `${name}: still open`);
    // A sweep may come a tick late, and a deadline of no consequence is set a tick late.
    wire.pass(500);
    t.ok(wire.socket.isEnded || wire.socket.destroyed, `${name}: over`);
    t.equal(statuses(wire.socket.sent).join(' '), expected, name);
    wire.pass(3000);
    t.ok(wire.socket.destroyed, `${name}: and gone after a moment of reading on`);
    t.equal(wire.closes, 1, name);
    t.equal(wire.deadlines.size, 0, name);
  }
  t.end();
});

t.test('an exchange that the server is busy with has no deadline of its own', (t) => {
  const wire = new WireFixture(unanswered);
  wire.socket.receive(GET);
  wire.pass(3_600_000);
  t.notOk(wire.socket.destroyed);
  wire.last.answer();
  t.match(statuses(wire.socket.sent), [200]);
  t.end();
});

t.test('while we do not read, the pace of the body is not the client’s', (t) => {
  const wire = new WireFixture(unanswered);
  wire.socket.receive(`${post(10)}12345`);
  wire.last.stream.pauseBody(true);
  t.ok(wire.socket.isPaused);
  wire.pass(600_000);
  t.notOk(wire.last.fault);
  wire.last.stream.resumeBody();
  wire.pass(59_000);
  t.notOk(wire.last.fault, 'it has its time from now');
  wire.pass(2000);
  t.equal(wire.last.fault?.reason, 'body_timeout');
  t.end();
});

t.test('a client that does not take its answer', (t) => {
  const wire = new WireFixture(unanswered);
  wire.socket.receive(GET);
  wire.socket.isStuck = true;
  startBig(wire.last);
  t.notOk(wire.last.stream.sendBody(BIG, 0, BIG.length), 'the range is still needed');
  wire.pass(59_000);
  t.same(wire.last.calls, []);
  wire.pass(2000);
  t.equal(wire.last.fault?.reason, 'answer_timeout');
  t.end();
});

t.test('a client that takes its answer bit by bit', (t) => {
  const table: [name: string, minRate: number, bytes: number, isCut: boolean][] = [
    ['a byte each half minute, which no rate forbids', 0, 1, false],
    ['fast enough', 256, 256 * 30, false],
    ['too slow, though never silent', 256, 255 * 30, true],
  ];
  for (const [name, minRate, bytes, isCut] of table) {
    const wire = new WireFixture({ ...unanswered, limits: { minRate } });
    wire.socket.receive(GET);
    wire.socket.isStuck = true;
    startBig(wire.last);
    wire.last.stream.sendBody(BIG, 0, BIG.length);
    for (let i = 0; i < 8; i++) {
      wire.pass(29_900);
      wire.socket.writableLength -= bytes;
    }
    t.equal(wire.last.fault?.reason, isCut ? 'answer_timeout' : undefined, name);
  }
  t.end();
});

t.test('a client that takes its answer late is told of', (t) => {
  const wire = new WireFixture(unanswered);
  wire.socket.receive(GET);
  wire.socket.isStuck = true;
  startBig(wire.last);
  t.notOk(wire.last.stream.sendBody(BIG, 0, 100_000));
  wire.pass(59_000);
  wire.socket.unstick();
  t.same(wire.last.calls, ['drain']);
  wire.pass(600_000);
  t.notOk(wire.socket.destroyed, 'what is not sent is not waited for');
  t.end();
});

t.test('a client that leaves while its socket is not read', (t) => {
  const table: [name: string, stop: (wire: WireFixture) => void][] = [
    [
      'in the middle of a body that the server does not take',
      (it) => {
        it.socket.receive(`${post(10)}12345`);
        it.last.stream.pauseBody(true);
      },
    ],
    ['with too many requests in front of it', (it) => it.socket.receive(GET.repeat(3000))],
  ];
  for (const [name, stop] of table) {
    const wire = new WireFixture(unanswered);
    stop(wire);
    t.ok(wire.socket.isPaused, name);
    wire.pass(5000);
    t.notOk(wire.socket.destroyed, `${name}: it is there`);
    wire.socket.isPeerGone = true;
    wire.pass(1500);
    t.ok(wire.socket.destroyed, `${name}: it is gone`);
    t.ok(wire.last.isClientGone);
  }
  t.end();
});

t.test('pipelined requests are answered one after the other', (t) => {
  const many = 3000;
  const heads = Array.from({ length: many }, (_, i) => `GET /${i} HTTP/1.1\r\nHost: h.example\r\n\r\n`);
  const wire = new WireFixture();
  wire.socket.receive(heads.join(''));
  t.equal(wire.requests.length, many);
  t.same(
    wire.requests.map((it) => it.stream.head.target),
    heads.map((_, i) => `/${i}`),
  );
  t.equal(statuses(wire.socket.sent).length, many);

  const late = new WireFixture(unanswered);
  late.socket.receive(GET.repeat(3));
  t.equal(late.requests.length, 1, 'the second waits for the answer to the first');
  for (let i = 0; i < 3; i++) late.last.answer();
  t.equal(late.requests.length, 3);
  t.end();
});

t.test('who sends on and on before its turn is held back, and loses nothing', (t) => {
  const wire = new WireFixture(unanswered);
  wire.socket.receive(GET);
  const more = 'GET /more HTTP/1.1\r\nHost: h.example\r\nX-Fill: '.padEnd(5000, 'x');
  let sent = 0;
  while (!wire.socket.isPaused && sent < 100) {
    wire.socket.receive(`${more}\r\n\r\n`);
    sent++;
  }
  t.ok(sent > 10 && sent < 20, `held back after ${sent} of 5 KB`);
  for (let i = 0; i <= sent; i++) {
    wire.last.answer();
    wire.socket.settle();
  }
  t.equal(wire.requests.length, sent + 1);
  t.notOk(wire.socket.isPaused, 'and read from again');
  t.end();
});

t.test('who does not take its answers has no more requests read', (t) => {
  const wire = new WireFixture();
  wire.socket.isStuck = true;
  wire.socket.highWaterBytes = 500;
  wire.socket.receive(GET.repeat(100));
  const read = wire.requests.length;
  t.ok(read < 20, `${read} of 100`);
  wire.socket.isStuck = false;
  wire.socket.unstick();
  t.equal(wire.requests.length, 100, 'all of them once it does');
  t.equal(statuses(wire.socket.sent).length, 100);
  t.end();
});

t.test('the body, given out as it comes', (t) => {
  const wire = new WireFixture(unanswered);
  wire.socket.receive(`${post(10)}123`);
  t.same([wire.last.body, wire.last.trailers], ['123', null]);
  t.notOk(wire.last.stream.isRequestComplete);
  wire.socket.receive('4567');
  wire.last.stream.pauseBody(true);
  wire.socket.receive('890');
  t.equal(wire.last.body, '1234567', 'paused');
  wire.last.stream.resumeBody();
  wire.socket.settle();
  t.same([wire.last.body, wire.last.trailers], ['1234567890', '']);
  t.ok(wire.last.stream.isRequestComplete);
  t.equal(wire.last.stream.bytesIn, post(10).length + 10);
  t.end();
});

t.test('a pause ends with the body, so that a client that leaves is seen', (t) => {
  const wire = new WireFixture(unanswered);
  wire.socket.receive(`${post(3)}ab`);
  wire.last.stream.pauseBody(true);
  wire.last.stream.resumeBody();
  wire.last.onBodyData = () => wire.last.stream.pauseBody(true);
  wire.socket.receive('c');
  t.notOk(wire.socket.isPaused);
  wire.last.answer();
  wire.socket.receive(GET);
  t.equal(wire.requests.length, 2);
  t.end();
});

t.test('a body that breaks the rules', (t) => {
  const chunked = 'POST / HTTP/1.1\r\nHost: h.example\r\nTransfer-Encoding: chunked\r\n\r\n';
  const table: [string, string, string][] = [
    ['a bad chunk', `${chunked}zz\r\n`, 'bad_request'],
    ['a bad trailer', `${chunked}0\r\nX T: 1\r\n\r\n`, 'bad_request'],
    ['too large', `${chunked}6\r\nhello!\r\n`, 'too_large'],
  ];
  for (const [name, sent, reason] of table) {
    const wire = new WireFixture({ limits: { maxBodyBytes: 5 } });
    wire.socket.receive(sent);
    wire.socket.receive(GET);
    t.equal(wire.last.fault?.reason, reason, name);
    t.ok(wire.socket.isEnded, `${name}: the connection closes after the answer`);
    t.equal(wire.requests.length, 1, `${name}: and nothing after it is read`);
    t.match(wire.socket.sent, /\r\nConnection: close\r\n/, name);
  }
  t.end();
});
