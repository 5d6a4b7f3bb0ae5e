/** What gRPC clients hear when Sluice answers itself, or breaks off: a status of gRPC with the reason in it. */
import { once } from 'node:events';
import { status } from '@grpc/grpc-js';
import t from 'tap';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { GrpcClient, GrpcServer } from '../support/grpc-echo.ts';
import { type H2Answer, H2Client, read } from '../support/h2-client.ts';
import { FrameServer } from '../support/h2-frame-server.ts';
import { CODE } from '../support/h2-frames.ts';
import { Peer } from '../support/peer.ts';
import { type Changes, onePool } from '../support/proxied.ts';

async function start(address: string, changes: Changes = {}) {
  const daemon = await DaemonFixture.start(
    onePool([], {
      ...changes,
      listener: { h2c: true, ...changes.listener },
      pool: { servers: [address], upstream: { protocol: 'h2c' }, ...changes.pool },
    }),
  );
  const client = new GrpcClient(daemon.port());
  return {
    daemon,
    client,
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      await daemon[Symbol.asyncDispose]();
    },
  };
}

// Its frame, and `text: "hello"`.
const MESSAGE = Buffer.from('00000000070a0568656c6c6f', 'hex');

const GRPC_TYPE = ['content-type', 'application/grpc'] as const;

t.test('nobody there: UNAVAILABLE', async (t) => {
  const gone = await FrameServer.open();
  const { address } = gone;
  await gone[Symbol.asyncDispose]();
  await using setting = await start(address);
  const { status: end } = await setting.client.unary({ text: 'a' });
  t.equal(end.code, status.UNAVAILABLE);
  t.match(end.details, /^connect_error: .*ECONNREFUSED/);
});

t.test('no route: UNIMPLEMENTED', async (t) => {
  await using server = await GrpcServer.start();
  await using setting = await start(server.address, {
    file: { routes: [{ name: 'other', match: { path: '/other/*' }, pool: 'web' }] },
  });
  const { status: end } = await setting.client.unary({ text: 'a' });
  t.match(end, { code: status.UNIMPLEMENTED, details: 'no_route: No such route' });
});

t.test('the timeout of the route, and of the first answer: DEADLINE_EXCEEDED', async (t) => {
  await using server = await GrpcServer.start();
  for (const changes of [
    { file: { routes: [{ name: 'all', pool: 'web', timeout: '200ms' }] } },
    {
      pool: {
        servers: [server.address],
        retry: 1,
        upstream: { protocol: 'h2c', first_byte_timeout: '200ms' },
      },
    },
  ] satisfies Changes[]) {
    await using setting = await start(server.address, changes);
    // With a connection at hand the call reaches the server long before its time is over.
    t.equal((await setting.client.unary({ text: 'first' })).status.code, status.OK);
    const seen = server.nextCall();
    const { status: end } = await setting.client.unary({ text: '!hang' });
    t.equal(end.code, status.DEADLINE_EXCEEDED);
    t.match(end.details, /^(?:route|upstream)_timeout/);
    await (await seen).cancelled;
  }
});

t.test('too large: RESOURCE_EXHAUSTED', async (t) => {
  await using server = await GrpcServer.start();
  await using setting = await start(server.address, { listener: { limits: { max_body_size: '64KiB' } } });
  const { status: end } = await setting.client.unary({ data: Buffer.alloc(200_000) });
  t.equal(end.code, status.RESOURCE_EXHAUSTED);
});

t.test('a server that breaks off in the midst of a stream: UNAVAILABLE', async (t) => {
  for (const how of ['reset', 'connection'] as const) {
    await using server = await FrameServer.open();
    await using setting = await start(server.address);
    const call = setting.client.expand({ count: 2 });
    call.on('error', () => {});
    const link = await server.link();
    const stream = await link.request();
    link.head(stream, [
      [':status', '200'],
      ['content-type', 'application/grpc'],
    ]);
    link.data(stream, MESSAGE);
    await once(call, 'data');
    const ended = new Promise((resolve) => call.on('status', resolve));
    if (how === 'reset') link.reset(stream, CODE.internal);
    else link.socket.destroy();
    t.match(await ended, { code: status.UNAVAILABLE, details: /^upstream_reset/ }, how);
  }
});

t.test('B4: what only calls itself a call is cut off so that it does not look whole', async (t) => {
  const page = [
    [':status', '200'],
    ['content-type', 'text/html'],
  ] as const;
  const call = [[':status', '200'], GRPC_TYPE] as const;
  for (const { over, head } of [
    { over: 'HTTP/2', head: page },
    { over: 'HTTP/1.1', head: page },
    { over: 'HTTP/1.1', head: call },
  ]) {
    await using server = await FrameServer.open();
    await using setting = await start(server.address);
    const port = setting.daemon.port();
    await using one = over === 'HTTP/2' ? await H2Client.open(port) : await Peer.connect(port);
    const asked =
      one instanceof Peer
        ? one.write('GET / HTTP/1.1\r\nHost: t.example\r\nContent-Type: application/grpc\r\n\r\n')
        : one.begin({ ':path': '/', 'content-type': 'application/grpc' });
    const answer = asked === undefined ? undefined : read(asked);
    const seen = asked === undefined ? undefined : once(asked, 'data');
    const link = await server.link();
    const stream = await link.request();
    link.head(stream, head);
    link.data(stream, 'half of it');
    // Nothing of it would have been sent yet otherwise, and then it is our own answer.
    await (one instanceof Peer ? one.sees('half of it') : seen);
    link.reset(stream, CODE.internal);
    if (one instanceof Peer) t.match(await one.rest(), /half of it\r\n$/, `${over} ${head[1]}`);
    else t.not((await (answer as Promise<H2Answer>)).code, 0, over);
  }
});

t.test('a call is repeated when no server has begun with it, and not when one may have', async (t) => {
  await using refusing = await FrameServer.open();
  await using server = await GrpcServer.start();
  await using setting = await start(server.address, {
    pool: { algorithm: 'first', servers: [refusing.address, server.address], upstream: { protocol: 'h2c' } },
  });
  const first = setting.client.unary({ text: 'again' });
  const link = await refusing.link();
  link.reset(await link.request(), CODE.refusedStream);
  t.match(await first, { message: { text: 'again' }, status: { code: status.OK } });
  const second = setting.client.unary({ text: 'once' });
  link.reset(await link.request(1), CODE.internal);
  t.equal((await second).status.code, status.UNAVAILABLE);
  t.equal(server.calls.length, 1);
});

t.test('servers that say UNAVAILABLE are ejected like those that say 503', async (t) => {
  await using server = await GrpcServer.start();
  await using other = await GrpcServer.start();
  await using setting = await start(server.address, {
    pool: {
      algorithm: 'first',
      servers: [server.address, other.address],
      upstream: { protocol: 'h2c' },
      outlier_detection: { consecutive_errors: 3, max_ejected: '50%' },
    },
  });
  const { registry } = setting.daemon.daemon;
  for (let i = 0; i < 3; i++) {
    const { status: end } = await setting.client.unary({ text: '!code 14 busy' });
    t.match(end, { code: status.UNAVAILABLE, details: 'busy' });
  }
  await setting.daemon.until(
    'its ejection',
    () => registry.server('web', server.address).state === 'ejected',
  );
  t.equal((await setting.client.unary({ text: 'hello' })).message?.text, 'hello');
  t.equal(other.calls.length, 1);
});

t.test('a call may be silent for longer than a body of HTTP may', async (t) => {
  await using server = await GrpcServer.start();
  await using setting = await start(server.address, { listener: { limits: { body_timeout: '300ms' } } });
  const call = setting.client.chat();
  call.write({ text: 'a' });
  await once(call, 'data');
  // Three times the silence that a body may have; the wire looks four times a second.
  await new Promise((resolve) => setTimeout(resolve, 900));
  call.write({ text: 'b' });
  const [message] = await once(call, 'data');
  t.equal(message.text, 'echo b');
  const ended = new Promise((resolve) => call.on('status', resolve));
  call.end();
  t.match(await ended, { code: status.OK });
});
