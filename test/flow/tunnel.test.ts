/** After a 101 the two sides are joined byte by byte: each ends in its own time, and nothing that was said is lost. */
import t from 'tap';
import { fieldOf, get, ok, type Peer } from '../support/peer.ts';
import type { Proxied } from '../support/proxied.ts';
import { NODE, overWires } from '../support/wires.ts';

const test = overWires(t);

const HANDSHAKE = get(
  '/chat',
  'Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n',
);
const SWITCHED =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n';

/** Both sides of an open tunnel. */
async function opened(proxied: Proxied): Promise<{ client: Peer; server: Peer }> {
  const client = await proxied.client();
  client.write(HANDSHAKE);
  const server = await proxied.server.accept();
  await server.request();
  server.write(SWITCHED);
  await client.answer();
  return { client, server };
}

test('the handshake passes with its own fields', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  client.write(`${HANDSHAKE}early`);
  const server = await proxied.server.accept();
  const request = await server.request();
  t.equal(fieldOf(request, 'connection'), 'Upgrade');
  t.equal(fieldOf(request, 'upgrade'), 'websocket');
  t.equal(fieldOf(request, 'sec-websocket-key'), 'dGhlIHNhbXBsZSBub25jZQ==');
  t.equal(server.unread, '', 'what follows the head waits for the 101');
  server.write(`${SWITCHED}hello`);
  const answer = await client.answer();
  t.equal(answer.status, 101);
  t.equal(fieldOf(answer, 'upgrade'), 'websocket');
  t.equal(fieldOf(answer, 'sec-websocket-accept'), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  await client.sees('hello');
  await server.sees('early');
  t.equal(proxied.daemon.inFlightOf('web', proxied.server.address), 1, 'a tunnel is in flight');
  client.end();
  server.end();
});

test('a server that refuses is an answer like any other', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  client.write(HANDSHAKE);
  const server = await proxied.server.accept();
  await server.request();
  server.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno');
  const answer = await client.answer();
  t.equal(answer.status, 403);
  t.equal(answer.body, 'no');
  // Node has given up its parser for the upgrade, and takes no more requests.
  t.equal(fieldOf(answer, 'connection'), wire === NODE ? 'close' : undefined);
  if (wire === NODE) {
    t.equal(await client.rest(), '');
    return;
  }
  client.write(get('/next'));
  t.equal((await server.request()).start, 'GET /next HTTP/1.1', 'on the same connections');
  server.write(ok());
  t.equal((await client.answer()).body, 'ok');
});

test('a 101 that nobody asked for is a bad answer', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  client.write(get('/', 'Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n'));
  const server = await proxied.server.accept();
  const request = await server.request();
  for (const name of ['upgrade', 'connection', 'http2-settings']) t.equal(fieldOf(request, name), undefined);
  server.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
  t.equal((await client.answer()).status, 502);
  await server.ended();
});

test('the server ends its direction first: the client may still talk (B46)', async (t, wire) => {
  await using proxied = await wire.start();
  const { client, server } = await opened(proxied);
  server.end('the last word');
  t.equal(await client.rest(), 'the last word');
  client.end('and mine');
  t.equal(await server.rest(), 'and mine');
});

test('the client ends its direction first: the server may still talk (B46)', async (t, wire) => {
  await using proxied = await wire.start();
  const { client, server } = await opened(proxied);
  client.end('the last word');
  t.equal(await server.rest(), 'the last word');
  server.end('and mine');
  t.equal(await client.rest(), 'and mine');
});

test('a side that is gone takes the other with it', async (t, wire) => {
  await using proxied = await wire.start();
  const first = await opened(proxied);
  first.server.reset();
  t.ok(await first.client.ended());
  const second = await opened(proxied);
  second.client.reset();
  t.ok(await second.server.ended());
});

test('all that a server sent before it closed arrives at a client that reads late', async (t, wire) => {
  await using proxied = await wire.start();
  const { client, server } = await opened(proxied);
  client.socket.pause();
  const bytes = 16 * 1024 * 1024;
  server.write(Buffer.alloc(bytes, 'x'));
  server.end();
  // Nothing more can be sent: the client does not read, and the server has said all that it had to say.
  await new Promise((resolve) => setTimeout(resolve, 300));
  const before = client.received;
  let came = 0;
  client.socket.removeAllListeners('data');
  client.socket.on('data', (chunk: Buffer) => {
    came += chunk.length;
  });
  client.socket.resume();
  await client.ended();
  t.equal(before + came, before + bytes);
});
