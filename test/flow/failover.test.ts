/** A server that fails costs no request that could be saved, and no request is done twice that must not be. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import t from 'tap';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { get, ok, Peer, RawServer } from '../support/peer.ts';
import { onePool, Proxied } from '../support/proxied.ts';

/** An address that refuses connections. */
async function deadAddress(): Promise<string> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `127.0.0.1:${port}`;
}

const post = (path: string, body = 'data'): string =>
  `POST ${path} HTTP/1.1\r\nHost: t.example\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

t.test('a server that refuses connections is passed over, for every method (B39)', async (t) => {
  await using alive = await RawServer.open('alive');
  alive.answerAll((request) => ok(request.body));
  const servers = [await deadAddress(), alive.address];
  await using daemon = await DaemonFixture.start(onePool([], { pool: { servers } }));
  await using client = await Peer.connect(daemon.port());
  for (let i = 0; i < 20; i++) {
    t.equal((await client.ask(get('/'))).status, 200);
    t.equal((await client.ask(post('/', `body ${i}`))).body, `body ${i}`);
  }
  const dead = daemon.daemon.registry.server('web', servers[0] as string).slot.slot;
  const { connectErrors } = daemon.daemon.slots.counters.totals(dead);
  t.ok(connectErrors > 0 && connectErrors < 20, `it was tried now and then only: ${connectErrors}`);
});

t.test('all refuse: 502 after each was tried once (B39)', async (t) => {
  const servers = [await deadAddress(), await deadAddress()];
  await using daemon = await DaemonFixture.start(onePool([], { pool: { servers } }));
  await using client = await Peer.connect(daemon.port());
  const answer = await client.ask(post('/'));
  t.equal(answer.status, 502);
  t.equal(JSON.parse(answer.body).code, 'connect_error');
  for (const id of servers) {
    const { slot } = daemon.daemon.registry.server('web', id).slot;
    t.equal(daemon.daemon.slots.counters.totals(slot).connectErrors, 1);
  }
});

const idempotent = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'];
for (const method of [...idempotent, 'POST', 'PATCH', 'LOCK']) {
  const isRepeated = idempotent.includes(method);
  t.test(
    `${method} after a reset: ${isRepeated ? 'repeated on the other server' : 'not repeated'}`,
    async (t) => {
      await using proxied = await Proxied.start({}, 2);
      const client = await proxied.client();
      const body = method === 'PUT' || !isRepeated ? 'data' : '';
      const length = body === '' ? '' : `Content-Length: ${body.length}\r\n`;
      client.write(`${method} / HTTP/1.1\r\nHost: t.example\r\n${length}\r\n${body}`);
      const [first, second] = proxied.servers as [RawServer, RawServer];
      const failing = await first.accept();
      t.equal((await failing.request()).body, body);
      failing.reset();
      if (isRepeated) {
        const other = await second.accept();
        t.equal((await other.request()).body, body, 'with its body');
        other.write(method === 'HEAD' ? 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n' : ok('other'));
      }
      const answer = await client.answer(method);
      t.equal(answer.status, isRepeated ? 200 : 502);
      t.equal(first.connections + second.connections, isRepeated ? 2 : 1);
    },
  );
}

t.test('a kept connection that the server closed meanwhile: once more on a fresh one (B43)', async (t) => {
  await using proxied = await Proxied.start();
  const client = await proxied.client();
  client.write(get('/'));
  const stale = await proxied.server.accept();
  await stale.request();
  stale.write(ok());
  await client.answer();
  client.write(get('/again'));
  await stale.request();
  stale.reset();
  const fresh = await proxied.server.accept();
  t.equal((await fresh.request()).start, 'GET /again HTTP/1.1');
  fresh.write(ok('fresh'));
  t.equal((await client.answer()).body, 'fresh', 'though there is no other server');
});

t.test('a POST on such a connection is not sent twice', async (t) => {
  await using proxied = await Proxied.start();
  const client = await proxied.client();
  client.write(get('/'));
  const stale = await proxied.server.accept();
  await stale.request();
  stale.write(ok());
  await client.answer();
  client.write(post('/'));
  await stale.request();
  stale.reset();
  t.equal((await client.answer()).status, 502);
  t.equal(proxied.server.connections, 1);
});

t.test('a body larger than what is kept is sent once only (B44)', async (t) => {
  await using proxied = await Proxied.start({}, 2);
  const client = await proxied.client();
  const size = 300_000;
  client.write(`PUT / HTTP/1.1\r\nHost: t.example\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`);
  const [first, second] = proxied.servers as [RawServer, RawServer];
  const failing = await first.accept();
  t.equal((await failing.request()).body.length, size);
  failing.reset();
  t.equal((await client.answer()).status, 502);
  t.equal(first.connections + second.connections, 1);
});

t.test('no more attempts than allowed', async (t) => {
  await using proxied = await Proxied.start({ pool: { retry: 2 } }, 4);
  for (const server of proxied.servers) {
    void (async () => {
      const peer = await server.accept();
      await peer.request();
      peer.reset();
    })().catch(() => {});
  }
  const client = await proxied.client();
  t.equal((await client.ask(get('/'))).status, 502);
  t.equal(
    proxied.servers.reduce((sum, it) => sum + it.connections, 0),
    2,
  );
});

t.test('a silent server is a 504, and its connection ends (B54)', async (t) => {
  await using proxied = await Proxied.start({
    pool: { upstream: { first_byte_timeout: '200ms' }, retry: 1 },
  });
  const client = await proxied.client();
  client.write(get('/'));
  const server = await proxied.server.accept();
  await server.request();
  const answer = await client.answer();
  t.equal(answer.status, 504);
  t.equal(JSON.parse(answer.body).code, 'upstream_timeout');
  await server.ended();
});

t.test('the timeout of a route holds over all attempts', async (t) => {
  const routes = [{ name: 'all', pool: 'web', timeout: '400ms' }];
  await using proxied = await Proxied.start(
    { pool: { upstream: { first_byte_timeout: '250ms' } }, file: { routes } },
    3,
  );
  const client = await proxied.client();
  const answer = await client.ask(get('/'));
  t.equal(answer.status, 504);
  t.match(JSON.parse(answer.body).detail, /timeout of the route/);
});
