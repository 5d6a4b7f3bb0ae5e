/** B52 Limits of a tenant: one count over its routes, listeners, wires and data threads, and over reloads. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { FileInput } from '../../src/config/schema/file.ts';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { H2Client } from '../support/h2-client.ts';
import { component } from '../support/needs.ts';
import { fieldOf, get, Peer } from '../support/peer.ts';
import { RedisServer, untilLocal } from '../support/redis.ts';
import { JWT_AUTH, keyOf, tenantNamed, tokenOf } from '../support/tenants.ts';

type Tenants = NonNullable<FileInput['tenants']>;

const HTTP = { address: '127.0.0.1', port: 0 };

function input(tenants: Tenants, ports?: DaemonFixture): FileInput {
  return {
    threads: 2,
    listeners: {
      plain: { ...HTTP, port: ports?.port('plain') ?? 0 },
      h2: { ...HTTP, port: ports?.port('h2') ?? 0, h2c: true },
    },
    routes: [
      { name: 'books', match: { path: '/books' }, respond: 200, auth: 'api_key' },
      { name: 'tokens', match: { path: '/tokens' }, respond: 200, auth: JWT_AUTH },
      {
        name: 'narrow',
        match: { path: '/narrow' },
        respond: 200,
        auth: 'api_key',
        rate_limit: { rate: '2/h', key: 'tenant' },
      },
      { name: 'open', respond: 200 },
    ],
    tenants,
  };
}

const asks = (path: string, tenant: string): string => get(path, `X-API-Key: ${keyOf(tenant)}\r\n`);
const headersOf = (path: string, tenant: string) => ({ ':path': path, 'x-api-key': keyOf(tenant) });
const count = (statuses: readonly number[], status: number): number =>
  statuses.filter((it) => it === status).length;

/** As many requests by each of some clients of each wire, by two routes. */
async function flood(daemon: DaemonFixture, tenant: string, each: number): Promise<number[]> {
  const statuses: number[] = [];
  const token = await tokenOf(tenant);
  const peers = await Promise.all(Array.from({ length: 4 }, () => Peer.connect(daemon.port('plain'))));
  const sessions = await Promise.all(Array.from({ length: 4 }, () => H2Client.open(daemon.port('h2'))));
  await Promise.all([
    ...peers.map(async (peer) => {
      for (let i = 0; i < each; i++)
        statuses.push(
          (
            await peer.ask(
              i % 2 === 0 ? asks('/books', tenant) : get('/tokens', `Authorization: Bearer ${token}\r\n`),
            )
          ).status,
        );
    }),
    ...sessions.map(async (session) => {
      for (let i = 0; i < each; i++) {
        const headers =
          i % 2 === 0
            ? headersOf('/books', tenant)
            : { ':path': '/tokens', authorization: `Bearer ${token}` };
        statuses.push((await session.ask(headers)).status);
      }
    }),
  ]);
  for (const each of [...peers, ...sessions]) await each[Symbol.asyncDispose]();
  return statuses;
}

t.test('B52 two routes share it, over wires, threads and reloads', async (t) => {
  const tenants = { acme: tenantNamed('acme', { rate_limit: '300/h' }), other: tenantNamed('other') };
  await using daemon = await DaemonFixture.start(input(tenants));
  const first = await flood(daemon, 'acme', 20);
  t.equal(count(first, 200), 160);
  const [second] = await Promise.all([
    flood(daemon, 'acme', 60),
    daemon.reload(input({ ...tenants, third: tenantNamed('third') }, daemon)),
  ]);
  t.equal(count(second, 200), 140, 'as many as were left');
  t.equal(count(second, 429), 340);
  t.equal(count(await flood(daemon, 'other', 60), 200), 480, 'another tenant has no limit');
  await using client = await Peer.connect(daemon.port('plain'));
  t.equal((await client.ask(get('/'))).status, 200, 'nor who is none');
  await daemon.reload(input({ ...tenants, acme: tenantNamed('acme', { rate_limit: '301/h' }) }, daemon));
  t.equal((await client.ask(asks('/books', 'acme'))).status, 200, 'another limit counts anew');
});

t.test('what the client, the log and the metrics are told', async (t) => {
  const acme = tenantNamed('acme', { rate_limit: ['3/h', { rate: '1/m', burst: 1, dry_run: true }] });
  await using daemon = await DaemonFixture.start(input({ acme }));
  await using client = await Peer.connect(daemon.port('plain'));
  t.equal((await client.ask(asks('/narrow', 'acme'))).status, 200);
  t.equal((await client.ask(asks('/narrow', 'acme'))).status, 200);
  const narrow = await client.ask(asks('/narrow', 'acme'));
  t.equal(JSON.parse(narrow.body).code, 'limited', 'the route’s own');
  t.equal(fieldOf(narrow, 'ratelimit-policy'), '"tenant";q=2;w=3600');
  t.equal((await client.ask(asks('/books', 'acme'))).status, 200, 'which cost the tenant nothing');
  const refused = await client.ask(asks('/books', 'acme'));
  t.equal(refused.status, 429);
  t.equal(JSON.parse(refused.body).code, 'limited_tenant');
  t.equal(fieldOf(refused, 'ratelimit-policy'), '"tenant";q=3;w=3600');
  t.match(fieldOf(refused, 'ratelimit'), /^"tenant";r=0;t=\d+$/);
  t.match(fieldOf(refused, 'retry-after'), /^3[567]\d\d$/);
  await using h2 = await H2Client.open(daemon.port('h2'));
  const grpc = await h2.ask({
    ':method': 'POST',
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headersOf('/books', 'acme'),
  });
  t.equal(grpc.headers['grpc-status'] ?? grpc.trailers['grpc-status'], '8', 'RESOURCE_EXHAUSTED');
  const unknown = await client.ask(asks('/books', 'nobody'));
  t.equal(unknown.status, 401);

  const metrics = await daemon.daemon.metrics.render();
  t.match(metrics, /sluice_requests_total\{route="books",status_class="4xx",reason="limited_tenant"\} \d/);
  t.match(metrics, /sluice_limited_total\{listener="plain"\} 2\n/);
  t.match(metrics, /sluice_limited_dry_run_total\{listener="plain"\} [1-9]/);
  t.match(readFileSync(join(daemon.folder, 'log'), 'utf8'), /"limit":"tenant:acme\/dry_run"/);
  const file = join(daemon.folder, 'access.log');
  const lines = (): string[] => readFileSync(file, 'utf8').trim().split('\n');
  await daemon.until('all lines', () => lines().length === 7);
  t.match(
    lines()
      .map((line) => JSON.parse(line))
      .filter(({ reason }) => reason.startsWith('limited')),
    [
      { route: 'narrow', reason: 'limited', tenant: 'acme' },
      { route: 'books', reason: 'limited_tenant', tenant: 'acme', pool: undefined },
      { route: 'books', reason: 'limited_tenant', tenant: 'acme', protocol: 'HTTP/2' },
    ],
  );
});

t.test(
  'B52 shared by two daemons, by other routes on each',
  { skip: component('redis-server') },
  async (t) => {
    await using redis = await RedisServer.start();
    const rate = { rate: '100/h', shared: true };
    const tenants = { acme: tenantNamed('acme', { rate_limit: ['90/h', rate] }) };
    const config: FileInput = { ...input(tenants), shared_limits: { url: redis.url, timeout: '10s' } };
    await using one = await DaemonFixture.start(config);
    await using two = await DaemonFixture.start({
      ...config,
      routes: [
        { name: 'others', match: { path: '/books' }, respond: 200, auth: 'api_key' },
        { name: 'more', match: { path: '/tokens' }, respond: 200, auth: JWT_AUTH },
      ],
    });
    for (const each of [one, two]) await untilLocal(each, 0);
    const statuses = (await Promise.all([flood(one, 'acme', 30), flood(two, 'acme', 30)])).flat();
    t.equal(count(statuses, 200), 100);
    t.equal(count(statuses, 429), 380);
  },
);
