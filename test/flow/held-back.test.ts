/**
 * Clients that send without reading, or before their turn: what they sent stays in order, what they cost is bounded, and
 * whoever does not take the answer is let go.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { get, ok } from '../support/peer.ts';
import { overWires } from '../support/wires.ts';

const test = overWires(t);

test('the body of a request that waits for its turn arrives whole and in order', async (t, wire) => {
  for (const framing of ['length', 'chunked']) {
    await using proxied = await wire.start();
    const client = await proxied.client();
    client.write(get('/slow'));
    const server = await proxied.server.accept();
    await server.request();

    // Pieces that come one by one while the answer to the first is under way, and one after it.
    const pieces = ['a', 'b', 'c'].map((letter) => letter.repeat(10));
    const framed = pieces.map((piece) => (framing === 'length' ? piece : `a\r\n${piece}\r\n`));
    const field = framing === 'length' ? 'Content-Length: 30' : 'Transfer-Encoding: chunked';
    client.write(`POST /up HTTP/1.1\r\nHost: t.example\r\n${field}\r\n\r\n${framed[0]}`);
    await sleep(20);
    client.write(framed[1] as string);
    await sleep(20);
    server.write(ok('slow'));
    await client.answer();
    client.write(`${framed[2]}${framing === 'length' ? '' : '0\r\n\r\n'}${get('/after')}`);

    const upload = await server.request();
    t.equal(upload.body, pieces.join(''), framing);
    server.write(ok('up'));
    t.equal((await client.answer()).body, 'up');
    t.equal((await server.request()).start, 'GET /after HTTP/1.1');
    server.write(ok('after'));
    t.equal((await client.answer()).body, 'after');
  }
});

test('who asks and asks and never reads is not read from any more', async (t, wire) => {
  const routes = [{ name: 'page', respond: { status: 200, body: 'x'.repeat(4000) } }];
  const listener = { tls: { certificates: ['local'] } };
  for (const tls of [false, true]) {
    const file = { routes, certificates: { local: { self_signed: ['localhost'] } } };
    await using proxied = await wire.start({ file, ...(tls ? { listener } : {}) });
    const client = await proxied.client({ tls });
    client.socket.pause();
    const block = get('/').repeat(20_000);
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 20; i++) client.write(block);
    // 1.6 GB of answers if nothing held it back.
    await sleep(1000);
    const grown = process.memoryUsage().rss - before;
    t.ok(grown < 200 * 1024 * 1024, `${grown} bytes more`);
    t.ok(client.socket.writableLength > block.length, 'most of it was not taken');
    client.socket.resume();
    t.equal((await client.answer()).status, 200, 'the first answers are there');
  }
});

test('a client that neither reads nor lets the server go on loses its exchange', async (t, wire) => {
  // Sends back what it gets, and stops reading when that is not taken: both directions come to a halt.
  const echo = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${2 ** 30}\r\n\r\n`);
      socket.pipe(socket);
    });
  });
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  t.teardown(() => echo.close());
  await using daemon = await DaemonFixture.start({
    listeners: { http: { ...wire.listener, address: '127.0.0.1', port: 0, limits: { body_timeout: '1s' } } },
    routes: [{ pool: 'web' }],
    pools: { web: { servers: [`127.0.0.1:${(echo.address() as AddressInfo).port}`], health: false } },
  });
  const client = connect(daemon.port(), '127.0.0.1');
  client.on('error', () => {});
  client.pause();
  const closed = new Promise((resolve) => client.on('close', resolve));
  client.write(`POST / HTTP/1.1\r\nHost: t.example\r\nContent-Length: ${2 ** 30}\r\n\r\n`);
  for (let i = 0; i < 40; i++) client.write(Buffer.alloc(2 ** 20));
  await closed;
  await daemon.idle();
  t.equal(daemon.inFlight(), 0);
});

test('a client that is refused while it sends may go on sending until it reads the refusal', async (t, wire) => {
  await using proxied = await wire.start({ listener: { limits: { max_body_size: '1MiB' } } });
  const client = await proxied.client();
  client.socket.pause();
  let failed = '';
  client.socket.on('error', (error) => {
    failed = error.message;
  });
  client.write(`POST / HTTP/1.1\r\nHost: t.example\r\nContent-Length: ${2 ** 30}\r\n\r\n`);
  for (let i = 0; i < 20; i++)
    await new Promise((resolve) => client.socket.write(Buffer.alloc(2 ** 20), resolve));
  t.equal(failed, '');
  client.socket.resume();
  t.equal((await client.answer()).status, 413);
});
