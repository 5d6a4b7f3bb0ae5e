/** Servers get as many requests at a time as the limit lets them; the others wait. */
import t from 'tap';
import type { DaemonFixture } from '../support/daemon-fixture.ts';
import { get, ok, type RawServer } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';

/** Where requests at servers are counted. */
const placesOf = ({ daemon }: DaemonFixture): number => daemon.pools[0]?.places?.slot ?? -1;

t.test('over the limit: waits in the queue, then is served; the limit is a metric', async (t) => {
  await using proxied = await Proxied.start({ pool: { adaptive_concurrency: { min: 1, max: 1 } } }, 2);
  const { daemon } = proxied;
  const [first, second] = proxied.servers as [RawServer, RawServer];
  const limit = /sluice_pool_concurrency_limit\{pool="web"\} 1\b/;
  const slot = placesOf(daemon);
  await daemon.until('the limit stands', () => daemon.daemon.slots.maxConnections(slot) === 1);
  t.match(await daemon.daemon.metrics.render(), limit);
  const [a, b] = [await proxied.client(), await proxied.client()];
  a.write(get('/a'));
  const one = await first.accept();
  await one.request();
  b.write(get('/b'));
  await daemon.until(
    'one waits',
    () => daemon.daemon.slots.inFlight(daemon.daemon.pools[0]?.slot ?? 0) === 1,
  );
  t.equal(second.connections, 0);
  one.write(ok('a'));
  t.equal((await a.answer()).body, 'a');
  const two = await second.accept();
  await two.request();
  two.write(ok('b'));
  t.equal((await b.answer()).body, 'b');
});

t.test('full, and nobody may wait: refused', async (t) => {
  await using proxied = await Proxied.start({
    pool: { adaptive_concurrency: { min: 1, max: 5 }, circuit_breaker: { max_connections: 1 }, queue: 0 },
  });
  const { daemon } = proxied;
  const slot = placesOf(daemon);
  await daemon.until('the limit stands', () => daemon.daemon.slots.maxConnections(slot) === 1);
  const [a, b] = [await proxied.client(), await proxied.client()];
  a.write(get('/a'));
  const one = await proxied.server.accept();
  await one.request();
  const refused = await b.ask(get('/b'));
  t.same([refused.status, JSON.parse(refused.body).code], [503, 'queue_full']);
  one.write(ok('a'));
  t.equal((await a.answer()).body, 'a');
});
