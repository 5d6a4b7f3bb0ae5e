/** How connections of HTTP/2 end: drains and reloads announce it, what is under way is answered, nobody is waited for for ever. */
import { once } from 'node:events';
import t from 'tap';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { H2Client } from '../support/h2-client.ts';
import { FrameClient, frame, REQUEST, request, TYPE } from '../support/h2-frames.ts';
import { ok } from '../support/peer.ts';
import { onePool, Proxied } from '../support/proxied.ts';

const isGoaway = (it: { type: number }): boolean => it.type === TYPE.goaway;

t.test('a reload that removes the listener: GOAWAY, answers, the end', async (t) => {
  await using proxied = await Proxied.start({
    file: {
      listeners: {
        http: { address: '127.0.0.1', port: 0, h2c: true },
        other: { address: '127.0.0.1', port: 0 },
      },
    },
  });
  await using client = await FrameClient.greet(proxied.daemon.port('http'));
  await using idle = await FrameClient.greet(proxied.daemon.port('http'));
  client.ask(1, REQUEST);
  const server = await proxied.server.accept();
  await server.request();
  const input = onePool(proxied.servers);
  const reload = proxied.daemon.reload({ ...input, listeners: { other: { address: '127.0.0.1', port: 0 } } });
  const goaway = await client.until('GOAWAY', isGoaway);
  t.equal(goaway.payload.readUInt32BE(0), 1, 'the request that is under way is the last');
  t.equal(goaway.payload.readUInt32BE(4), 0, 'without error');
  await idle.until('GOAWAY', isGoaway);
  await idle.closed();
  server.write(ok('in time'));
  t.same(await client.ending(1), { kind: 'answer', status: 200 });
  t.equal(client.bodyOf(1), 'in time');
  await client.closed();
  await reload;
});

t.test('a reload that keeps the listener keeps its connections', async (t) => {
  await using proxied = await Proxied.start({ listener: { h2c: true } });
  proxied.server.answerAll(() => ok());
  await using client = await FrameClient.greet(proxied.daemon.port());
  client.ask(1, REQUEST);
  t.equal((await client.ending(1)).kind, 'answer');
  await proxied.daemon.reload(
    onePool(proxied.servers, {
      listener: { h2c: true },
      file: { routes: [{ name: 'new', respond: { status: 200, body: 'hi' } }], pools: {} },
    }),
  );
  client.ask(3, REQUEST);
  t.equal((await client.ending(3)).kind, 'answer');
  t.equal(client.bodyOf(3), 'hi', 'by the new routes');
  t.notOk(client.frames.some(isGoaway));
});

t.test('a drain answers what is under way, and cuts what takes longer (B49)', async (t) => {
  const proxied = await Proxied.start({
    listener: { h2c: true },
    file: { shutdown: { drain_timeout: '300ms' } },
  });
  const h2 = await H2Client.open(proxied.daemon.port());
  const quick = h2.ask({ ':path': '/quick' });
  const server = await proxied.server.accept();
  await server.request();
  const slow = h2.begin({ ':path': '/slow' });
  const other = await proxied.server.accept();
  await other.request();
  const goaway = once(h2.session, 'goaway');
  const stopped = proxied.daemon.daemon.stop();
  const [code] = await goaway;
  t.equal(code, 0);
  server.write(ok('quick'));
  t.equal(String((await quick).body), 'quick');
  if (!slow.destroyed) await once(slow, 'close').catch(() => {});
  t.not(slow.rstCode, 0, 'cut');
  await stopped;
  await proxied[Symbol.asyncDispose]();
});

t.test('a client that does not close after GOAWAY is not waited for', async (t) => {
  await using daemon = await DaemonFixture.start({
    listeners: { http: { address: '127.0.0.1', port: 0, h2c: true, limits: { idle_timeout: '100ms' } } },
    routes: [{ respond: { status: 200, body: 'hi' } }],
  });
  await using client = await FrameClient.greet(daemon.port());
  client.socket.removeAllListeners('end');
  client.socket.allowHalfOpen = true;
  client.ask(1, REQUEST);
  t.equal((await client.ending(1)).kind, 'answer');
  await daemon.until('no connection', () => daemon.inFlight() === 0, 10_000);
  t.ok(client.frames.some(isGoaway));
});

t.test('a body that stalls is a 408, one that nobody asked for any more is excused', async (t) => {
  await using proxied = await Proxied.start({ listener: { h2c: true, limits: { body_timeout: '300ms' } } });
  await using client = await FrameClient.greet(proxied.daemon.port());
  client.ask(1, request({ ':method': 'POST' }), 0);
  client.send(frame(TYPE.data, 0, 1, 'some'));
  const server = await proxied.server.accept();
  await server.requestHead();
  await client.ending(1);
  t.match(client.bodyOf(1), /"code":"body_timeout"/);
  await server.ended();
  client.ask(3, request({ ':method': 'POST' }));
  const next = await proxied.server.accept();
  await next.request();
  next.write(ok());
  t.equal((await client.ending(3)).kind, 'answer', 'the connection goes on');
});
