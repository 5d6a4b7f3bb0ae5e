/** How requests are framed on their way to a server, and in which writes they leave. */
import fc from 'fast-check';
import t from 'tap';
import { RequestWriter, type ServerRequest } from '../../../src/forward/request-writer.ts';
import { SocketIo } from '../../../src/kernel/socket-io.ts';
import { FakeSocket } from '../../support/fake-socket.ts';

const HEAD = 'POST / HTTP/1.1\r\n\r\n';
const BIG = 'x'.repeat(9000);

function request(body: readonly string[], more: Partial<ServerRequest> = {}): ServerRequest {
  return {
    method: 'POST',
    text: HEAD,
    body: body.map((chunk) => Buffer.from(chunk)),
    isChunked: false,
    isComplete: true,
    trailers: '',
    wantsUpgrade: false,
    bindsConnection: false,
    takesLargePieces: false,
    silenceMs: 0,
    ...more,
  };
}

function setUp(): { socket: FakeSocket; writer: RequestWriter } {
  const socket = new FakeSocket();
  return {
    socket,
    writer: new RequestWriter(socket.asSocket, new SocketIo().writer(socket.asSocket, false), () => {}),
  };
}

t.test('what is known of a request leaves at once and in one piece', (t) => {
  const chunked = { isChunked: true };
  const table: [string, ServerRequest, string][] = [
    ['no body', request([]), HEAD],
    ['a body to come', request([], { isComplete: false }), HEAD],
    ['with length', request(['hel', 'lo']), `${HEAD}hello`],
    ['large, with length', request(['a', BIG, 'b']), `${HEAD}a${BIG}b`],
    ['chunked, to come', request([], { ...chunked, isComplete: false }), HEAD],
    ['chunked and empty', request([], chunked), `${HEAD}0\r\n\r\n`],
    ['chunked', request(['hel', 'lo'], chunked), `${HEAD}3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n`],
    ['chunked, not all', request(['hel'], { ...chunked, isComplete: false }), `${HEAD}3\r\nhel\r\n`],
    ['chunked and large', request([BIG, 'b'], chunked), `${HEAD}2328\r\n${BIG}\r\n1\r\nb\r\n0\r\n\r\n`],
    [
      'trailers',
      request(['a'], { ...chunked, trailers: 'X-T: 1\r\n' }),
      `${HEAD}1\r\na\r\n0\r\nX-T: 1\r\n\r\n`,
    ],
  ];
  for (const [name, given, expected] of table) {
    const { socket, writer } = setUp();
    writer.begin(given);
    t.equal(socket.sent, expected, name);
    t.equal(writer.bytes, expected.length, `${name}: bytes`);
    t.equal(socket.writes.length, 1, `${name}: writes`);
  }
  t.end();
});

t.test('the rest, as it comes', (t) => {
  for (const isChunked of [false, true]) {
    const { socket, writer } = setUp();
    writer.begin(request([], { isChunked, isComplete: false }));
    socket.writes.length = 0;
    t.ok(writer.body(Buffer.from('hello')));
    writer.end('X-T: 1\r\n');
    t.equal(socket.sent, isChunked ? '5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n' : 'hello');
    t.equal(writer.bytes, HEAD.length + socket.sent.length);
    socket.isStuck = true;
    socket.highWaterBytes = 1000;
    t.notOk(writer.body(Buffer.alloc(2000)), 'the socket has enough');
  }
  t.end();
});

t.test('the next request on the connection is framed by itself', (t) => {
  const { socket, writer } = setUp();
  writer.begin(request(['a'], { isChunked: true }));
  socket.writes.length = 0;
  writer.begin(request(['b']));
  writer.end('');
  t.equal(socket.sent, `${HEAD}b`);
  t.end();
});

t.test('any body is the same on the wire whether it was known or came later', (t) => {
  const chunks = fc.array(fc.oneof(fc.string({ minLength: 1 }), fc.constant(BIG)), { maxLength: 6 });
  const holds = fc.property(chunks, fc.nat({ max: 6 }), fc.boolean(), (body, known, isChunked) => {
    const [first, later] = [setUp(), setUp()];
    first.writer.begin(request(body, { isChunked }));
    later.writer.begin(request(body.slice(0, known), { isChunked, isComplete: false }));
    for (const chunk of body.slice(known)) later.writer.body(Buffer.from(chunk));
    later.writer.end('');
    return first.socket.sent === later.socket.sent && later.writer.bytes === later.socket.sent.length;
  });
  t.doesNotThrow(() => fc.assert(holds));
  t.end();
});
