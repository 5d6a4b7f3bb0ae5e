/** WebSocket over HTTP/2 (RFC 8441) to servers that speak HTTP/1.1: several on one connection, large messages, and every end. */
import { once } from 'node:events';
import type { ClientHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { WebSocketServer } from 'ws';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { H2Client } from '../support/h2-client.ts';
import { fieldOf } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';

const CONNECT = {
  ':method': 'CONNECT',
  ':protocol': 'websocket',
  ':path': '/chat',
  'sec-websocket-version': '13',
};

/** A frame of a client: final, masked with zeros. */
function message(text: Buffer, opcode = 2): Buffer {
  if (text.length < 126)
    return Buffer.concat([Buffer.of(0x80 | opcode, 0x80 | text.length, 0, 0, 0, 0), text]);
  const head = Buffer.alloc(14);
  head[0] = 0x80 | opcode;
  head[1] = 0x80 | 127;
  head.writeBigUInt64BE(BigInt(text.length), 2);
  return Buffer.concat([head, text]);
}

/** The messages in what a server sent. */
function* messagesIn(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at + 2 <= bytes.length; ) {
    const short = (bytes[at + 1] as number) & 0x7f;
    const [head, length] =
      short < 126
        ? [2, short]
        : short === 126
          ? [4, bytes.readUInt16BE(at + 2)]
          : [10, Number(bytes.readBigUInt64BE(at + 2))];
    if (at + head + length > bytes.length) return;
    yield bytes.subarray(at + head, at + head + length);
    at += head + length;
  }
}

async function open(
  h2: H2Client,
  headers = {},
): Promise<{ stream: ClientHttp2Stream; status: number; fields: object }> {
  if (h2.session.remoteSettings.enableConnectProtocol !== true) await once(h2.session, 'remoteSettings');
  const stream = h2.begin({ ...CONNECT, ...headers }, true);
  const [fields] = await once(stream, 'response');
  return { stream, status: fields[':status'], fields };
}

async function echoed(stream: ClientHttp2Stream, length: number): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    bytes = Buffer.concat([bytes, chunk]);
    const [first] = messagesIn(bytes);
    if (first?.length === length) return first;
  }
  throw new Error(`ended after ${bytes.length} bytes`);
}

t.test('an echo server, over TLS, through a reload', async (t) => {
  const echo = new WebSocketServer({ port: 0, host: '127.0.0.1', maxPayload: 64 * 1024 * 1024 });
  await once(echo, 'listening');
  t.teardown(() => echo.close());
  echo.on('connection', (socket, request) => {
    socket.on('message', (data) => socket.send(data));
    if (request.url !== '/chat') socket.close();
  });
  const input = (name: string) => ({
    certificates: { local: { self_signed: ['localhost'] } },
    listeners: { https: { address: '127.0.0.1', port: 0, tls: { certificates: ['local'] } } },
    routes: [{ name, pool: 'web' }],
    pools: {
      web: { servers: [`127.0.0.1:${(echo.address() as AddressInfo).port}`], health: false as const },
    },
  });
  await using daemon = await DaemonFixture.start(input('first'));
  await using h2 = await H2Client.open(daemon.port(), true);
  const sockets = await Promise.all(Array.from({ length: 5 }, () => open(h2)));
  for (const { status, fields } of sockets) {
    t.equal(status, 200);
    t.notMatch(fields, { 'sec-websocket-accept': /./ });
    t.notMatch(fields, { connection: /./ });
  }
  await daemon.reload(input('second'));
  await Promise.all(
    sockets.map(async ({ stream }, i) => {
      const text = Buffer.alloc(i === 0 ? 4 * 1024 * 1024 : 1000 + i, i + 1);
      stream.write(message(text));
      t.ok((await echoed(stream, text.length)).equals(text), `${text.length} bytes came back`);
    }),
  );
  const [first, second] = sockets;
  const closed = once(first?.stream as ClientHttp2Stream, 'close');
  first?.stream.end(message(Buffer.from([0x03, 0xe8]), 8));
  first?.stream.resume();
  await closed;
  t.equal(first?.stream.rstCode, 0, 'closed in good form');
  second?.stream.close(8);
  await daemon.until('two are gone', () => echo.clients.size === 3);
});

t.test('the handshake, both ends in their time, and what breaks (B47)', async (t) => {
  await using proxied = await Proxied.start({ listener: { h2c: true }, pool: { retry: { attempts: 1 } } });
  await using h2 = await H2Client.open(proxied.daemon.port());
  const opening = open(h2, { 'sec-websocket-protocol': 'chat' });
  const server = await proxied.server.accept();
  const request = await server.request();
  t.equal(request.start, 'GET /chat HTTP/1.1');
  t.equal(fieldOf(request, 'upgrade'), 'websocket');
  t.equal(fieldOf(request, 'connection'), 'Upgrade');
  t.equal(fieldOf(request, 'sec-websocket-protocol'), 'chat');
  t.equal(fieldOf(request, 'via'), '2 sluice');
  const key = fieldOf(request, 'sec-websocket-key') ?? '';
  t.equal(Buffer.from(key, 'base64').length, 16);
  server.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${await proofOf(key)}\r\n` +
      'Sec-WebSocket-Protocol: chat\r\n\r\nearly',
  );
  const { stream, status, fields } = await opening;
  t.equal(status, 200);
  t.match(fields, { 'sec-websocket-protocol': 'chat' });
  const [early] = await once(stream, 'data');
  t.equal(String(early), 'early');
  stream.end('last words');
  await server.sees('last words');
  await server.ended();
  server.write('and mine');
  const [late] = await once(stream, 'data');
  t.equal(String(late), 'and mine', 'each direction ends in its own time');
  const ended = once(stream, 'end');
  server.end();
  await ended;

  const lying = open(h2);
  const liar = await proxied.server.accept();
  await liar.request();
  liar.write(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n',
  );
  t.equal((await lying).status, 502, 'a proof that does not belong to the key');
  await liar.ended();

  const declined = open(h2);
  const decliner = await proxied.server.accept();
  await decliner.request();
  decliner.write('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno');
  t.equal((await declined).status, 403);

  const cut = open(h2);
  const cutter = await proxied.server.accept();
  const cutKey = fieldOf(await cutter.request(), 'sec-websocket-key') ?? '';
  cutter.write(
    `HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${await proofOf(cutKey)}\r\n\r\n`,
  );
  const { stream: open2 } = await cut;
  open2.resume();
  const closed = once(open2, 'close');
  cutter.reset();
  await closed;
  t.pass('a server that is gone ends the stream');
});

async function proofOf(key: string): Promise<string> {
  const { createHash } = await import('node:crypto');
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}
