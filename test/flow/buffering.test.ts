/** Slow clients on routes with `buffering` hold memory and no server, whatever becomes of them. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { H2Client, read } from '../support/h2-client.ts';
import { fieldOf, get, ok, type Peer } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';
import { overWires } from '../support/wires.ts';

const MIB = 1024 * 1024;
/** More than the system holds between a client and a server. */
const LARGE_BYTES = 24 * MIB;

const test = overWires(t);

const routesWith = (buffering: object | true, more: object = {}) => ({
  file: { routes: [{ name: 'all', pool: 'web', buffering, ...more }] },
});
const post = (fields: string): string => `PUT /up HTTP/1.1\r\nHost: h\r\n${fields}\r\n`;

/** All that a slow client gets, once it reads. */
async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk)).resume();
  await once(socket, 'close');
  return Buffer.concat(chunks);
}

const bodyIn = (answer: Buffer): Buffer => answer.subarray(answer.indexOf('\r\n\r\n') + 4);
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

function large(): Buffer {
  const body = Buffer.alloc(LARGE_BYTES);
  for (let at = 0; at < LARGE_BYTES; at += 4) body.writeUInt32LE(Math.imul(at, 0x9e3779b1) >>> 0, at);
  return body;
}

/** A client that asks and does not read. @returns its socket, and the server at the request */
async function askAndWait(proxied: Proxied, fields = ''): Promise<{ socket: Socket; server: Peer }> {
  const socket = connect({ host: '127.0.0.1', port: proxied.daemon.port() });
  await once(socket, 'connect');
  socket.pause();
  socket.write(get('/slow', `Connection: close\r\n${fields}`));
  const server = await proxied.server.accept();
  await server.request();
  return { socket, server };
}

const atServer = (proxied: Proxied): number => proxied.daemon.inFlightOf('web', proxied.server.address);
const reasonCount = async (proxied: Proxied, reason: string): Promise<number> => {
  const text = await proxied.daemon.daemon.metrics.render();
  const lines = text.split('\n').filter((it) => it.startsWith('sluice_requests_total{'));
  const found = lines.filter((it) => it.includes(`reason="${reason}"`));
  return found.reduce((sum, it) => sum + Number(it.slice(it.lastIndexOf(' '))), 0);
};

test('a slow upload holds no server', async (t, wire) => {
  await using proxied = await wire.start({
    ...routesWith({ request: '300KiB' }),
    pool: { queue: { max: 0 } },
  });
  await proxied.daemon.daemon.changeServer('web', proxied.server.address, { maxConnections: 1 }, 'test');
  const body = 'x'.repeat(200_000);
  const slow = await proxied.client();
  slow.write(`${post('Content-Length: 200000\r\n')}${body.slice(0, 150_000)}`);
  const other = await proxied.client();
  other.write(get('/other'));
  const server = await proxied.server.accept();
  t.equal((await server.request()).start, 'GET /other HTTP/1.1', 'the one place is free');
  server.write(ok('other'));
  t.equal((await other.answer()).body, 'other');
  t.equal(atServer(proxied), 0);

  slow.write(body.slice(150_000));
  const request = await server.request();
  t.equal(request.body.length, 200_000, 'then all of it goes at once');
  t.equal(fieldOf(request, 'content-length'), '200000');
  server.write(ok('taken'));
  t.equal((await slow.answer()).body, 'taken');

  slow.write(get('/next'));
  t.equal((await server.request()).start, 'GET /next HTTP/1.1', 'the connection goes on');
  server.write(ok());
  await slow.answer();
});

test('a body in chunks, with trailers, after an expectation', async (t, wire) => {
  await using proxied = await wire.start(
    routesWith({ request: true }, { headers: { request: { remove: ['x-secret'] } } }),
  );
  const client = await proxied.client();
  client.write(post('Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n'));
  await client.until('a 100 of ours', () => (client.unread.includes(' 100 ') ? true : undefined));
  t.equal(proxied.server.connections, 0, 'no server was asked for it');
  client.write('5\r\nhello\r\n');
  client.write('6\r\n world\r\n0\r\nX-Sum: 1\r\nX-Secret: 2\r\n\r\n');
  const server = await proxied.server.accept();
  const request = await server.request();
  t.equal(request.body, 'hello world');
  t.equal(request.trailers, 'x-sum: 1\r\n', 'what the route removes is no trailer either');
  server.write(ok('taken'));
  const answer = await client.answer();
  t.equal(answer.body, 'taken');
  t.equal(answer.interim.length, 1, 'one 100, not another from the server');
});

test('a body beyond the bound', async (t, wire) => {
  await using proxied = await wire.start(routesWith({ request: '1KiB' }));
  const announced = await proxied.client();
  announced.write(post('Content-Length: 1025\r\nExpect: 100-continue\r\n'));
  const refused = await announced.answer();
  t.equal(refused.status, 413);
  t.same(refused.interim, [], 'nothing of it is asked for');
  t.match(JSON.parse(refused.body), { code: 'too_large', detail: /larger than 1024 bytes/ });

  const chunked = await proxied.client();
  chunked.write(`${post('Transfer-Encoding: chunked\r\n')}400\r\n${'x'.repeat(1024)}\r\n`);
  chunked.write('1\r\n!\r\n');
  t.equal((await chunked.answer()).status, 413);
  t.equal(proxied.server.connections, 0, 'no server has heard of either');

  const exact = await proxied.client();
  exact.write(`${post('Content-Length: 1024\r\n')}${'x'.repeat(1024)}`);
  const server = await proxied.server.accept();
  t.equal((await server.request()).body.length, 1024);
  server.write(ok());
  t.equal((await exact.answer()).status, 200);
});

test('an upload that is left, and one that takes too long', async (t, wire) => {
  await using proxied = await wire.start(routesWith({ request: true }, { timeout: '300ms' }));
  const leaving = await proxied.client();
  leaving.write(`${post('Content-Length: 100\r\n')}some`);
  await proxied.daemon.until('it is there', () => proxied.daemon.inFlight() > 0);
  leaving.destroy();
  await proxied.daemon.until('it is gone', () => proxied.daemon.inFlight() === 0);

  const late = await proxied.client();
  late.write(`${post('Content-Length: 100\r\n')}some`);
  const answer = await late.answer();
  t.equal(answer.status, 504);
  t.equal(JSON.parse(answer.body).code, 'route_timeout');
  t.equal(proxied.server.connections, 0);
  t.equal(await reasonCount(proxied, 'client_abort'), 1);
});

test('a body of more than 64 KiB is sent again', async (t, wire) => {
  await using proxied = await wire.start(
    { ...routesWith({ request: true }), pool: { retry: { when: ['reset'] } } },
    2,
  );
  const body = 'y'.repeat(500_000);
  const client = await proxied.client();
  client.write(`${post('Content-Length: 500000\r\n')}${body}`);
  const [first, second] = proxied.servers;
  const failing = await first?.accept();
  t.equal((await failing?.request())?.body.length, 500_000);
  failing?.reset();
  const other = await second?.accept();
  t.ok((await other?.request())?.body === body, 'the same, whole');
  other?.write(ok('second'));
  t.equal((await client.answer()).body, 'second');
});

for (const [name, head] of [
  ['with a length', `Content-Length: ${LARGE_BYTES}\r\n\r\n`],
  ['that ends with its connection', '\r\n'],
] as const)
  test(`a slow reader of an answer ${name} frees its server`, async (t, wire) => {
    await using proxied = await wire.start(routesWith({ response: '32MiB' }));
    const { socket, server } = await askAndWait(proxied);
    const body = large();
    server.write(`HTTP/1.1 200 OK\r\n${head}`);
    server.write(body);
    if (!head.startsWith('C')) server.end();
    await proxied.daemon.until('the server is free', () => atServer(proxied) === 0);
    t.ok(socket.bytesRead < LARGE_BYTES, 'the client has not got it yet');
    if (head.startsWith('C')) {
      const other = await proxied.client();
      other.write(get('/other'));
      t.equal((await server.request()).start, 'GET /other HTTP/1.1', 'over the same connection');
      server.write(ok('other'));
      t.equal((await other.answer()).body, 'other');
    }
    const got = await readAll(socket);
    const isChunked = /\r\ntransfer-encoding: chunked\r\n/i.test(got.toString('latin1', 0, 2000));
    t.equal(isChunked, !head.startsWith('C'));
    if (!isChunked) t.equal(sha256(bodyIn(got)), sha256(body));
    else t.ok(got.subarray(-5).equals(Buffer.from('0\r\n\r\n')), 'it has its end');
    t.ok(got.length >= LARGE_BYTES);
  });

test('what is beyond the bound waits at the server', async (t, wire) => {
  await using proxied = await wire.start(routesWith({ response: '1MiB' }));
  const { socket, server } = await askAndWait(proxied);
  const body = large();
  server.write(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE_BYTES}\r\n\r\n`);
  server.write(body);
  // Others are answered meanwhile, which takes many turns of the loop.
  for (let i = 0; i < 20; i++) {
    const other = await proxied.client();
    other.write(get('/other'));
    const second = await proxied.server.accept();
    await second.request();
    second.write('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok');
    t.equal((await other.answer()).status, 200);
  }
  t.equal(atServer(proxied), 1);
  t.equal(sha256(bodyIn(await readAll(socket))), sha256(body));
  t.equal(atServer(proxied), 0);
});

test('a slow reader that leaves when its server is free already', async (t, wire) => {
  await using proxied = await wire.start(routesWith({ response: '32MiB' }));
  const { socket, server } = await askAndWait(proxied);
  server.write(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE_BYTES}\r\n\r\n`);
  server.write(large());
  await proxied.daemon.until('the server is free', () => atServer(proxied) === 0);
  socket.destroy();
  await proxied.daemon.until('it is gone', () => proxied.daemon.inFlight() <= 1);
  const other = await proxied.client();
  other.write(get('/other'));
  await server.request();
  server.write(ok());
  t.equal((await other.answer()).status, 200);
  t.equal(await reasonCount(proxied, 'client_abort'), 1, 'counted for what it was');
});

test('compressed and buffered', async (t, wire) => {
  await using proxied = await wire.start(
    routesWith({ response: '32MiB' }, { compress: { algorithms: ['gzip'] } }),
  );
  const { socket, server } = await askAndWait(proxied, 'Accept-Encoding: gzip\r\n');
  // Nothing that gzip could make smaller.
  const body = Buffer.alloc(LARGE_BYTES);
  let state = 1;
  for (let at = 0; at < LARGE_BYTES; at += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    body.writeInt32LE(state ^ (state >>> 15), at);
  }
  server.write(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${LARGE_BYTES}\r\n\r\n`);
  server.write(body);
  await proxied.daemon.until('the server is free', () => atServer(proxied) === 0, 20_000);
  t.ok(socket.bytesRead < LARGE_BYTES);
  const pieces: Buffer[] = [];
  const chunked = bodyIn(await readAll(socket));
  for (let at = 0; ; ) {
    const end = chunked.indexOf('\r\n', at);
    const size = Number.parseInt(chunked.toString('latin1', at, end), 16);
    if (!(size > 0)) break;
    pieces.push(chunked.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
  t.equal(sha256(gunzipSync(Buffer.concat(pieces))), sha256(body));
});

test('a server that breaks off: the answer does not look whole', async (t, wire) => {
  await using proxied = await wire.start(routesWith(true));
  const { socket, server } = await askAndWait(proxied);
  server.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome');
  server.end();
  const got = await readAll(socket);
  t.ok(bodyIn(got).length < 100);
});

void t.test('over HTTP/2: up and down', async (t) => {
  await using proxied = await Proxied.start({
    listener: { tls: { certificates: ['local'] } },
    file: { ...routesWith(true).file, certificates: { local: { self_signed: ['localhost'] } } },
  });
  await using client = await H2Client.open(proxied.daemon.port(), true);
  const body = 'z'.repeat(300_000);
  const stream = client.begin({ ':method': 'PUT', ':path': '/up', ':authority': 'h.example' }, true);
  const answered = read(stream);
  stream.write(body.slice(0, 1000));
  await proxied.daemon.until('it is there', () => proxied.daemon.inFlight() > 0);
  t.equal(proxied.server.connections, 0);
  stream.end(body.slice(1000));
  const server = await proxied.server.accept();
  t.ok((await server.request()).body === body);
  server.write(ok(body));
  const answer = await answered;
  t.equal(answer.status, 200);
  t.equal(answer.body.length, body.length);
});
