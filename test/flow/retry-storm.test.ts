/** When every server fails, requests are made again within a budget; what never reached a server is no load (B42). */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import t from 'tap';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { get, Peer } from '../support/peer.ts';
import { onePool } from '../support/proxied.ts';

t.test(
  'every server fails after it took the request: 1.2 attempts a request, and ten a second',
  async (t) => {
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
  },
);

t.test('every server refuses: at most one attempt a server and request, counted apart (B39)', async (t) => {
  const closed = createServer();
  await once(closed.listen(0, '127.0.0.1'), 'listening');
  const { port } = closed.address() as AddressInfo;
  const addresses = ['127.0.0.1', '127.0.0.2', '127.0.0.3'].map((host) => `${host}:${port}`);
  closed.close();
  await once(closed, 'close');
  const REQUESTS = 60;
  await using daemon = await DaemonFixture.start(
    onePool([], { pool: { servers: addresses, retry: { attempts: 10, budget: '0%' } } }),
  );
  await using client = await Peer.connect(daemon.port());
  for (let i = 0; i < REQUESTS; i++) {
    const answer = await client.ask(`POST / HTTP/1.1\r\nHost: t.example\r\nContent-Length: 2\r\n\r\nhi`);
    t.same([answer.status, JSON.parse(answer.body).code], [502, 'connect_error']);
  }
  for (const address of addresses) {
    const { slot } = daemon.daemon.registry.server('web', address).slot;
    const totals = daemon.daemon.slots.counters.totals(slot);
    t.ok(totals.connectErrors > 0 && totals.connectErrors <= REQUESTS, `${address}: ${totals.connectErrors}`);
    t.match(totals, { resets: 0, timeouts: 0, badAnswers: 0 });
  }
  // They were no repeats of what was sent: the budget has all of its ten a second.
  t.match(await daemon.daemon.metrics.render(), /sluice_pool_retries_refused_total\{pool="web"\} 0/);
});
