/**
 * A server turns unhealthy, or leaves, while requests wait for it: those that may be made again go to a server that can
 * take them; the others are left to the one that has them, which may still answer.
 */
import t from 'tap';
import type { FileInput } from '../../src/config/schema/file.ts';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { MoodyServer } from '../support/moody-server.ts';
import { get, Peer } from '../support/peer.ts';

const POST = 'POST / HTTP/1.1\r\nHost: t.example\r\nContent-Length: 2\r\n\r\nhi';

const file = (servers: readonly MoodyServer[]): FileInput => ({
  listeners: { http: { address: '127.0.0.1', port: 0 } },
  routes: [{ name: 'all', pool: 'web' }],
  pools: {
    web: {
      algorithm: 'round_robin',
      servers: servers.map((it) => it.address),
      health: { path: '/healthz', interval: '1s', timeout: '1s', rise: 1, fall: 1 },
    },
  },
});

async function turns(fixture: DaemonFixture, server: MoodyServer, to: string): Promise<void> {
  const isThere = (): boolean => fixture.daemon.registry.server('web', server.address).state === to;
  await fixture.until(`${server.name} ${to}`, isThere);
}

t.test('a GET goes elsewhere, a POST that was sent gets its answer late', async (t) => {
  await using good = await MoodyServer.open('good');
  await using sick = await MoodyServer.open('sick');
  await using fixture = await DaemonFixture.start(file([sick]));
  await turns(fixture, sick, 'healthy');
  sick.isMute = true;
  await using reader = await Peer.connect(fixture.port());
  await using writer = await Peer.connect(fixture.port());
  reader.write(get('/'));
  writer.write(POST);
  await sick.holds(2);
  await fixture.reload(file([sick, good]));
  await turns(fixture, good, 'healthy');
  sick.isSick = true;
  t.equal((await reader.answer()).body, 'good', 'the GET was made again');
  await turns(fixture, sick, 'unhealthy');
  for (const held of sick.held) held.answer('late');
  t.equal((await writer.answer()).body, 'late', 'the POST was not cut off');
  t.equal(good.requests, 1, 'and not made twice');
});

t.test('nobody else is there: who waits goes on waiting', async (t) => {
  await using only = await MoodyServer.open('only');
  await using fixture = await DaemonFixture.start(file([only]));
  await turns(fixture, only, 'healthy');
  only.isMute = true;
  await using reader = await Peer.connect(fixture.port());
  reader.write(get('/'));
  await only.holds(1);
  only.isSick = true;
  await turns(fixture, only, 'unhealthy');
  only.held[0]?.answer('slow');
  t.equal((await reader.answer()).body, 'slow');
  t.match(await reader.ask(get('/')), { status: 503 }, 'a new request is refused at once');
});

t.test('the only server that a request knows is replaced, then ends: it follows the reload', async (t) => {
  await using before = await MoodyServer.open('before');
  await using after = await MoodyServer.open('after');
  await using fixture = await DaemonFixture.start(file([before]));
  await turns(fixture, before, 'healthy');
  before.isMute = true;
  await using reader = await Peer.connect(fixture.port());
  reader.write(get('/'));
  await before.holds(1);
  await fixture.reload(file([after]));
  before.resetAll();
  t.equal((await reader.answer()).body, 'after');
});

t.test('what was tried is not tried again after a reload', async (t) => {
  await using first = await MoodyServer.open('first');
  await using second = await MoodyServer.open('second');
  await using fixture = await DaemonFixture.start(file([first]));
  await turns(fixture, first, 'healthy');
  first.isMute = true;
  await using reader = await Peer.connect(fixture.port());
  reader.write(get('/'));
  await first.holds(1);
  await fixture.reload(file([first, second]));
  await turns(fixture, second, 'healthy');
  for (let i = 0; i < 1; i++) first.resetAll();
  t.equal((await reader.answer()).body, 'second');
  t.equal(first.requests, 1);
});

t.test('every server in turn has closed the kept connection: each is asked on a fresh one', async (t) => {
  const servers = await Promise.all(['a', 'b', 'c'].map((name) => MoodyServer.open(name)));
  await using fixture = await DaemonFixture.start(file(servers));
  for (const server of servers) await turns(fixture, server, 'healthy');
  // A connection to each, kept.
  await using client = await Peer.connect(fixture.port());
  for (let i = 0; i < 3; i++) await client.ask(get('/'));
  for (const server of servers) server.isMute = true;
  client.write(get('/'));
  // Whoever has it resets it, on the kept connection and on the fresh one; so does the next.
  for (let tries = 0; tries < 4; tries++) {
    await Promise.race(servers.map((it) => it.holds(1)));
    const holder = servers.find((it) => it.held.length > 0) as MoodyServer;
    holder.held.length = 0;
    holder.resetAll();
  }
  await Promise.race(servers.map((it) => it.holds(1)));
  const last = servers.find((it) => it.held.length > 0) as MoodyServer;
  last.held[0]?.answer();
  t.equal((await client.answer()).body, last.name, 'the third server answers');
  t.same(servers.map((it) => it.requests).sort(), [2, 3, 3]);
  for (const server of servers) await server[Symbol.asyncDispose]();
});
