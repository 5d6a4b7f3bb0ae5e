/**
 * Slow sides over HTTP/2: a client that opens no window holds its server back and not the memory of the proxy, a server
 * that takes nothing closes the window of its upload; other streams of the connection go on. What arrives is what was sent.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { H2Client, read } from '../support/h2-client.ts';
import { FrameClient, frame, request, TYPE } from '../support/h2-frames.ts';

const MIB = 1024 * 1024;
const BLOCKS = 32;
/** Kernel buffers take some MiB each way; a proxy that reads on regardless takes all. */
const MAX_HELD_BYTES = 16 * MIB;
const STALL_MS = 200;
const block = (i: number): Buffer => Buffer.alloc(MIB, `${i};`);
const hash = createHash('sha256');
for (let i = 0; i < BLOCKS; i++) hash.update(block(i));
const SENT = hash.digest('hex');

let stalled: IncomingMessage | undefined;
const server = createServer((request: IncomingMessage, response: ServerResponse) => {
  if (request.url === '/small') response.end('small');
  else if (request.url === '/upload') {
    stalled = request;
    request.pause();
    const taken = createHash('sha256');
    request.on('data', (chunk) => taken.update(chunk));
    request.pause();
    request.on('end', () => response.end(taken.digest('hex')));
  } else
    void (async () => {
      if (request.url === '/length') response.setHeader('content-length', BLOCKS * MIB);
      for (let i = 0; i < BLOCKS; i++) if (!response.write(block(i))) await once(response, 'drain');
      response.end();
    })().catch(() => {});
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
t.teardown(() => server.close());

const daemon = await DaemonFixture.start({
  certificates: { local: { self_signed: ['localhost'] } },
  listeners: {
    plain: { address: '127.0.0.1', port: 0, h2c: true },
    tls: { address: '127.0.0.1', port: 0, tls: { certificates: ['local'] } },
  },
  routes: [{ pool: 'web' }],
  pools: {
    web: {
      servers: [`127.0.0.1:${(server.address() as AddressInfo).port}`],
      health: false,
      upstream: { keepalive: 0 },
    },
  },
});
t.teardown(() => daemon[Symbol.asyncDispose]());

async function settled(count: () => number): Promise<number> {
  let last = -1;
  while (count() !== last) {
    last = count();
    await sleep(STALL_MS);
  }
  return last;
}

for (const listener of ['plain', 'tls']) {
  for (const path of ['/length', '/chunked']) {
    t.test(`a download that stalls, ${listener} ${path}`, async (t) => {
      await using h2 = await H2Client.open(daemon.port(listener), listener === 'tls');
      const upstream = once(server, 'connection') as Promise<[Socket]>;
      const stream = h2.begin({ ':path': path });
      const [serverSide] = await upstream;
      const held = await settled(() => serverSide.bytesWritten);
      t.ok(held > 0 && held < MAX_HELD_BYTES, `${held} bytes went out of ${BLOCKS * MIB}`);
      t.equal(String((await h2.ask({ ':path': '/small' })).body), 'small', 'another stream goes on');
      const answer = await read(stream);
      t.equal(answer.body.length, BLOCKS * MIB);
      t.equal(createHash('sha256').update(answer.body).digest('hex'), SENT);
    });
  }

  t.test(`an upload that stalls, ${listener}`, async (t) => {
    await using h2 = await H2Client.open(daemon.port(listener), listener === 'tls');
    const stream = h2.begin({ ':method': 'POST', ':path': '/upload' }, true);
    stream.on('wantTrailers', () => stream.sendTrailers({}));
    const answer = read(stream);
    let written = 0;
    const writing = (async () => {
      for (let i = 0; i < BLOCKS; i++) {
        const room = stream.write(block(i));
        written += MIB;
        if (!room) await once(stream, 'drain');
      }
      stream.end();
    })();
    const held = await settled(() => written);
    t.ok(held < MAX_HELD_BYTES, `${held} bytes were taken of ${BLOCKS * MIB}`);
    t.equal(String((await h2.ask({ ':path': '/small' })).body), 'small', 'another stream goes on');
    stalled?.resume();
    await writing;
    t.equal(String((await answer).body), SENT);
  });
}

t.test('a window that stays closed: memory is flat over many such streams', async (t) => {
  await using client = await FrameClient.greet(daemon.port('plain'), {
    settings: Buffer.from('000400000000', 'hex'), // INITIAL_WINDOW_SIZE 0
  });
  const before = process.memoryUsage.rss();
  for (let i = 0; i < 50; i++) client.ask(1 + 2 * i, request({ ':path': '/length' }));
  await client.until('the last head', (it) => it.type === TYPE.headers && it.stream === 99);
  await sleep(STALL_MS);
  const grown = process.memoryUsage.rss() - before;
  t.ok(grown < 250 * MIB, `${(grown / MIB).toFixed(1)} MiB, servers and clients of this process included`);
  t.notOk(client.frames.some((it) => it.type === TYPE.data && it.payload.length > 0));
  client.send(frame(TYPE.reset, 0, 1, Buffer.from('00000008', 'hex')));
  client.ask(201, request({ ':path': '/small' }));
  client.send(frame(TYPE.windowUpdate, 0, 201, Buffer.from('00000064', 'hex')));
  t.same(await client.ending(201), { kind: 'answer', status: 200 });
});
