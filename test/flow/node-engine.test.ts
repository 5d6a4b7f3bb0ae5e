/**
 * `engine: node`: where Node's own server differs from our codec by its nature, each difference by name, and the traps that
 * it sets to whoever hands its messages on. Everything else the two have in common is in the other tests of the wire.
 */
import t from 'tap';
import { fieldOf, get, ok, type Peer } from '../support/peer.ts';
import { onePool, Proxied } from '../support/proxied.ts';
import { v1 } from '../support/proxy-header.ts';
import { NODE, overWires, RAW, type Wire } from '../support/wires.ts';

const test = overWires(t);
const routes = [{ name: 'page', respond: { status: 200, body: 'x' } }];
const HOST = 'Host: t.example\r\n';

const differences: readonly {
  readonly name: string;
  readonly request: string;
  readonly statuses: Readonly<Record<Wire['name'], number>>;
}[] = [
  {
    name: 'a method that Node does not know',
    request: `BREW / HTTP/1.1\r\n${HOST}\r\n`,
    statuses: { raw: 200, node: 400 },
  },
  {
    name: 'RTSP, whose messages look like those of HTTP',
    request: `OPTIONS / RTSP/1.1\r\n${HOST}\r\n`,
    statuses: { raw: 400, node: 200 },
  },
  {
    name: 'a request line that is larger than a head may be',
    request: `GET /${'x'.repeat(20_000)} HTTP/1.1\r\n${HOST}\r\n`,
    statuses: { raw: 414, node: 431 },
  },
];

for (const { name, request, statuses } of differences) {
  test(name, async (t, wire) => {
    await using proxied = await wire.start({ file: { routes } });
    const client = await proxied.client();
    const answer = await client.ask(request);
    t.equal(answer.status, statuses[wire.name]);
    if (answer.status < 400) return;
    t.match(JSON.parse(answer.body), { status: answer.status, request_id: /^\S{8,}$/ }, 'the answer is ours');
    t.equal(await client.rest(), '');
  });
}

t.test('a reload changes the engine of new connections only', async (t) => {
  await using proxied = await Proxied.start({ file: { routes } });
  const asks = async (client: Peer): Promise<number> =>
    (await client.ask(`BREW / HTTP/1.1\r\n${HOST}\r\n`)).status;
  const before = await proxied.client();
  t.equal(await asks(before), 200);
  for (const wire of [NODE, RAW]) {
    await proxied.daemon.reload(onePool(proxied.servers, { file: { routes }, listener: wire.listener }));
    t.equal(await asks(await proxied.client()), wire === NODE ? 400 : 200, wire.name);
    t.equal(await asks(before), 200, 'an open connection keeps its engine');
  }
});

test('limits that a reload brings are those of new connections', async (t, wire) => {
  await using proxied = await wire.start({ file: { routes } });
  const before = await proxied.client();
  const large = get('/', `X: ${'y'.repeat(3000)}\r\n`);
  t.equal((await before.ask(large)).status, 200);
  const listener = { ...wire.listener, limits: { max_header_size: '2KiB' } };
  await proxied.daemon.reload(onePool(proxied.servers, { file: { routes }, listener }));
  t.equal((await (await proxied.client()).ask(large)).status, 431);
  t.equal((await before.ask(large)).status, 200);
});

test('more fields than Node keeps unless it is told to', async (t, wire) => {
  const limits = { max_fields: 5000, max_header_size: '256KiB' };
  await using proxied = await wire.start({ listener: { limits } });
  const client = await proxied.client();
  const lines = Array.from({ length: 3000 }, (_, i) => `X-${i}: ${i}\r\n`);
  client.write(get('/', lines.join('')));
  const server = await proxied.server.accept();
  const request = await server.request();
  t.equal(
    request.fields.filter(([name]) => /^x-\d+$/.test(name)).length,
    lines.length,
    'none is dropped in silence',
  );
  server.write(ok());
  t.equal((await client.answer()).status, 200);
});

test('bytes beyond ASCII, in heads that go out before, with and without a body', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  // The bytes of "é" in UTF-8, one that is none, and a field that Node encodes in a way of its own.
  const fields = 'X-Bytes: \xc3\xa9\xff\r\nContent-Disposition: attachment; filename="\xc3\xa9"\r\n';
  const seen = { 'x-bytes': '\xc3\xa9\xff', 'content-disposition': 'attachment; filename="\xc3\xa9"' };
  client.write(get('/', fields));
  const server = await proxied.server.accept();
  t.match(Object.fromEntries((await server.request()).fields), seen);
  for (const [head, body] of [
    ['Content-Length: 2', 'ok'],
    ['Transfer-Encoding: chunked', '2\r\nok\r\n0\r\n\r\n'],
    ['Content-Length: 0', ''],
  ] as const) {
    server.write(`HTTP/1.1 200 OK\r\n${head}\r\n${fields}\r\n`);
    if (body !== '') {
      await client.sees('\r\n\r\n');
      server.write(body);
    }
    t.match(Object.fromEntries((await client.answer()).fields), seen, head);
    client.write(get('/next'));
    await server.request();
  }
  server.write(`HTTP/1.1 103 Early Hints\r\n${fields}\r\n${ok()}`);
  const last = await client.answer();
  t.match(Object.fromEntries(last.interim[0]?.fields ?? []), seen, 'an interim answer');
});

test('an expectation that is met without a 100 does not end the connection', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  client.write(`POST / HTTP/1.1\r\n${HOST}Content-Length: 5\r\nExpect: 100-continue\r\n\r\nhello`);
  const server = await proxied.server.accept();
  t.equal((await server.request()).body, 'hello');
  server.write(ok());
  t.not(fieldOf(await client.answer(), 'connection'), 'close');
  client.write(get('/next'));
  await server.request();
  server.write(ok('next'));
  t.equal((await client.answer()).body, 'next');
});

test('TE: chunked of an HTTP/1.0 client asks for nothing', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  client.write(`GET / HTTP/1.0\r\n${HOST}TE: chunked\r\n\r\n`);
  const server = await proxied.server.accept();
  await server.request();
  server.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n');
  const answer = await client.answer();
  t.equal(fieldOf(answer, 'transfer-encoding'), undefined);
  t.equal(answer.body, 'ok');
});

test('an upgrade behind a large answer that its client takes late', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  client.write(get('/large') + get('/chat', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'));
  const server = await proxied.server.accept();
  await server.request();
  client.socket.pause();
  const large = 'x'.repeat(16 * 1024 * 1024);
  server.write(ok(large));
  await proxied.daemon.until('the client is full', () => server.socket.writableLength > 0);
  client.socket.resume();
  await client.until('all of it', () => client.received > large.length || undefined);
  t.equal((await client.answer()).body.length, large.length);
  const request = await server.request();
  t.equal(request.start, 'GET /chat HTTP/1.1');
  server.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello');
  t.equal((await client.answer()).status, 101);
  await client.sees('hello');
  client.end();
  server.end();
});

const ownAndPool = [
  { name: 'own', match: { path: '/own' }, respond: { status: 200, body: 'own' } },
  { name: 'all', pool: 'web' },
];

test('an upgrade behind more requests than may wait', async (t, wire) => {
  await using proxied = await wire.start({ file: { routes: ownAndPool } });
  const client = await proxied.client();
  const upgrade = get('/chat', 'Connection: Upgrade\r\nUpgrade: websocket\r\n');
  client.write(`${get('/own').repeat(100)}${upgrade}early`);
  const server = await proxied.server.accept();
  t.equal((await server.request()).start, 'GET /chat HTTP/1.1');
  server.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello');
  await client.sees('hello');
  client.write(' and late');
  await server.sees('early and late');
  client.end();
  await server.ended();
  server.end();
});

test('a client that leaves after a refusal, whose requests were more than may wait, is let go', async (t, wire) => {
  await using proxied = await wire.start({ file: { routes: ownAndPool } });
  const client = await proxied.client();
  client.write(`${get('/own').repeat(300)}not a request\r\n\r\n`);
  t.match(await client.rest(), /HTTP\/1\.1 400 /);
  t.equal(client.unread.split('HTTP/1.1 200 OK').length - 1, 300);
  client.end();
  // Well before the time that a refused client gets to read its answer.
  await proxied.daemon.until('nothing is open', () => proxied.daemon.inFlight() === 0, 1500);
});

test('clients that hold more than max_memory end with a word', async (t, wire) => {
  const file = { max_memory: '16MiB', routes: ownAndPool };
  await using proxied = await wire.start({ file });
  const modest = await proxied.client();
  t.equal((await modest.ask(get('/own'))).status, 200);
  // A server that takes no more than heads: what the clients send is held here.
  const body = Buffer.alloc(64_000, 'x');
  const clients = await Promise.all(Array.from({ length: 220 }, () => proxied.client()));
  for (const client of clients) {
    client.write(`POST / HTTP/1.1\r\n${HOST}Content-Length: ${body.length + 1}\r\n\r\n`);
    client.write(body);
  }
  const ended = (): number => clients.filter((it) => it.unread.includes('"code":"overloaded"')).length;
  await proxied.daemon.until('many are ended', () => ended() > 50, 20_000);
  t.equal((await modest.ask(get('/own'))).status, 200, 'who holds nothing is served');
  t.ok(ended() < clients.length, 'not all of them');
  for (const client of clients) client.destroy();
});

test('bad bytes behind good requests wait for their turn', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  client.write(`${get('/1')}${get('/2')}not a request\r\n\r\n`);
  const server = await proxied.server.accept();
  for (const path of ['/1', '/2']) {
    t.equal((await server.request()).start, `GET ${path} HTTP/1.1`);
    t.equal(client.unread, '');
    server.write(ok(path));
    t.equal((await client.answer()).body, path);
  }
  t.equal((await client.answer()).status, 400);
  t.equal(await client.rest(), '');
});

test('bad bytes within a body that waits for its turn', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  client.write(`${get('/1')}POST /2 HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\nzz\r\n`);
  const server = await proxied.server.accept();
  await server.request();
  server.write(ok('1'));
  t.equal((await client.answer()).body, '1');
  t.equal((await client.answer()).status, 400);
  t.equal(await client.rest(), '');
});

test('bad bytes within a body that is not wanted any more', async (t, wire) => {
  const POST = `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`;
  const file = { routes: [{ match: { path: '/page' }, respond: 404 }, { pool: 'web' }] };
  await using proxied = await wire.start({ file, listener: { limits: { max_body_size: '4B' } } });
  const large = await proxied.client();
  large.write(`${POST}5\r\nlarge\r\nzz\r\n`);
  // Whichever is seen first: one answer, and it arrives.
  t.match((await large.answer()).status, wire === NODE ? 413 : 400);
  t.equal(await large.rest(), '');
  const early = await proxied.client();
  early.write(`${POST.replace('/', '/page')}zz\r\n`);
  t.equal((await early.answer()).status, 404);
  t.equal(await early.rest(), '');
});

test('a request that came with a PROXY header', async (t, wire) => {
  await using proxied = await wire.start({
    listener: { proxy_protocol: 'required', trusted_proxies: ['127.0.0.1'] },
  });
  const client = await proxied.client();
  client.write(`${v1()}${get('/1')}${get('/2').slice(0, 20)}`);
  const server = await proxied.server.accept();
  t.equal(fieldOf(await server.request(), 'x-real-ip'), '203.0.113.7');
  server.write(ok('1'));
  t.equal((await client.answer()).body, '1');
  client.write(get('/2').slice(20));
  t.equal((await server.request()).start, 'GET /2 HTTP/1.1');
  server.write(ok('2'));
  t.equal((await client.answer()).body, '2');
});
