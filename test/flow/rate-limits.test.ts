/** Rate limits by what a request has, several at once, and dry runs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { H2Client } from '../support/h2-client.ts';
import { fieldOf, get, ok, type Peer } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';

const statusesOf = async (client: Peer, requests: readonly string[]): Promise<number[]> => {
  const statuses: number[] = [];
  for (const request of requests) statuses.push((await client.ask(request)).status);
  return statuses;
};

t.test('B52 each value of a key has its own count, over threads, connections and wires', async (t) => {
  await using proxied = await Proxied.start({
    listener: { h2c: true },
    file: {
      threads: 2,
      routes: [
        {
          name: 'users',
          match: { path: '/u' },
          pool: 'web',
          rate_limit: { rate: '2/h', key: 'header:X-User' },
        },
        { name: 'sids', match: { path: '/c' }, pool: 'web', rate_limit: { rate: '2/h', key: 'cookie:sid' } },
        { name: 'ids', match: { path: '/q' }, pool: 'web', rate_limit: { rate: '2/h', key: 'query:id' } },
        { name: 'all', pool: 'web', rate_limit: { rate: '3/h', burst: 3, key: 'route' } },
      ],
    },
  });
  proxied.server.answerAll(() => ok());
  const first = await proxied.client();
  const second = await proxied.client({ localAddress: '127.0.0.2' });
  const user = (name: string): string => get('/u', `X-User: ${name}\r\n`);
  t.same(await statusesOf(first, [user('ann'), user('ann'), user('ann'), user('bob')]), [200, 200, 429, 200]);
  t.same(await statusesOf(second, [user('ann'), user('bob'), user('bob')]), [429, 200, 429], 'wherever from');
  const refused = await second.ask(user('ann'));
  t.match(fieldOf(refused, 'ratelimit-policy'), /^"header:x-user";q=2;w=3600$/);
  t.same(await statusesOf(first, [get('/u'), get('/u'), get('/u')]), [200, 200, 429], 'without: by address');
  t.same(await statusesOf(second, [get('/u')]), [200], 'of which another has its own');
  await using h2 = await H2Client.open(proxied.daemon.port());
  t.equal((await h2.ask({ ':path': '/u', 'x-user': 'ann' })).status, 429, 'over HTTP/2');

  const sid = (value: string): string => get('/c', `Cookie: a=b; sid=${value}\r\n`);
  t.same(await statusesOf(first, [sid('1'), sid('1'), sid('1'), sid('2')]), [200, 200, 429, 200]);
  const id = (value: string): string => get(`/q?x=1&id=${value}`);
  t.same(await statusesOf(first, [id('1'), id('1'), id('1'), id('2')]), [200, 200, 429, 200]);
  t.same(await statusesOf(first, [get('/a'), get('/b')]), [200, 200]);
  t.same(await statusesOf(second, [get('/a'), get('/b')]), [200, 429], 'all together');
});

t.test('B52 all of a list have to allow it, and a refused request costs nothing in the others', async (t) => {
  await using proxied = await Proxied.start({
    file: {
      routes: [
        {
          name: 'all',
          pool: 'web',
          rate_limit: [
            { rate: '4/h', key: 'route' },
            { rate: '3/h', burst: 3, key: 'client_ip' },
            { rate: '1/h', key: 'header:x-user' },
          ],
        },
      ],
    },
  });
  proxied.server.answerAll(() => ok());
  const client = await proxied.client();
  const user = (name: string): string => get('/', `X-User: ${name}\r\n`);
  t.same(await statusesOf(client, [user('ann'), ...Array(20).fill(user('ann'))]), [
    200,
    ...Array(20).fill(429),
  ]);
  // None of the 20 is counted: of 4 and of 3 there are 3 and 2 left.
  t.same(await statusesOf(client, [user('bob'), user('cid'), user('dan')]), [200, 200, 429]);
  const other = await proxied.client({ localAddress: '127.0.0.2' });
  t.same(await statusesOf(other, [user('eve'), user('fay')]), [200, 429], 'the route’s fourth is its last');
});

t.test('counts survive a reload that changes the order, and a dry run refuses nobody', async (t) => {
  const routes = (...limits: NonNullable<object>[]) => [{ name: 'all', pool: 'web', rate_limit: limits }];
  const perUser = { rate: '1/h', key: 'header:x-user' };
  const perRoute = { rate: '100/h', key: 'route' };
  const input = (list: unknown) => ({ ...base(proxied), routes: list }) as never;
  await using proxied = await Proxied.start({ file: { routes: routes(perUser, perRoute) as never } });
  proxied.server.answerAll(() => ok());
  const client = await proxied.client();
  const ann = get('/', 'X-User: ann\r\n');
  t.same(await statusesOf(client, [ann, ann]), [200, 429]);
  await proxied.daemon.reload(input(routes(perRoute, perUser)));
  t.same(await statusesOf(client, [ann]), [429]);
  await proxied.daemon.reload(input(routes(perRoute, { ...perUser, dry_run: true })));
  t.same(await statusesOf(client, [ann, ann, ann]), [200, 200, 200]);
  const metrics = await proxied.daemon.daemon.metrics.render();
  t.match(metrics, /sluice_limited_dry_run_total\{listener="http"\} 2\n/);
  t.match(metrics, /sluice_limited_total\{listener="http"\} 2\n/);
  const log = (): string => readFileSync(join(proxied.daemon.folder, 'log'), 'utf8');
  await proxied.daemon.until('the dry run is in the log', () => log().includes('dry run would have refused'));
  t.match(log(), /"limit":"route:all\/header:x-user\/dry_run"/);
});

function base(proxied: Proxied) {
  return {
    listeners: { http: { address: '127.0.0.1', port: proxied.daemon.port() } },
    pools: { web: { algorithm: 'round_robin', servers: [proxied.server.address], health: false } },
  };
}
