/** Servers of HTTP/2 that let no stream be opened for a while, or fewer than are open. */
import { once } from 'node:events';
import { createServer, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { FrameServed } from '../support/frame-served.ts';
import type { FrameLink } from '../support/h2-frame-server.ts';
import { CODE } from '../support/h2-frames.ts';
import { get, Peer } from '../support/peer.ts';
import { onePool } from '../support/proxied.ts';

const POST = 'POST / HTTP/1.1\r\nHost: t.example\r\nContent-Length: 5\r\n\r\nhello';

/** A connection to the first server that was used, and then shut. */
async function shut(setting: FrameServed): Promise<FrameLink> {
  const client = await setting.client();
  client.write(get('/'));
  const link = await setting.server.link();
  link.answer(await link.request(), 'one');
  await client.answer();
  await link.allow(0);
  return link;
}

t.test('requests wait, and go on when the server takes them again', async (t) => {
  await using setting = await FrameServed.start({ upstream: { connect_timeout: '30s' } });
  const link = await shut(setting);
  const clients = [await setting.client(), await setting.client()];
  for (const client of clients) client.write(POST);
  await setting.daemon.until('both', () => setting.daemon.inFlightOf('web', setting.server.address) === 2);
  await link.allow(1);
  const next = await setting.server.link(1);
  next.answer(await next.request(), 'done');
  link.answer(await link.request(1), 'done');
  for (const client of clients) {
    const answer = await client.answer();
    t.same([answer.status, answer.body], [200, 'done']);
  }
});

t.test('where another server is free they go there, which is no failure', async (t) => {
  await using setting = await FrameServed.start({ retry: 1 }, 2);
  await shut(setting);
  const client = await setting.client();
  for (let i = 0; i < 2; i++) {
    client.write(POST);
    const link = await (setting.servers[1] as FrameServed['server']).link();
    link.answer(await link.request(i), 'other');
    t.equal((await client.answer()).body, 'other');
  }
  t.equal(setting.server.links.length, 1);
});

t.test('nobody waits for ever: 503, and the server is not blamed', async (t) => {
  await using setting = await FrameServed.start({
    upstream: { connect_timeout: '200ms' },
    circuit_breaker: { consecutive_errors: 1, open_time: '60s' },
  });
  const link = await shut(setting);
  const client = await setting.client();
  client.write(POST);
  const answer = await client.answer();
  t.equal(answer.status, 503);
  const { code, detail } = JSON.parse(answer.body);
  t.equal(code, 'queue_full');
  t.match(detail, /no stream be opened for 200 ms/);
  t.ok(answer.fields.some(([name]) => name === 'retry-after'));
  await link.allow(1);
  client.write(POST);
  link.answer(await link.request(1), 'again');
  t.equal((await client.answer()).body, 'again');
});

t.test('a client that leaves while it waits is forgotten', async (t) => {
  await using setting = await FrameServed.start({ upstream: { connect_timeout: '30s' } });
  const link = await shut(setting);
  const [leaving, staying] = [await setting.client(), await setting.client()];
  leaving.write(POST);
  await setting.daemon.until('it', () => setting.daemon.inFlightOf('web', setting.server.address) === 1);
  leaving.destroy();
  await setting.daemon.until('its end', () => setting.daemon.inFlightOf('web', setting.server.address) === 0);
  staying.write(get('/'));
  await setting.daemon.until(
    'the other',
    () => setting.daemon.inFlightOf('web', setting.server.address) === 1,
  );
  await link.allow(5);
  link.answer(await link.request(1), 'here');
  t.equal((await staying.answer()).body, 'here');
});

t.test('what was sent before the server had said so is refused, and waits like the rest', async (t) => {
  await using setting = await FrameServed.start({ upstream: { connect_timeout: '30s' } });
  const client = await setting.client();
  client.write(POST);
  const link = await setting.server.link();
  const stream = await link.request();
  await link.allow(0);
  link.reset(stream, CODE.refusedStream);
  await link.allow(1);
  link.answer(await link.request(1), 'done');
  t.equal((await client.answer()).body, 'done');
  t.equal(setting.server.links.length, 1);
});

t.test('a server of node:http2 that takes nothing at first', async (t) => {
  const server = createServer({ settings: { maxConcurrentStreams: 0 } }, (_request, response) => {
    response.end('taken');
  });
  const sessions: ServerHttp2Session[] = [];
  server.on('session', (session) => sessions.push(session));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  await using daemon = await DaemonFixture.start(
    onePool([], {
      pool: { servers: [address], upstream: { protocol: 'h2c', connect_timeout: '30s' } },
    }),
  );
  await using client = await Peer.connect(daemon.port());
  client.write(get('/'));
  const [session] = (await once(server, 'session')) as [ServerHttp2Session];
  await once(session, 'localSettings');
  session.settings({ maxConcurrentStreams: 3 });
  t.equal((await client.answer()).body, 'taken');
  for (const each of sessions) each.destroy();
  server.close();
});
