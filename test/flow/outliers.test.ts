/** A server that passes its checks and fails requests is taken out, and told about. */
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import type { AnyEvent } from '../../src/observe/index.ts';
import { get, ok, type RawServer } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';

t.test('five gateway errors: ejected, others serve, and it comes back (B35)', async (t) => {
  await using proxied = await Proxied.start({ pool: { outlier_detection: { ejection_time: '300ms' } } }, 2);
  const [bad, good] = proxied.servers as [RawServer, RawServer];
  let isBad = true;
  bad.answerAll(() =>
    isBad ? 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n' : ok('bad is good'),
  );
  good.answerAll(() => ok('good'));
  const { daemon } = proxied.daemon;
  const states: string[] = [];
  const ejected = Promise.withResolvers<void>();
  const returned = Promise.withResolvers<void>();
  daemon.events.onAny((event: AnyEvent) => {
    if (event.name !== 'server_state') return;
    states.push(`${event.payload.to}: ${event.payload.why}`);
    if (event.payload.to === 'ejected') ejected.resolve();
    else returned.resolve();
  });
  const client = await proxied.client();
  for (let i = 0; i < 10; i++) await client.ask(get('/'));
  await ejected.promise;
  t.equal(daemon.registry.server('web', bad.address).state, 'ejected');
  const bodies = new Set<string>();
  for (let i = 0; i < 10; i++) bodies.add((await client.ask(get('/'))).body);
  t.same([...bodies], ['good']);
  isBad = false;
  await returned.promise;
  t.same(states, ['ejected: 5 errors in a row', 'healthy: its time is over']);
  const metrics = await daemon.metrics.render();
  const labels = `pool="web",server="${bad.address}"`;
  t.match(metrics, `sluice_server_ejected_total{${labels},reason="consecutive_errors"} 1`);
  t.match(metrics, `sluice_server_state_changes_total{${labels},state="ejected"} 1`);
  t.match(metrics, `sluice_server_state_changes_total{${labels},state="healthy"} 1`);
  for (let body = ''; body !== 'bad is good'; ) body = (await client.ask(get('/'))).body;
});

t.test(
  'whom the route’s time runs out on: the server that had the whole request, and no other',
  async (t) => {
    await using proxied = await Proxied.start({
      file: { routes: [{ name: 'all', pool: 'web', timeout: '150ms' }] },
      pool: { outlier_detection: { consecutive_errors: 0 } },
    });
    const { slot } = proxied.daemon.daemon.registry.server('web', proxied.server.address).slot;
    const { counters } = proxied.daemon.daemon.slots;
    const client = await proxied.client();
    t.equal((await client.ask(get('/'))).status, 504);
    t.match(counters.totals(slot), { timeouts: 1, cancelled: 0 });
    const slow = await proxied.client();
    slow.write('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhal');
    t.equal((await slow.answer()).status, 504);
    t.match(counters.totals(slot), { timeouts: 1, cancelled: 1 }, 'the client was slow');
  },
);

t.test('what a client takes to send its request says nothing of the server (B36)', async (t) => {
  await using proxied = await Proxied.start({ pool: { algorithm: 'peak_ewma' } });
  const { daemon } = proxied.daemon;
  const { slot } = daemon.registry.server('web', proxied.server.address).slot;
  proxied.server.answerAll(() => ok());
  const client = await proxied.client();
  client.write('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nda');
  const startMs = performance.now();
  // The time that must not count.
  await sleep(400);
  client.write('ta');
  t.equal((await client.answer()).status, 200);
  const peakMs = daemon.slots.times.peakMs(slot, performance.timeOrigin + performance.now());
  t.ok(peakMs >= 0 && peakMs < performance.now() - startMs - 300, `${peakMs} ms`);
});

t.test('two servers that fail one after the other: who was ejected before is asked again', async (t) => {
  await using proxied = await Proxied.start({ pool: { retry: 1 } }, 2);
  const [a, b] = proxied.servers as [RawServer, RawServer];
  const bad = new Set<RawServer>([a]);
  const unavailable = 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n';
  for (const server of [a, b]) server.answerAll(() => (bad.has(server) ? unavailable : ok(server.address)));
  const { daemon } = proxied.daemon;
  const ejected = Promise.withResolvers<void>();
  const back = Promise.withResolvers<void>();
  daemon.events.onAny((event: AnyEvent) => {
    if (event.name !== 'server_state' || event.payload.server !== a.address) return;
    if (event.payload.to === 'ejected') ejected.resolve();
    else back.resolve();
  });
  const client = await proxied.client();
  for (let i = 0; i < 10; i++) await client.ask(get('/'));
  await ejected.promise;
  bad.clear();
  // The other one is taken out by hand: the first is there, whatever it was.
  daemon.registry.patch('web', b.address, { maintenance: true }, 'test');
  const answer = await client.ask(get('/'));
  t.same([answer.status, answer.body], [200, a.address]);
  await back.promise;
  t.equal(daemon.registry.server('web', a.address).state, 'healthy', 'and comes back at once');
});
