/** Servers out of DNS: they come, stay and go as DNS says, and a resolver that fails takes none away (B27). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { FileInput } from '../../src/config/schema/file.ts';
import type { EventMap } from '../../src/observe/index.ts';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { type DnsRecord, DnsServer } from '../support/dns-server.ts';
import { fieldOf, get, ok, Peer, RawServer } from '../support/peer.ts';

type ServerInput = NonNullable<FileInput['servers']>[number];

const file = (servers: readonly ServerInput[], pool: object = {}): FileInput => ({
  listeners: { http: { address: '127.0.0.1', port: 0 } },
  routes: [{ name: 'all', pool: 'web' }],
  pools: { web: { algorithm: 'round_robin', servers: [...servers], health: false, ...pool } },
});

/** SRV records, since all servers of a test listen on one address. */
const records = (servers: readonly RawServer[], more: Partial<DnsRecord> = {}): DnsRecord[] =>
  servers.map((it) => ({
    type: 'SRV',
    target: 'here.internal',
    port: Number(it.address.split(':')[1]),
    ttl: 1,
    ...more,
  })) as DnsRecord[];

async function openAll(count: number): Promise<RawServer[]> {
  const servers = await Promise.all(Array.from({ length: count }, (_, i) => RawServer.open(`server ${i}`)));
  for (const server of servers) server.answerAll(() => ok(server.address));
  return servers;
}

const NAME = '_http._tcp.books.internal';
const srv = (dns: DnsServer): ServerInput => ({ srv: NAME, resolver: dns.address, refresh: '100ms' });

async function bodies(fixture: DaemonFixture, count: number): Promise<string[]> {
  await using client = await Peer.connect(fixture.port());
  const seen = new Set<string>();
  for (let i = 0; i < count; i++) seen.add((await client.ask(get('/'))).body);
  return [...seen].sort();
}

const addresses = (...servers: RawServer[]): string[] => servers.map((it) => it.address).sort();

t.test('servers come and go with the answers; who stays keeps its slot and its counts (B27)', async (t) => {
  await using dns = await DnsServer.open();
  const [a, b, c] = (await openAll(3)) as [RawServer, RawServer, RawServer];
  dns.setAddresses('here.internal', ['127.0.0.1']);
  dns.set(NAME, ...records([a, b]));
  {
    await using fixture = await DaemonFixture.start(file([srv(dns)]));
    const { daemon } = fixture;
    t.same(await bodies(fixture, 4), addresses(a, b));
    const before = daemon.registry.server('web', b.address);
    t.match(before, { origin: 'dns', definition: { foundAs: 'here.internal' } });
    const added = daemon.events.once('server_change', (it) => it.server === c.address);
    const reloaded = daemon.events.once('discovery', (it) => it.servers === 2);
    dns.set(NAME, ...records([b, c]));
    t.match(await added, { change: 'added' });
    t.match(await reloaded, { pool: 'web', name: NAME, outcome: 'found', why: '' });
    await fixture.until('the new ones are in force', () => daemon.generation === 2);
    t.same(await bodies(fixture, 4), addresses(b, c));
    const after = daemon.registry.server('web', b.address);
    t.same(after.slot, before.slot);
    t.equal(daemon.slots.counters.totals(after.slot.slot).picks, 4);
    const metrics = await daemon.metrics.render();
    t.match(metrics, `sluice_discovery_servers{pool="web",name="${NAME}"} 2`);
    t.match(metrics, /sluice_discovery_lookups_total\{pool="web",name="[^"]+",outcome="found"\} [1-9]/);
  }
  for (const server of [a, b, c]) await server[Symbol.asyncDispose]();
});

t.test('a server that left finishes what it does', async (t) => {
  await using dns = await DnsServer.open();
  await using a = await RawServer.open('a');
  await using b = await RawServer.open('b');
  b.answerAll(() => ok(b.address));
  dns.setAddresses('here.internal', ['127.0.0.1']);
  dns.set(NAME, ...records([a]));
  await using fixture = await DaemonFixture.start(file([srv(dns)]));
  const { daemon } = fixture;
  await using client = await Peer.connect(fixture.port());
  client.write(get('/'));
  const held = await a.accept();
  await held.request();
  const removed = daemon.events.once('server_change', (it) => it.change === 'removed');
  dns.set(NAME, ...records([b]));
  t.match(await removed, { server: a.address });
  await fixture.until('the new one is in force', () => daemon.generation === 2);
  t.same(await bodies(fixture, 2), addresses(b));
  held.write(ok('late, and here'));
  t.equal((await client.answer()).body, 'late, and here');
});

t.test(
  'a resolver that fails, and one that is silent: the servers stay, it is said once (B27)',
  async (t) => {
    await using dns = await DnsServer.open();
    await using a = await RawServer.open('a');
    a.answerAll(() => ok(a.address));
    dns.setAddresses('here.internal', ['127.0.0.1']);
    dns.set(NAME, ...records([a]));
    await using fixture = await DaemonFixture.start(file([srv(dns)]));
    const { daemon } = fixture;
    const told: EventMap['discovery'][] = [];
    daemon.events.on('discovery', (event) => told.push(event));
    const failed = daemon.events.once('discovery', (it) => it.outcome === 'failed');
    dns.mood = 'SERVFAIL';
    t.match(await failed, { servers: 1, why: /SERVFAIL/ });
    await dns.nextAsked(NAME, 'SRV', 5);
    t.same(await bodies(fixture, 2), addresses(a));
    t.equal(told.length, 1, 'it is no news that it still fails');
    const back = daemon.events.once('discovery', (it) => it.outcome === 'found');
    dns.mood = 'NOERROR';
    t.match(await back, { servers: 1 });
    t.equal(daemon.generation, 1, 'nothing had to be put in force');
    const metrics = await daemon.metrics.render();
    t.match(metrics, /sluice_discovery_lookups_total\{[^}]*outcome="failed"\} [1-9]/);
    const lines = readFileSync(join(fixture.folder, 'log'), 'utf8');
    t.equal(lines.split('DNS does not say where the servers are').length - 1, 1, 'one line');
  },
);

t.test('a name without addresses keeps its servers for a while, then they go', async (t) => {
  await using dns = await DnsServer.open();
  await using a = await RawServer.open('a');
  a.answerAll(() => ok(a.address));
  dns.setAddresses('here.internal', ['127.0.0.1']);
  dns.set(NAME, ...records([a]));
  const entry = { srv: NAME, resolver: dns.address, refresh: '100ms', keep_empty: '500ms' };
  await using fixture = await DaemonFixture.start(file([entry]));
  const { daemon } = fixture;
  const empty = daemon.events.once('discovery', (it) => it.outcome === 'empty');
  const gone = daemon.events.once('discovery', (it) => it.outcome === 'empty' && it.servers === 0);
  dns.set(NAME);
  t.match(await empty, { servers: 1, why: /has no addresses/ });
  t.same(await bodies(fixture, 1), addresses(a), 'they are still there');
  await gone;
  await fixture.until('in force', () => daemon.generation === 2);
  await using client = await Peer.connect(fixture.port());
  const answer = await client.ask(get('/'));
  t.equal(answer.status, 503);
  t.match(answer.body, 'no_server');
});

t.test('DNS is down at the start: it starts, answers 503, and serves as soon as DNS does', async (t) => {
  await using dns = await DnsServer.open();
  await using a = await RawServer.open('a');
  a.answerAll(() => ok(a.address));
  dns.mood = 'SERVFAIL';
  dns.setAddresses('here.internal', ['127.0.0.1']);
  dns.set(NAME, ...records([a]));
  await using fixture = await DaemonFixture.start(file([srv(dns)]));
  const { daemon } = fixture;
  t.equal(daemon.isReady, true);
  await using client = await Peer.connect(fixture.port());
  const refused = await client.ask(get('/'));
  t.same([refused.status, /no_server/.test(refused.body)], [503, true]);
  const added = daemon.events.once('server_change', (it) => it.change === 'added');
  dns.mood = 'NOERROR';
  await added;
  await fixture.until('in force', () => daemon.generation === 2);
  t.same(await bodies(fixture, 1), addresses(a));
});

t.test('names and addresses in one pool; a reload keeps what is known while DNS is down', async (t) => {
  await using dns = await DnsServer.open();
  await using a = await RawServer.open('a');
  await using b = await RawServer.open('b');
  a.answerAll(() => ok(a.address));
  b.answerAll((request) => ok(`Host: ${fieldOf(request, 'host')}`));
  dns.setAddresses('books.internal', ['127.0.0.1']);
  const entry = {
    dns: 'Books.internal.',
    port: b.port,
    resolver: dns.address,
    refresh: '100ms',
    family: 'ipv4',
  };
  {
    await using fixture = await DaemonFixture.start(
      file([a.address, entry as ServerInput], { upstream: { host: 'server' } }),
    );
    const { daemon } = fixture;
    const seen = await bodies(fixture, 4);
    t.same(seen, [a.address, `Host: books.internal:${b.port}`].sort(), 'it is asked for by its name');
    const failed = daemon.events.once('discovery', (it) => it.outcome === 'failed');
    dns.mood = 'REFUSED';
    await failed;
    const slower = { ...entry, refresh: '10s', weight: 7 };
    await fixture.reload(file([slower as ServerInput], { upstream: { host: 'server' } }));
    t.match(daemon.registry.servers('web'), [{ definition: { id: b.address, weight: 7 } }]);
    t.same(await bodies(fixture, 2), [`Host: books.internal:${b.port}`]);
    await fixture.reload(file([a.address]));
    const asked = dns.questions.length;
    t.same(await bodies(fixture, 2), addresses(a));
    t.equal(dns.questions.length, asked, 'a name that left the file is asked for no more');
  }
});
