/** What is asked of another server beyond resets: nonsense, unwanted statuses; and how often at most. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import t from 'tap';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { get, ok, Peer, type RawServer } from '../support/peer.ts';
import { onePool, Proxied } from '../support/proxied.ts';

const post = (body: string): string =>
  `POST / HTTP/1.1\r\nHost: t.example\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const unavailable = (body: string): string =>
  `HTTP/1.1 503 Service Unavailable\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

for (const nonsense of ['garbage garbage\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n']) {
  t.test(
    `${JSON.stringify(nonsense.slice(0, 16))}: a GET is asked of another server, a POST is not`,
    async (t) => {
      await using proxied = await Proxied.start({}, 2);
      const [first, second] = proxied.servers as [RawServer, RawServer];
      const client = await proxied.client();
      client.write(get('/'));
      const bad = await first.accept();
      await bad.request();
      bad.write(nonsense);
      const good = await second.accept();
      await good.request();
      good.write(ok('good'));
      t.equal((await client.answer()).body, 'good');
      client.write(post('data'));
      const again = await first.accept();
      await again.request();
      again.write(nonsense);
      const answer = await client.answer();
      t.equal(answer.status, 502);
      t.equal(JSON.parse(answer.body).code, 'bad_upstream');
      t.equal(second.connections, 1);
    },
  );
}

t.test('statuses that the pool does not want', async (t) => {
  await using proxied = await Proxied.start({ pool: { retry: { statuses: [503] } } }, 2);
  const [first, second] = proxied.servers as [RawServer, RawServer];
  const client = await proxied.client();
  client.write(get('/'));
  const busy = await first.accept();
  await busy.request();
  // More than its head comes later, to an attempt that is over by then.
  busy.write('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 8\r\n\r\nbu');
  const other = await second.accept();
  t.equal((await other.request()).start, 'GET / HTTP/1.1');
  busy.write('sy here');
  other.write(ok('there'));
  const answer = await client.answer();
  t.same([answer.status, answer.body], [200, 'there']);

  // A POST may have been done: its answer is the answer.
  client.write(post('data'));
  const kept = await first.accept();
  await kept.request();
  kept.write(unavailable('not now'));
  const refused = await client.answer();
  t.same([refused.status, refused.body], [503, 'not now']);

  // When all say so, the last one is the answer. Turns go on where they were, connections were kept.
  client.write(get('/all'));
  await other.request();
  other.write(unavailable('second'));
  await kept.request();
  kept.write(unavailable('first'));
  const last = await client.answer();
  t.same([last.status, last.body], [503, 'first']);
});

t.test('statuses that are not in the list pass', async (t) => {
  await using proxied = await Proxied.start({ pool: { retry: { statuses: [503] } } }, 2);
  const client = await proxied.client();
  client.write(get('/'));
  const peer = await proxied.server.accept();
  await peer.request();
  peer.write('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n');
  t.equal((await client.answer()).status, 502);
});

t.test('every server fails: the budget bounds what is made again', async (t) => {
  let attempts = 0;
  const servers = await Promise.all(
    ['a', 'b', 'c'].map(async () => {
      const server = createServer((socket) => {
        socket.on('error', () => {});
        socket.on('data', () => {
          attempts++;
          socket.resetAndDestroy();
        });
      });
      await once(server.listen(0, '127.0.0.1'), 'listening');
      return server;
    }),
  );
  const addresses = servers.map((it) => `127.0.0.1:${(it.address() as AddressInfo).port}`);
  const REQUESTS = 400;
  await using daemon = await DaemonFixture.start(
    onePool([], { pool: { servers: addresses, retry: { budget: '20%' }, outlier_detection: false } }),
  );
  await using client = await Peer.connect(daemon.port());
  for (let i = 0; i < REQUESTS; i++) {
    const answer = await client.ask(get('/'));
    t.same([answer.status, JSON.parse(answer.body).code], [502, 'upstream_reset']);
  }
  // 20 %, and ten a second for the ten seconds before and for those that this took.
  t.ok(attempts > REQUESTS, `${attempts}`);
  t.ok(attempts <= 1.2 * REQUESTS + 200, `${attempts} attempts for ${REQUESTS} requests`);
  const text = await daemon.daemon.metrics.render();
  t.match(text, /sluice_pool_retries_refused_total\{pool="web"\} [1-9]/);
  for (const server of servers) server.close();
});
