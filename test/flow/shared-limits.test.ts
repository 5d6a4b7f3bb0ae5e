/** Limits that two daemons share in a real Redis: exact over both, and local while it cannot be asked. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { FileInput } from '../../src/config/schema/file.ts';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { component } from '../support/needs.ts';
import { get, Peer } from '../support/peer.ts';
import { RedisServer, untilLocal } from '../support/redis.ts';

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
  t.match(logOf(fixture), /"why":"no answer within 200 ms"/);
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
  t.match(logOf(fixture), /NOAUTH|Authentication required/, 'without its password it says no');
  t.equal(count(await statusesOf([fixture.port()], 8, 'ann'), 200), 0, 'the count here was kept');
});
