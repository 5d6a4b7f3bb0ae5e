/** Who may come in, and how often: access lists, rate limits, connection caps, the redirecting listener. */
import t from 'tap';
import { fieldOf, get, ok, type Peer } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';

t.test('20/m lets 20 of a burst through, whatever connection they come on', async (t) => {
  await using proxied = await Proxied.start({
    file: { routes: [{ name: 'all', pool: 'web', rate_limit: '20/m' }] },
  });
  proxied.server.answerAll(() => ok());
  const clients = await Promise.all(Array.from({ length: 5 }, () => proxied.client()));
  const answers = (
    await Promise.all(clients.map(async (client) => [...Array(6)].map(() => client.ask(get('/')))))
  ).flat();
  const statuses = (await Promise.all(answers)).map((it) => it.status);
  t.equal(statuses.filter((it) => it === 200).length, 20);
  t.equal(statuses.filter((it) => it === 429).length, 10);
  const refused = await (clients[0] as Peer).ask(get('/'));
  t.equal(refused.status, 429);
  t.equal(JSON.parse(refused.body).code, 'limited');
  const retryAfter = Number(fieldOf(refused, 'retry-after'));
  t.ok(retryAfter >= 1 && retryAfter <= 65, `Retry-After: ${retryAfter}`);
  t.ok(fieldOf(refused, 'ratelimit'));
  t.match(fieldOf(refused, 'ratelimit-policy'), /q=20;w=60/);
  const other = await proxied.client({ localAddress: '127.0.0.2' });
  t.equal((await other.ask(get('/'))).status, 200, 'another client has its own');
});

t.test('X-Forwarded-For of a stranger is no way around', async (t) => {
  await using proxied = await Proxied.start({ listener: { rate_limit: '3/m' } });
  proxied.server.answerAll(() => ok());
  const client = await proxied.client();
  const statuses: number[] = [];
  for (let i = 0; i < 6; i++)
    statuses.push((await client.ask(get('/', `X-Forwarded-For: 10.0.0.${i}\r\n`))).status);
  t.same(statuses, [200, 200, 200, 429, 429, 429]);
});

t.test('behind a trusted proxy each client has its own', async (t) => {
  await using proxied = await Proxied.start({
    listener: { rate_limit: '1/m', trusted_proxies: ['127.0.0.1'] },
  });
  proxied.server.answerAll(() => ok());
  const client = await proxied.client();
  for (let i = 0; i < 3; i++)
    t.equal((await client.ask(get('/', `X-Forwarded-For: 10.0.0.${i}\r\n`))).status, 200);
  t.equal((await client.ask(get('/', 'X-Forwarded-For: 10.0.0.1\r\n'))).status, 429);
});

t.test('addresses that a route denies', async (t) => {
  const routes = [
    { name: 'private', match: { path: '/private/*' }, pool: 'web', ip_allow: ['127.0.0.2/32'] },
    { name: 'all', pool: 'web', ip_deny: ['127.0.0.3'] },
  ];
  await using proxied = await Proxied.start({ file: { routes } });
  proxied.server.answerAll(() => ok());
  const table: [string, string, number][] = [
    ['127.0.0.1', '/', 200],
    ['127.0.0.3', '/', 403],
    ['127.0.0.1', '/private/x', 403],
    ['127.0.0.2', '/private/x', 200],
    ['127.0.0.1', '/%70rivate/x', 403],
    ['127.0.0.1', '/./x/../private/x', 403],
    ['127.0.0.1', '//private/x', 403],
    ['127.0.0.1', '/privately', 200],
  ];
  for (const [localAddress, path, status] of table) {
    const client = await proxied.client({ localAddress });
    t.equal((await client.ask(get(path))).status, status, `${localAddress} ${path}`);
  }
});

t.test('addresses that a listener denies get no connection', async (t) => {
  await using proxied = await Proxied.start({ listener: { ip_deny: ['127.0.0.3'] } });
  const denied = await proxied.client({ localAddress: '127.0.0.3' });
  t.equal(await denied.rest(), '');
});

t.test('connections beyond the cap are closed, and a place that is free again is given (B53)', async (t) => {
  await using proxied = await Proxied.start({ listener: { limits: { max_connections: 2 } } });
  proxied.server.answerAll(() => ok());
  const first = await proxied.client();
  const second = await proxied.client();
  t.equal((await first.ask(get('/'))).status, 200);
  t.equal((await second.ask(get('/'))).status, 200);
  const third = await proxied.client();
  t.equal(await third.rest(), '');
  first.destroy();
  await proxied.daemon.until('a place is free', () => proxied.daemon.inFlight() === 1);
  const fourth = await proxied.client();
  t.equal((await fourth.ask(get('/'))).status, 200);
});

t.test('a redirecting listener looks at nothing but where to send the client', async (t) => {
  await using proxied = await Proxied.start({
    file: {
      certificates: { local: { self_signed: ['localhost'] } },
      listeners: {
        http: { address: '127.0.0.1', port: 0, redirect: 'https' },
        https: { address: '127.0.0.1', port: 0, tls: { certificates: ['local'] } },
      },
    },
  });
  const port = proxied.daemon.port('https');
  const client = await proxied.client({ listener: 'http' });
  const answer = await client.ask('GET /a%2Fb?c=d HTTP/1.1\r\nHost: shop.example:8080\r\n\r\n');
  t.equal(answer.status, 308);
  t.equal(fieldOf(answer, 'location'), `https://shop.example:${port}/a%2Fb?c=d`);
  const head = await client.ask('HEAD / HTTP/1.1\r\nHost: shop.example\r\n\r\n');
  t.equal(head.status, 308);
  const post = await client.ask('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi');
  t.equal(post.status, 308, 'the method stays');
});
