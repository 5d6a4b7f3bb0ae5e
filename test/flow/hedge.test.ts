/** A second attempt beside a slow one: who wins, who is cancelled, when there is none. */
import t from 'tap';
import { get, ok, type Peer, type RawServer } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';

const UNAVAILABLE = 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n';
const post = 'POST / HTTP/1.1\r\nHost: t.example\r\nContent-Length: 4\r\n\r\ndata';
const put = post.replace('POST', 'PUT');

interface Asked {
  readonly first: Peer;
  readonly second: Peer;
}

/** A request whose first attempt says nothing until the second was asked too. */
async function hedged(proxied: Proxied, request: string): Promise<Asked & { client: Peer }> {
  const [a, b] = proxied.servers as [RawServer, RawServer];
  const client = await proxied.client();
  client.write(request);
  const first = await a.accept();
  const asked = await first.request();
  const second = await b.accept();
  t.same((await second.request()).body, asked.body);
  return { first, second, client };
}

const start = (pool = {}): Promise<Proxied> =>
  Proxied.start({ pool: { hedge: '20ms', outlier_detection: false, ...pool } }, 2);

async function totals(proxied: Proxied, which: number) {
  const { registry, slots } = proxied.daemon.daemon;
  const { address } = proxied.servers[which] as RawServer;
  await proxied.daemon.until('it is over', () => proxied.daemon.inFlightOf('web', address) === 0);
  return slots.counters.totals(registry.server('web', address).slot.slot);
}

t.test('the hedge answers first: the slow attempt is cancelled', async (t) => {
  await using proxied = await start();
  const { first, second, client } = await hedged(proxied, put);
  second.write(ok('second'));
  t.equal((await client.answer()).body, 'second');
  await first.ended();
  t.match(await totals(proxied, 0), { picks: 1, cancelled: 1, resets: 0, timeouts: 0 });
  t.match(await totals(proxied, 1), { picks: 1, cancelled: 0, answers: [0, 1, 0, 0, 0] });
  const text = await proxied.daemon.daemon.metrics.render();
  t.match(text, /sluice_pool_hedges_total\{pool="web"\} 1/);
  t.match(text, /sluice_pool_hedges_won_total\{pool="web"\} 1/);
});

t.test('the first attempt answers first: the hedge is cancelled', async (t) => {
  await using proxied = await start();
  const { first, second, client } = await hedged(proxied, get('/'));
  first.write(ok('first'));
  t.equal((await client.answer()).body, 'first');
  await second.ended();
  t.match(await totals(proxied, 1), { picks: 1, cancelled: 1 });
  t.match(await proxied.daemon.daemon.metrics.render(), /sluice_pool_hedges_won_total\{pool="web"\} 0/);
});

t.test('the first attempt fails: the hedge goes on in its place', async (t) => {
  await using proxied = await start();
  const { first, second, client } = await hedged(proxied, get('/'));
  first.reset();
  await proxied.daemon.until('the failure is counted', () => {
    const { registry, slots } = proxied.daemon.daemon;
    const { address } = proxied.servers[0] as RawServer;
    return slots.counters.totals(registry.server('web', address).slot.slot).resets === 1;
  });
  second.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nsec\r\n');
  second.write('3\r\nond\r\n0\r\n\r\n');
  t.equal((await client.answer()).body, 'second');
});

t.test('the hedge fails: the first attempt is waited for', async (t) => {
  await using proxied = await start();
  const { first, second, client } = await hedged(proxied, get('/'));
  second.reset();
  await proxied.daemon.until('one is in flight', () => {
    const [, b] = proxied.servers as [RawServer, RawServer];
    return proxied.daemon.inFlightOf('web', b.address) === 0;
  });
  first.write(ok('first'));
  t.equal((await client.answer()).body, 'first');
});

t.test('an answer that is not wanted: the other attempt is better', async (t) => {
  await using proxied = await start({ retry: { when: [503] } });
  const one = await hedged(proxied, get('/'));
  one.second.write(UNAVAILABLE);
  await proxied.daemon.until('one is in flight', () => {
    const [, b] = proxied.servers as [RawServer, RawServer];
    return proxied.daemon.inFlightOf('web', b.address) === 0;
  });
  one.first.write(ok('first'));
  t.equal((await one.client.answer()).body, 'first');
});

t.test('the first answer is not wanted: the hedge goes on', async (t) => {
  await using proxied = await start({ retry: { when: [503] } });
  const { first, second, client } = await hedged(proxied, get('/'));
  first.write(UNAVAILABLE);
  await proxied.daemon.until('one is in flight', () => {
    const [a] = proxied.servers as [RawServer, RawServer];
    return proxied.daemon.inFlightOf('web', a.address) === 0;
  });
  second.write(ok('second'));
  t.equal((await client.answer()).body, 'second');
});

t.test('the client leaves: both are cancelled', async (t) => {
  await using proxied = await start();
  const { first, second, client } = await hedged(proxied, get('/'));
  client.destroy();
  t.same(await Promise.all([first.ended(), second.ended()]), [true, true]);
});

t.test('not what may not be done twice, not beyond the attempts, not where nobody else is', async (t) => {
  for (const [pool, request, servers] of [
    [{}, post, 2],
    [{ retry: 1 }, get('/'), 2],
    [{}, get('/'), 1],
  ] as const) {
    await using proxied = await Proxied.start({ pool: { hedge: '1ms', ...pool } }, servers);
    const client = await proxied.client();
    client.write(request);
    const peer = await proxied.server.accept();
    await peer.request();
    // A second request comes and goes meanwhile: timers of the first would have run.
    const other = await proxied.client();
    other.write(post);
    const last = proxied.servers[servers - 1] as RawServer;
    const next = await last.accept();
    await next.request();
    next.write(ok('other'));
    await other.answer();
    peer.write(ok('alone'));
    t.equal((await client.answer()).body, 'alone');
    t.match(await proxied.daemon.daemon.metrics.render(), /sluice_pool_hedges_total\{pool="web"\} 0/);
    t.equal(proxied.server.connections, servers === 1 ? 2 : 1);
  }
});

t.test('by a quantile: quick answers make a slow one be hedged', async (t) => {
  await using proxied = await start({ hedge: 'p95' });
  const [a, b] = proxied.servers as [RawServer, RawServer];
  let isSlow = false;
  for (const server of [a, b]) server.answerAll(() => (isSlow ? '' : ok('quick')));
  const client = await proxied.client();
  for (let i = 0; i < 60; i++) t.equal((await client.ask(get('/'))).body, 'quick');
  isSlow = true;
  client.write(get('/slow'));
  await proxied.daemon.until('both are asked', () => proxied.daemon.inFlight() >= 2);
  client.destroy();
});
