/** Requests that come before the answer to the one before: answered in order, one exchange at a time. */
import t from 'tap';
import { get, ok } from '../support/peer.ts';
import { overWires } from '../support/wires.ts';

const test = overWires(t);

test('answers come in the order of the requests', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  client.write(
    `${get('/1')}POST /2 HTTP/1.1\r\nHost: t.example\r\nContent-Length: 3\r\n\r\ntwo` +
      `POST /3 HTTP/1.1\r\nHost: t.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nthree\r\n0\r\n\r\n${get('/4')}`,
  );
  const server = await proxied.server.accept();
  const bodies = ['', 'two', 'three', ''];
  for (const [i, body] of bodies.entries()) {
    const request = await server.request();
    t.match(request.start, new RegExp(`^(GET|POST) /${i + 1} `));
    t.equal(request.body, body);
    t.equal(server.unread, '', 'the next waits for the answer to this one');
    server.write(ok(`answer ${i + 1}`));
  }
  for (const i of bodies.keys()) t.equal((await client.answer()).body, `answer ${i + 1}`);
  t.equal(proxied.server.connections, 1);
});

test('thousands in one write do not nest', async (t, wire) => {
  const count = 20_000;
  const routes = [{ name: 'page', respond: { status: 200, body: 'x' } }];
  await using proxied = await wire.start({ file: { routes } });
  const client = await proxied.client();
  let text = '';
  client.socket.removeAllListeners('data');
  const all = new Promise<void>((resolve) => {
    client.socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (text.split('HTTP/1.1 ').length > count) resolve();
    });
  });
  client.write('GET / HTTP/1.1\r\nHost:a\r\n\r\n'.repeat(count));
  await all;
  t.equal(text.split('HTTP/1.1 200 OK\r\n').length - 1, count);
  t.equal(proxied.daemon.daemon.threadCount, 1);
});

test('a client that sends on and on while its answer takes time is held back', async (t, wire) => {
  // A client that is held back is not read from, so its going away shows only at the next answer.
  await using proxied = await wire.start({ pool: { upstream: { first_byte_timeout: '500ms' } } });
  const client = await proxied.client();
  client.write(get('/first'));
  const server = await proxied.server.accept();
  await server.request();
  // Some MiB fit into the kernel's buffers; the rest must wait.
  const flood = Buffer.from(get('/flood', `X: ${'y'.repeat(8000)}\r\n`).repeat(4096), 'latin1');
  client.write(flood);
  await new Promise((resolve) => setTimeout(resolve, 300));
  t.ok(client.socket.writableLength > flood.length / 2, `${client.socket.writableLength} bytes wait`);
  server.write(ok('slow'));
  t.equal((await client.answer()).body, 'slow');
  t.equal((await server.request()).start, 'GET /flood HTTP/1.1');
});

test('a bad request is refused when its turn comes, and nothing after it is served', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  client.write(`${get('/good')}GET /bad HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n${get('/after')}`);
  const server = await proxied.server.accept();
  await server.request();
  server.write(ok('good'));
  t.equal((await client.answer()).body, 'good');
  t.equal((await client.answer()).status, 400);
  t.equal(await client.rest(), '');
  t.equal(server.unread, '');
});

test('nothing is served after a request that closes', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  client.write(`${get('/', 'Connection: close\r\n')}${get('/after')}`);
  const server = await proxied.server.accept();
  await server.request();
  server.write(ok('last'));
  t.equal((await client.answer()).body, 'last');
  t.equal(await client.rest(), '');
  t.equal(server.unread, '');
});
