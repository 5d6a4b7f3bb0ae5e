/** When all servers are full: requests wait in line, bounded in number and time, and then hear 503 with Retry-After. */
import t from 'tap';
import type { Peer } from '../support/peer.ts';
import { fieldOf, get, ok } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';

/** A pool with one place. */
async function narrow(queue: { max: number; timeout?: `${number}ms` | `${number}s` }): Promise<Proxied> {
  const proxied = await Proxied.start({ pool: { queue } });
  const { daemon, server } = proxied;
  await daemon.daemon.changeServer('web', server.address, { maxConnections: 1 }, 'test');
  return proxied;
}

/** Takes the one place. */
async function occupy(proxied: Proxied): Promise<{ client: Peer; server: Peer }> {
  const client = await proxied.client();
  client.write(get('/first'));
  const server = await proxied.server.accept();
  await server.request();
  return { client, server };
}

/** The occupant is a connection and a request; each that waits is a connection and a place in the queue. */
async function waits(proxied: Proxied, count: number): Promise<void> {
  await proxied.daemon.until(`${count} wait`, () => proxied.daemon.inFlight() === 2 + 2 * count);
}

t.test('who waits gets the place that becomes free, in order (B23)', async (t) => {
  await using proxied = await narrow({ max: 10, timeout: '10s' });
  const { client, server } = await occupy(proxied);
  const waiting: Peer[] = [];
  for (const path of ['/second', '/third']) {
    const next = await proxied.client();
    waiting.push(next);
    next.write(get(path));
    await waits(proxied, waiting.length);
  }
  t.equal(proxied.daemon.inFlightOf('web', proxied.server.address), 1, 'never more than the cap');
  server.write(ok('first'));
  t.equal((await client.answer()).body, 'first');
  for (const [i, path] of ['/second', '/third'].entries()) {
    t.equal((await server.request()).start, `GET ${path} HTTP/1.1`);
    server.write(ok(path));
    t.equal((await (waiting[i] as Peer).answer()).body, path);
  }
  t.equal(proxied.server.connections, 1);
});

t.test('who waits too long hears 503 (B23)', async (t) => {
  await using proxied = await narrow({ max: 10, timeout: '150ms' });
  const { client, server } = await occupy(proxied);
  const next = await proxied.client();
  const answer = await next.ask(get('/'));
  t.equal(answer.status, 503);
  t.equal(JSON.parse(answer.body).code, 'queue_timeout');
  t.match(fieldOf(answer, 'retry-after'), /^[1-9]\d*$/);
  server.write(ok());
  t.equal((await client.answer()).status, 200);
});

t.test('a full queue says so at once', async (t) => {
  await using proxied = await narrow({ max: 1, timeout: '10s' });
  const { client, server } = await occupy(proxied);
  const patient = await proxied.client();
  patient.write(get('/waits'));
  await waits(proxied, 1);
  const refused = await proxied.client();
  const answer = await refused.ask(get('/'));
  t.equal(answer.status, 503);
  t.equal(JSON.parse(answer.body).code, 'queue_full');
  t.ok(fieldOf(answer, 'retry-after'));
  server.write(ok());
  await client.answer();
  t.equal((await server.request()).start, 'GET /waits HTTP/1.1');
  server.write(ok());
  t.equal((await patient.answer()).status, 200);
});

t.test('without a queue: 503 at once', async (t) => {
  await using proxied = await narrow({ max: 0 });
  const { client, server } = await occupy(proxied);
  const next = await proxied.client();
  const answer = await next.ask(get('/'));
  t.equal(answer.status, 503);
  t.equal(JSON.parse(answer.body).code, 'queue_full');
  server.write(ok());
  await client.answer();
});

t.test('a client that leaves the queue gives its place up', async (t) => {
  await using proxied = await narrow({ max: 1, timeout: '10s' });
  const { client, server } = await occupy(proxied);
  const leaves = await proxied.client();
  leaves.write(get('/leaves'));
  await waits(proxied, 1);
  leaves.destroy();
  await waits(proxied, 0);
  const next = await proxied.client();
  next.write(get('/next'));
  server.write(ok());
  await client.answer();
  t.equal((await server.request()).start, 'GET /next HTTP/1.1', 'nothing of the one that left');
  server.write(ok());
  await next.answer();
});

for (const [what, announced, sent] of [
  ['a body that is kept whole', 70_000, 70_000],
  ['the beginning of a body', 1_000_000, 100_000],
] as const) {
  t.test(`a client that leaves the line behind ${what} is not served`, async (t) => {
    await using proxied = await narrow({ max: 10, timeout: '60s' });
    const { client, server } = await occupy(proxied);
    const leaving = await proxied.client();
    leaving.write(`POST /late HTTP/1.1\r\nHost: t.example\r\nContent-Length: ${announced}\r\n\r\n`);
    leaving.write('x'.repeat(sent));
    await waits(proxied, 1);
    leaving.destroy();
    await proxied.daemon.until('it has left the line', () => proxied.daemon.inFlight() === 2);
    server.write(ok('first'));
    t.equal((await client.answer()).body, 'first');
    client.destroy();
    await proxied.daemon.idle();
    t.equal(proxied.server.connections, 1);
  });
}

/** One place, a queue of two, a route for each class, and a field that says more. */
async function classes(): Promise<Proxied> {
  const proxied = await Proxied.start({
    pool: { queue: { max: 2, timeout: '10s', priority: 'header:x-priority' } },
    file: {
      routes: [
        { name: 'high', match: { path: '/high/*' }, pool: 'web', priority: 'high' },
        { name: 'low', match: { path: '/low/*' }, pool: 'web', priority: 'low' },
        { name: 'all', pool: 'web' },
      ],
    },
  });
  const { daemon, server } = proxied;
  await daemon.daemon.changeServer('web', server.address, { maxConnections: 1 }, 'test');
  return proxied;
}

t.test('a higher priority goes first, and takes a place in a full queue', async (t) => {
  await using proxied = await classes();
  const { client, server } = await occupy(proxied);
  const low = await proxied.client();
  low.write(get('/low/first'));
  await waits(proxied, 1);
  const asked = await proxied.client();
  asked.write(get('/asked', 'X-Priority: HIGH\r\n'));
  await waits(proxied, 2);
  const high = await proxied.client();
  high.write(get('/high/third'));
  const displaced = await low.answer();
  t.same([displaced.status, JSON.parse(displaced.body).code], [503, 'queue_displaced']);
  t.match(fieldOf(displaced, 'retry-after'), /^[1-9]\d*$/);
  const plain = await (await proxied.client()).ask(get('/plain', 'X-Priority: urgent\r\n'));
  t.equal(JSON.parse(plain.body).code, 'queue_full', 'a word that is none makes no room');
  server.write(ok('first'));
  t.equal((await client.answer()).body, 'first');
  // Both are high: the first that came.
  for (const [peer, path] of [
    [asked, '/asked'],
    [high, '/high/third'],
  ] as const) {
    t.equal((await server.request()).start, `GET ${path} HTTP/1.1`);
    server.write(ok(path));
    t.equal((await peer.answer()).body, path);
  }
});
