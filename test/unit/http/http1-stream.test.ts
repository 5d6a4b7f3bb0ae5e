/** How an answer is framed and in which pieces it leaves: over a connection whose socket is in memory. */
import fc from 'fast-check';
import t from 'tap';
import type { AnswerHead, ClientStream } from '../../../src/http/index.ts';
import { WireFixture } from '../../support/wire-fixture.ts';

const HEADROOM = 4096;

function answerHead(more: Partial<AnswerHead>): AnswerHead {
  return {
    status: 200,
    phrase: 'OK',
    fields: '',
    hasDate: true,
    memo: '',
    framing: 'none',
    contentLength: -1,
    ...more,
  };
}

/** A connection that waits for the answer to one request. */
function asked(request = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n', tlsVersion = ''): WireFixture {
  const wire = new WireFixture({ onComplete: () => {}, client: { tlsVersion } });
  wire.socket.receive(request);
  return wire;
}

/** Sends a body as it comes from a server: in the read buffer of its connection, behind some headroom. */
function sendRange(stream: ClientStream, body: string, headroom = HEADROOM): boolean {
  const buffer = Buffer.alloc(headroom + body.length, 0);
  buffer.write(body, headroom, 'latin1');
  return stream.sendBody(buffer, headroom, headroom + body.length);
}

/** What was sent after the first head. */
function bodyOf({ socket: { sent } }: WireFixture): string {
  return sent.slice(sent.indexOf('\r\n\r\n') + 4);
}

t.test('the head of an answer, by its framing and what the client speaks', (t) => {
  const [http11, http10] = ['GET / HTTP/1.1\r\nHost: h\r\n', 'GET / HTTP/1.0\r\n'];
  const keep = 'Connection: keep-alive\r\n';
  const close = 'Connection: close\r\n';
  const table: [string, string, Partial<AnswerHead>, string][] = [
    ['length', http11, { framing: 'length', contentLength: 5 }, 'Content-Length: 5\r\n'],
    ['chunked', http11, { framing: 'chunked' }, 'Transfer-Encoding: chunked\r\n'],
    ['until close', http11, { framing: 'close' }, 'Transfer-Encoding: chunked\r\n'],
    ['nothing', http11, { framing: 'none' }, ''],
    ['empty', http11, { framing: 'none', contentLength: 0 }, 'Content-Length: 0\r\n'],
    [
      'HEAD, with the length it would have',
      http11,
      { framing: 'none', contentLength: 9 },
      'Content-Length: 9\r\n',
    ],
    ['204 has no length', http11, { status: 204, framing: 'none', contentLength: 0 }, ''],
    ['304 may tell one', http11, { status: 304, framing: 'none', contentLength: 9 }, 'Content-Length: 9\r\n'],
    [
      'client says close',
      `${http11}${close}`,
      { framing: 'chunked' },
      `Transfer-Encoding: chunked\r\n${close}`,
    ],
    ['1.0, length', http10, { framing: 'length', contentLength: 5 }, `Content-Length: 5\r\n${close}`],
    [
      '1.0, kept alive',
      `${http10}${keep}`,
      { framing: 'length', contentLength: 5 },
      `Content-Length: 5\r\n${keep}`,
    ],
    ['1.0 does not know chunks', `${http10}${keep}`, { framing: 'chunked' }, close],
    ['1.0, until close', http10, { framing: 'close' }, close],
  ];
  for (const [name, request, head, expected] of table) {
    const wire = asked(`${request}\r\n`);
    const { stream } = wire.last;
    stream.startAnswer(answerHead({ fields: 'X-A: 1\r\n', ...head }));
    stream.flush();
    t.equal(wire.takeSent(), `HTTP/1.1 ${head.status ?? 200} OK\r\nX-A: 1\r\n${expected}\r\n`, name);
  }
  const wire = asked();
  wire.last.stream.startAnswer(answerHead({ hasDate: false }));
  wire.last.stream.flush();
  t.match(
    wire.socket.sent,
    /\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n/,
    'a Date where there is none',
  );
  t.end();
});

t.test('a head that is sent again, to whom it is sent', (t) => {
  const head = answerHead({ fields: 'X-A: 1\r\n', framing: 'chunked' });
  const kept = 'HTTP/1.1 200 OK\r\nX-A: 1\r\nTransfer-Encoding: chunked\r\n\r\n';
  const closed = kept.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n');
  const table: [string, string][] = [
    ['GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n', closed],
    ['GET / HTTP/1.1\r\nHost: h\r\n\r\n', kept],
    ['GET / HTTP/1.1\r\nHost: h\r\n\r\n', kept],
    ['GET / HTTP/1.0\r\n\r\n', closed.replace('Transfer-Encoding: chunked\r\n', '')],
    ['GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n', closed],
    ['PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n', closed],
    ['GET / HTTP/1.1\r\nHost: h\r\n\r\n', kept],
  ];
  for (const [request, expected] of table) {
    const wire = asked(request);
    wire.last.stream.startAnswer(head);
    wire.last.stream.flush();
    t.equal(wire.takeSent(), expected, JSON.stringify(request));
  }
  t.end();
});

t.test('a small answer is one write', (t) => {
  for (const framing of ['length', 'chunked'] as const) {
    const wire = asked();
    const { stream } = wire.last;
    stream.startAnswer(answerHead({ framing, contentLength: framing === 'length' ? 6 : -1 }));
    t.ok(sendRange(stream, 'hel'));
    t.ok(sendRange(stream, 'lo!'));
    stream.endAnswer('');
    t.equal(wire.socket.writes.length, 1, framing);
    t.equal(bodyOf(wire), framing === 'length' ? 'hello!' : '3\r\nhel\r\n3\r\nlo!\r\n0\r\n\r\n');
    t.equal(stream.bytesOut, wire.socket.sent.length);
  }
  t.end();
});

t.test('a large range leaves in one piece with the head before it, where there is room for that', (t) => {
  const body = 'y'.repeat(20_000);
  /** Room before the range, version of TLS, unsent bytes before, and then: writes of it. */
  const table: [string, number, string, boolean, number][] = [
    ['head written into the free bytes', HEADROOM, '', false, 1],
    ['no room before it', 4, '', false, 2],
    ['TLS, nothing under way', HEADROOM, 'TLSv1.3', false, 1],
    ['TLS, behind another write', HEADROOM, 'TLSv1.3', true, 1],
  ];
  for (const [name, headroom, tls, isBehind, writes] of table) {
    const wire = asked(undefined, tls);
    const { stream } = wire.last;
    if (isBehind) {
      wire.socket.isStuck = true;
      stream.sendInterim(103, 'Early Hints', 'Link: </a>\r\n');
      wire.takeSent();
    }
    stream.startAnswer(answerHead({ framing: 'chunked' }));
    sendRange(stream, body, headroom);
    t.equal(wire.socket.writes.length, writes, name);
    stream.endAnswer('');
    t.equal(
      wire.socket.sent,
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4e20\r\n${body}\r\n0\r\n\r\n`,
      name,
    );
  }
  t.end();
});

t.test('when the sender must wait', (t) => {
  const wire = asked();
  wire.socket.isStuck = true;
  const { stream } = wire.last;
  stream.startAnswer(answerHead({ framing: 'chunked' }));
  t.ok(sendRange(stream, 'small'), 'what is copied need not be waited for');
  t.notOk(sendRange(stream, 'x'.repeat(5000)), 'a plain socket still points at the range');
  t.same(wire.last.calls, []);
  wire.socket.unstick();
  t.same(wire.last.calls, ['drain']);

  const many = asked();
  many.socket.isStuck = true;
  many.last.stream.startAnswer(answerHead({ framing: 'chunked' }));
  let taken = 0;
  while (sendRange(many.last.stream, 'x'.repeat(1000)) && taken < 1000) taken++;
  t.ok(taken > 10 && taken < 100, `small pieces add up too: ${taken} KB`);

  const tls = asked(undefined, 'TLSv1.3');
  tls.socket.isStuck = true;
  tls.last.stream.startAnswer(answerHead({ framing: 'chunked' }));
  t.notOk(sendRange(tls.last.stream, 'x'.repeat(5000)), 'so it is over TLS');
  t.end();
});

t.test('room is told of when the last of several writes has gone', (t) => {
  const wire = asked();
  wire.socket.isStuck = true;
  wire.socket.highWaterBytes = Number.POSITIVE_INFINITY;
  const { stream } = wire.last;
  stream.startAnswer(answerHead({ framing: 'chunked' }));
  t.notOk(sendRange(stream, 'x'.repeat(5000)));
  sendRange(stream, 'small');
  stream.flush();
  wire.socket.unstick();
  t.same(wire.last.calls, ['drain']);
  t.end();
});

t.test('trailers go to those who asked for them', (t) => {
  for (const te of ['', 'TE: trailers\r\n']) {
    const wire = asked(`GET / HTTP/1.1\r\nHost: h\r\n${te}\r\n`);
    wire.last.stream.startAnswer(answerHead({ framing: 'chunked' }));
    wire.last.stream.endAnswer('X-T: 1\r\n');
    t.equal(wire.socket.sent.endsWith('\r\n\r\n0\r\nX-T: 1\r\n\r\n'), te !== '', te);
  }
  t.end();
});

t.test('interim answers', (t) => {
  const wire = asked();
  const { stream } = wire.last;
  stream.sendInterim(103, 'Early Hints', 'Link: </a>\r\n');
  t.equal(wire.takeSent(), 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n', 'at once');
  stream.startAnswer(answerHead({ framing: 'chunked' }));
  stream.sendInterim(103, 'Early Hints', '');
  stream.flush();
  t.equal(
    wire.takeSent(),
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    'none after the final one',
  );
  const old = asked('GET / HTTP/1.0\r\n\r\n');
  old.last.stream.sendInterim(100, 'Continue', '');
  t.equal(old.socket.sent, '', 'HTTP/1.0 knows none');
  t.end();
});

t.test('an answer that is broken off looks it', (t) => {
  /** Request line, TLS, framing; then whether only a RST can tell. */
  const table: [string, string, AnswerHead['framing'], boolean][] = [
    ['GET / HTTP/1.1\r\nHost: h\r\n\r\n', '', 'chunked', false],
    ['GET / HTTP/1.1\r\nHost: h\r\n\r\n', '', 'length', false],
    ['GET / HTTP/1.0\r\n\r\n', '', 'length', false],
    ['GET / HTTP/1.0\r\n\r\n', '', 'close', true],
    ['GET / HTTP/1.0\r\n\r\n', 'TLSv1.3', 'close', false],
  ];
  for (const [request, tls, framing, isReset] of table) {
    const wire = asked(request, tls);
    wire.last.stream.startAnswer(answerHead({ framing, contentLength: framing === 'length' ? 9 : -1 }));
    sendRange(wire.last.stream, 'half');
    wire.last.stream.abort();
    wire.socket.settle();
    const what = `${framing} ${tls}`;
    t.same([wire.socket.destroyed, wire.socket.isEnded, wire.socket.isReset], [true, false, isReset], what);
    t.equal(wire.socket.sent, '', `${what}: what was held is not sent`);
  }
  t.end();
});

t.test('it ends once', (t) => {
  const wire = asked('GET / HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n');
  const { stream } = wire.last;
  stream.startAnswer(answerHead({ framing: 'chunked' }));
  stream.endAnswer('');
  stream.endAnswer('');
  t.equal(wire.socket.sent.match(/\r\n0\r\n/g)?.length, 1);
  t.equal(wire.requests.length, 2, 'and the next request begins once');
  t.end();
});

t.test('any body in any ranges arrives as it was, whatever the sizes and the framing', (t) => {
  const sizes = fc.array(
    fc.oneof(fc.nat({ max: 50 }), fc.integer({ min: 4000, max: 4200 }), fc.nat({ max: 70_000 })),
    { maxLength: 8 },
  );
  const holds = fc.property(
    sizes,
    fc.boolean(),
    fc.boolean(),
    fc.nat({ max: 5000 }),
    (ranges, isChunked, isTls, headroom) => {
      const wire = asked(undefined, isTls ? 'TLSv1.3' : '');
      const { stream } = wire.last;
      const body = ranges.map((size, i) => String.fromCharCode(97 + i).repeat(size));
      const whole = body.join('');
      stream.startAnswer(
        answerHead(isChunked ? { framing: 'chunked' } : { framing: 'length', contentLength: whole.length }),
      );
      for (const range of body) {
        sendRange(stream, range, headroom);
        wire.socket.settle();
      }
      stream.endAnswer('');
      const chunks = body
        .filter((range) => range !== '')
        .map((range) => `${range.length.toString(16)}\r\n${range}\r\n`);
      const expected = isChunked ? `${chunks.join('')}0\r\n\r\n` : whole;
      return bodyOf(wire) === expected && stream.bytesOut === wire.socket.sent.length;
    },
  );
  t.doesNotThrow(() => fc.assert(holds));
  t.end();
});

t.test('an answer of which nothing has left is taken back, and another one sent', (t) => {
  for (const framing of ['length', 'chunked', 'close'] as const) {
    const wire = asked();
    const { stream } = wire.last;
    stream.startAnswer(answerHead({ framing, contentLength: framing === 'length' ? 9 : -1 }));
    sendRange(stream, 'hel');
    t.ok(stream.takeBack(), framing);
    stream.startAnswer(answerHead({ framing: 'length', contentLength: 2 }));
    sendRange(stream, 'no');
    stream.endAnswer('');
    t.equal(bodyOf(wire), 'no');
    t.notMatch(wire.socket.sent, /hel|chunked/);
    t.equal(stream.bytesOut, wire.socket.sent.length);
  }
  t.end();
});

t.test('what has left is not taken back', (t) => {
  const wire = asked();
  const { stream } = wire.last;
  stream.sendInterim(103, 'Early Hints', 'Link: </a>\r\n');
  stream.startAnswer(answerHead({ framing: 'length', contentLength: 6 }));
  t.ok(stream.takeBack(), 'an interim answer is none of it');
  stream.startAnswer(answerHead({ framing: 'length', contentLength: 6 }));
  stream.flush();
  t.notOk(stream.takeBack());
  sendRange(stream, 'hello!');
  stream.endAnswer('');
  t.notOk(stream.takeBack(), 'nor what has ended');
  t.end();
});
