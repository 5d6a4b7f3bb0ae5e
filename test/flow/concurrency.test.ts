/** B53 How many requests of a client are in flight at one time: counted over all threads, freed however they end. */
import t from 'tap';
import { H2Client } from '../support/h2-client.ts';
import { fieldOf, get, ok, type Peer } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';

const HANDSHAKE = get(
  '/chat',
  'Connection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n',
);
const SWITCHED =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n';
/** So that the next request comes on a connection of its own. */
const CLOSE = 'Connection: close\r\n';
/** A thread that dies within 2 s of its start is replaced a second later. */
const REPLACED_WITHIN_MS = 10_000;

const routes = (concurrency: unknown) => [{ name: 'all', pool: 'web', concurrency }] as never;
const taken = (proxied: Proxied): number => proxied.daemon.daemon.limits.places.stats().taken;

/** Sends a request and waits until a server has it. */
async function hang(proxied: Proxied, client: Peer, request: string): Promise<Peer> {
  client.write(request);
  const server = await proxied.server.accept();
  await server.requestHead();
  return server;
}

t.test('B53 the third at one time is refused; each end of one lets another in', async (t) => {
  await using proxied = await Proxied.start({ file: { threads: 2, routes: routes(2) } });
  const [a, b, c] = (await Promise.all([1, 2, 3].map(() => proxied.client()))) as [Peer, Peer, Peer];
  const serverA = await hang(proxied, a, get('/a'));
  const serverB = await hang(proxied, b, get('/b'));
  const refused = await c.ask(get('/c'));
  t.equal(refused.status, 429);
  t.equal(JSON.parse(refused.body).code, 'limited_concurrency');
  t.equal(fieldOf(refused, 'retry-after'), '1');
  const other = await proxied.client({ localAddress: '127.0.0.2' });
  const serverD = await hang(proxied, other, get('/d'));
  serverD.write(ok('another client', CLOSE));
  t.equal((await other.answer()).status, 200);

  serverA.write(ok('done', CLOSE));
  t.equal((await a.answer()).status, 200);
  await proxied.daemon.until('an answer frees its place', () => taken(proxied) === 1);
  const serverC = await hang(proxied, c, get('/c'));
  c.destroy();
  await serverC.ended();
  await proxied.daemon.until('a client that goes frees its place', () => taken(proxied) === 1);
  serverB.reset();
  t.equal((await b.answer()).status, 502);
  await proxied.daemon.until('a failure frees its place', () => taken(proxied) === 0);
});

t.test('B53 a tunnel counts as long as it is open, and streams of one HTTP/2 connection each', async (t) => {
  await using proxied = await Proxied.start({ listener: { h2c: true }, file: { routes: routes(1) } });
  const client = await proxied.client();
  client.write(HANDSHAKE);
  const server = await proxied.server.accept();
  await server.request();
  server.write(SWITCHED);
  await client.answer();
  await using h2 = await H2Client.open(proxied.daemon.port());
  t.equal((await h2.ask({ ':path': '/' })).status, 429);
  client.end();
  server.end();
  await proxied.daemon.until('the tunnel is over', () => taken(proxied) === 0);
  const asked = h2.ask({ ':path': '/' });
  const second = await proxied.server.accept();
  await second.request();
  t.equal((await h2.ask({ ':path': '/' })).status, 429);
  second.write(ok('one at a time'));
  t.equal((await asked).status, 200);
});

t.test(
  'by a key, of a listener, several at once; a request that another limit refuses holds nothing',
  async (t) => {
    await using proxied = await Proxied.start({
      listener: { concurrency: { max: 3, key: 'listener' } },
      file: {
        routes: [
          {
            name: 'all',
            pool: 'web',
            rate_limit: { rate: '4/h', key: 'route' },
            concurrency: [
              { max: 1, key: 'header:x-user' },
              { max: 1, key: 'path', dry_run: true },
            ],
          },
        ],
      },
    });
    const clients = await Promise.all(Array.from({ length: 5 }, () => proxied.client()));
    const [a, b, c, d, e] = clients as [Peer, Peer, Peer, Peer, Peer];
    const user = (name: string): string => get('/', `X-User: ${name}\r\n`);
    const servers = [await hang(proxied, a, user('ann')), await hang(proxied, b, user('bob'))];
    t.equal((await e.ask(user('ann'))).status, 429, 'ann is there already');
    servers.push(await hang(proxied, c, user('cid')));
    t.equal((await d.ask(user('dan'))).status, 429, 'the listener has its three');
    for (const server of servers) server.write(ok());
    for (const client of [a, b, c]) t.equal((await client.answer()).status, 200);
    await proxied.daemon.until('all places are free', () => taken(proxied) === 0);
    // Those that were refused for their number cost the rate nothing: this is its fourth.
    d.write(user('dan'));
    const last = servers[2] as Peer;
    await last.request();
    last.write(ok());
    t.equal((await d.answer()).status, 200);
    t.equal(JSON.parse((await d.ask(user('dan'))).body).code, 'limited');
    await proxied.daemon.until('the rate’s refusal has given its places back', () => taken(proxied) === 0);
    t.match(
      await proxied.daemon.daemon.metrics.render(),
      /sluice_limited_dry_run_total\{listener="http"\} 2\n/,
    );
  },
);

t.test('B53 what is in flight counts on over a reload', async (t) => {
  await using proxied = await Proxied.start({ file: { routes: routes(2) } });
  const [a, b] = (await Promise.all([1, 2].map(() => proxied.client()))) as [Peer, Peer];
  const server = await hang(proxied, a, get('/a'));
  await proxied.daemon.reload({
    listeners: { http: { address: '127.0.0.1', port: proxied.daemon.port() } },
    routes: routes(1),
    pools: { web: { algorithm: 'round_robin', servers: [proxied.server.address], health: false } },
  });
  t.equal((await b.ask(get('/b'))).status, 429);
  server.write(ok());
  t.equal((await a.answer()).status, 200);
});

t.test('B64 a data thread that dies gives back what its requests held', async (t) => {
  await using proxied = await Proxied.start({ file: { routes: routes(1) } });
  const { daemon } = proxied.daemon;
  const client = await proxied.client();
  await hang(proxied, client, get('/lost'));
  t.equal(taken(proxied), 1);
  const gone = daemon.events.once('thread_exit');
  const heir = daemon.events.once('thread_start', () => true, REPLACED_WITHIN_MS);
  await daemon.killThread(0);
  await gone;
  t.equal(taken(proxied), 0);
  await client.ended();
  await heir;
});
