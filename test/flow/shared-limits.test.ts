/** Limits that two daemons share in a real Redis: exact over both, and local while it cannot be asked. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { FileInput } from '../../src/config/schema/file.ts';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { component } from '../support/needs.ts';
import { get, Peer } from '../support/peer.ts';
import { localThreads, RedisServer, untilLocal } from '../support/redis.ts';
import { authorityFor, materialFor } from '../support/tls-fixture.ts';

/** Data threads of each daemon; each has a connection of its own to Redis. */
const THREADS = 2;
/** So that a busy machine is not taken for a Redis that is gone. */
const PATIENT = { timeout: '10s' };

function input(url: string, rateLimit: object, shared: object = {}): FileInput {
  return {
    threads: THREADS,
    listeners: { http: { address: '127.0.0.1', port: 0 } },
    shared_limits: { url, ...shared },
    routes: [{ name: 'all', respond: 200, rate_limit: { shared: true, ...rateLimit } as never }],
  };
}

const logOf = ({ folder }: DaemonFixture): string => readFileSync(join(folder, 'log'), 'utf8');

/** How many commands it has refused. */
async function refusalsOf(redis: RedisServer): Promise<number> {
  return Number(/^total_error_replies:(\d+)/m.exec(await redis.info('stats'))?.[1]);
}

async function untilRefused(redis: RedisServer, refusals: number): Promise<void> {
  for (let tries = 0; (await refusalsOf(redis)) < refusals; tries++) {
    if (tries > 400) throw new Error(`${await refusalsOf(redis)} refusals, not ${refusals}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

async function statusesOf(ports: readonly number[], requests: number, user: string): Promise<number[]> {
  const clients = await Promise.all(
    Array.from({ length: 8 }, (_, i) => Peer.connect(ports[i % ports.length] as number)),
  );
  const statuses: number[] = [];
  const work = clients.map(async (client, index) => {
    for (let i = index; i < requests; i += clients.length)
      statuses.push((await client.ask(get('/', `X-User: ${user}\r\n`))).status);
  });
  await Promise.all(work);
  for (const client of clients) await client[Symbol.asyncDispose]();
  return statuses;
}

const count = (statuses: readonly number[], status: number): number =>
  statuses.filter((it) => it === status).length;

t.test('B52 over two daemons exact, by client and in all', { skip: component('redis-server') }, async (t) => {
  await using redis = await RedisServer.start();
  const config = input(redis.url, { rate: '200/h', key: 'header:x-user' }, PATIENT);
  await using one = await DaemonFixture.start(config);
  await using two = await DaemonFixture.start(config);
  for (const fixture of [one, two]) await untilLocal(fixture, 0);
  const ports = [one.port(), two.port()];
  const ann = await statusesOf(ports, 600, 'ann');
  t.equal(count(ann, 200), 200);
  t.equal(count(ann, 429), 400);
  t.equal(count(await statusesOf(ports, 60, 'bob'), 200), 60, 'another client has its own');
  const client = await Peer.connect(two.port());
  const refused = await client.ask(get('/', 'X-User: ann\r\n'));
  t.equal(JSON.parse(refused.body).code, 'limited');
  t.match(refused.fields.find(([name]) => name.toLowerCase() === 'retry-after')?.[1], /^3[56]\d\d$/);
  await client[Symbol.asyncDispose]();
});

t.test('killed under load: local, told, and back', { skip: component('redis-server') }, async (t) => {
  await using redis = await RedisServer.start();
  await using fixture = await DaemonFixture.start(
    input(redis.url, { rate: '100000/h', key: 'header:x-user' }, PATIENT),
  );
  await untilLocal(fixture, 0);
  let isOver = false;
  const statuses: number[] = [];
  const load = Promise.all(
    Array.from({ length: 8 }, async () => {
      const client = await Peer.connect(fixture.port());
      while (!isOver) statuses.push((await client.ask(get('/', 'X-User: ann\r\n'))).status);
      await client[Symbol.asyncDispose]();
    }),
  );
  await redis.kill();
  await untilLocal(fixture, THREADS);
  const before = statuses.length;
  await fixture.until('requests go on', () => statuses.length > before + 100);
  await redis.start();
  await untilLocal(fixture, 0);
  const after = statuses.length;
  await fixture.until('requests go on', () => statuses.length > after + 100);
  isOver = true;
  await load;
  t.equal(count(statuses, 200), statuses.length, `${statuses.length} requests, none failed`);
  t.match(logOf(fixture), /"limits go on locally: what they are shared in cannot be asked"/);
  t.match(logOf(fixture), /"limits are shared again"/);
  t.match(await fixture.daemon.metrics.render(), /sluice_shared_limits_local_total\{thread="\d"\} [1-9]/);
});

t.test('silent, and a limit that holds without it', { skip: component('redis-server') }, async (t) => {
  await using redis = await RedisServer.start();
  await using fixture = await DaemonFixture.start(input(redis.url, { rate: '50/h', key: 'header:x-user' }));
  await untilLocal(fixture, 0);
  t.equal(count(await statusesOf([fixture.port()], 20, 'ann'), 200), 20);
  redis.freeze();
  // 20 were let in before: what this daemon knows it does not forget.
  t.equal(count(await statusesOf([fixture.port()], 80, 'ann'), 200), 30);
  await untilLocal(fixture, THREADS);
  await fixture.until('why', () => /"why":"no answer within 200 ms"/.test(logOf(fixture)));
  redis.thaw();
  await untilLocal(fixture, 0);
});

t.test('not there at the start, and a password', { skip: component('redis-server') }, async (t) => {
  const password = 'not-so-secret-but-long';
  await using redis = await RedisServer.start(['--requirepass', password]);
  await redis.kill();
  await using fixture = await DaemonFixture.start(input(redis.url, { rate: '5/h' }, { password }));
  await untilLocal(fixture, THREADS);
  t.equal(count(await statusesOf([fixture.port()], 8, 'ann'), 200), 5, 'local from the start');
  await redis.start();
  await untilLocal(fixture, 0);
  t.notMatch(logOf(fixture), password);
  await fixture.reload(input(redis.url, { rate: '5/h' }));
  await untilLocal(fixture, THREADS);
  await fixture.until('it says no', () => /NOAUTH|Authentication required/.test(logOf(fixture)));
  t.equal(count(await statusesOf([fixture.port()], 8, 'ann'), 200), 0, 'the count here was kept');
});

t.test(
  'answers, but refuses to write: local until it writes again',
  { skip: component('redis-server') },
  async (t) => {
    await using redis = await RedisServer.start();
    const config = { ...input(redis.url, { rate: '1000/h', key: 'header:x-user' }, PATIENT), threads: 1 };
    await using fixture = await DaemonFixture.start(config);
    await untilLocal(fixture, 0);
    const lines = (text: string): number => logOf(fixture).split(text).length - 1;
    const causes: [what: string, begin: string, end: string, why: RegExp][] = [
      ['a replica', 'REPLICAOF 127.0.0.1 1', 'REPLICAOF NO ONE', /"why":"READONLY /],
      ['no memory', 'CONFIG SET maxmemory 1', 'CONFIG SET maxmemory 0', /"why":"OOM /],
      [
        'too few replicas',
        'CONFIG SET min-replicas-to-write 1',
        'CONFIG SET min-replicas-to-write 0',
        /"why":"NOREPLICAS /,
      ],
      [
        'not allowed',
        'ACL SETUSER default -incrby',
        'ACL SETUSER default +@all',
        /"why":"[^"]*can't run this command/,
      ],
    ];
    for (const [index, [what, begin, end, why]] of causes.entries()) {
      await redis.command(begin);
      await using client = await Peer.connect(fixture.port());
      t.equal((await client.ask(get('/', 'X-User: ann\r\n'))).status, 200, `${what}: served`);
      await untilLocal(fixture, 1);
      // What is logged comes to the main thread a little later than what is counted.
      await fixture.until(`${what}: told`, () => lines('limits go on locally') > index);
      // Longer than several looks at it take: it is asked, refuses, and stays what it is.
      const before = await refusalsOf(redis);
      await untilRefused(redis, before + 4);
      t.equal(await localThreads(fixture), 1, `${what}: still local`);
      t.equal((await client.ask(get('/', 'X-User: ann\r\n'))).status, 200, `${what}: still served`);
      t.match(logOf(fixture), why);
      t.equal(lines('limits go on locally'), index + 1, `${what}: said once`);
      t.equal(lines('limits are shared again'), index, `${what}: and not taken back`);
      await redis.command(end);
      await untilLocal(fixture, 0);
      await fixture.until(`${what}: told to be over`, () => lines('limits are shared again') > index);
      t.equal(lines('limits are shared again'), index + 1, `${what}: over, said once`);
    }
  },
);

t.test('refuses to write from the start', { skip: component('redis-server') }, async (t) => {
  await using redis = await RedisServer.start(['--min-replicas-to-write', '1']);
  await using fixture = await DaemonFixture.start({ ...input(redis.url, { rate: '5/h' }), threads: 1 });
  await untilRefused(redis, 4);
  t.equal(await localThreads(fixture), 1);
  t.equal(count(await statusesOf([fixture.port()], 8, 'ann'), 200), 5);
  t.equal(logOf(fixture).split('limits go on locally').length - 1, 1, 'said once');
  await redis.command('CONFIG SET min-replicas-to-write 0');
  await untilLocal(fixture, 0);
});

t.test('over TLS, by an authority of our own', { skip: component('redis-server') }, async (t) => {
  const authority = authorityFor();
  const { certPem, keyPem } = materialFor(authority, 'redis', ['127.0.0.1']);
  const folder = t.testdir({
    'redis.crt': certPem,
    'redis.key': keyPem,
    'ca.crt': authority.certPem,
    'other.crt': authorityFor().certPem,
  });
  const [ca, other] = [join(folder, 'ca.crt'), join(folder, 'other.crt')];
  await using redis = await RedisServer.startTls(join(folder, 'redis.crt'), join(folder, 'redis.key'));
  const file = (url: string, more: object): FileInput =>
    input(url, { rate: '50/h', key: 'header:x-user' }, { ...PATIENT, ...more });
  await using one = await DaemonFixture.start(file(redis.url, { ca }));
  await using two = await DaemonFixture.start(file(redis.url, { ca }));
  for (const fixture of [one, two]) await untilLocal(fixture, 0);
  t.equal(count(await statusesOf([one.port(), two.port()], 80, 'ann'), 200), 50, 'shared by both');
  const refused: [what: string, url: string, more: object, why: RegExp][] = [
    ['another authority', redis.url, { ca: other }, /"why":"[^"]*(self-signed|unable to (verify|get))/],
    ['the authorities of the system', redis.url, {}, /"why":"[^"]*(self-signed|unable to (verify|get))/],
    [
      'another name',
      redis.url.replace('127.0.0.1', 'localhost'),
      { ca },
      /"why":"[^"]*does not match certificate/,
    ],
  ];
  for (const [what, url, more, why] of refused) {
    await using fixture = await DaemonFixture.start(file(url, more));
    await fixture.until(what, () => logOf(fixture).includes('limits go on locally'));
    t.match(logOf(fixture), why, what);
    t.equal(await localThreads(fixture), THREADS, `${what}: not asked`);
  }
});
