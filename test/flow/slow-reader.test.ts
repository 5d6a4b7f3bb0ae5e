/**
 * A client that reads slowly, or not at all for a while: what the server sends is held back (memory stays bounded), and
 * what arrives in the end is what was sent, byte for byte, on plain and TLS connections, with a length, chunked, and until close.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import t from 'tap';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { listenersOf } from '../support/wires.ts';

const listeners = listenersOf();
const MIB = 1024 * 1024;
const BODY_BLOCKS = 48;
/** Kernel buffers of two loopback connections take some MiB each; a proxy that reads on regardless takes all. */
const MAX_HELD_BYTES = 30 * MIB;
const STALL_MS = 200;

/** One MiB in which every KiB is different, and different from that of any other block. */
function block(index: number): Buffer {
  const bytes = Buffer.alloc(MIB);
  for (let at = 0; at < MIB; at += 1024) bytes.fill(`${index}/${at};`, at, at + 1024);
  return bytes;
}

const blocks = Array.from({ length: BODY_BLOCKS }, (_, i) => block(i));
const sent = createHash('sha256');
for (const each of blocks) sent.update(each);
const SENT = sent.digest('hex');

async function sendBody(response: ServerResponse): Promise<void> {
  for (const each of blocks) if (!response.write(each)) await once(response, 'drain');
  response.end();
}

/** Takes the body out of an answer, whose framing is whatever the head says. */
function bodyOf(answer: Buffer): Buffer {
  const headEnd = answer.indexOf('\r\n\r\n');
  const body = answer.subarray(headEnd + 4);
  if (!/\r\ntransfer-encoding: chunked\r\n/i.test(answer.toString('latin1', 0, headEnd + 2))) return body;
  const pieces: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.toString('latin1', at, lineEnd), 16);
    if (!(size > 0)) return Buffer.concat(pieces);
    pieces.push(body.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}

/** Reads nothing until `start`, then in gulps with pauses between. */
async function readSlowly(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let gulp = 0;
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    gulp += chunk.length;
    if (gulp < MIB) return;
    gulp = 0;
    socket.pause();
    setTimeout(() => socket.resume(), 2);
  });
  socket.resume();
  await once(socket, 'close');
  return Buffer.concat(chunks);
}

const server = createServer((request, response) => {
  if (request.url === '/length') response.setHeader('content-length', BODY_BLOCKS * MIB);
  if (request.url === '/close') response.removeHeader('transfer-encoding');
  response.shouldKeepAlive = request.url !== '/close';
  void sendBody(response).catch(() => {});
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
t.teardown(() => server.close());

const daemon = await DaemonFixture.start({
  certificates: { local: { self_signed: ['localhost'] } },
  listeners: Object.fromEntries(listeners.map(({ name, input }) => [name, input])),
  routes: [{ pool: 'web' }],
  pools: {
    web: {
      servers: [`127.0.0.1:${(server.address() as AddressInfo).port}`],
      health: false,
      // A connection for each request, so that its bytes can be told.
      upstream: { keepalive: 0 },
    },
  },
});
t.teardown(() => daemon[Symbol.asyncDispose]());

for (const { name: listener, isTls } of listeners) {
  for (const path of ['/length', '/chunked', '/close']) {
    for (const version of path === '/chunked' ? ['1.1', '1.0'] : ['1.1']) {
      t.test(`${listener} ${path} to HTTP/${version} (B2)`, async (t) => {
        const upstream = once(server, 'connection') as Promise<[Socket]>;
        const where = { host: '127.0.0.1', port: daemon.port(listener) };
        const socket = isTls ? connectTls({ ...where, rejectUnauthorized: false }) : connect(where);
        await once(socket, isTls ? 'secureConnect' : 'connect');
        socket.pause();
        socket.write(`GET ${path} HTTP/${version}\r\nHost: t.example\r\nConnection: close\r\n\r\n`);

        const [serverSide] = await upstream;
        let heldBytes = -1;
        while (serverSide.bytesWritten !== heldBytes) {
          heldBytes = serverSide.bytesWritten;
          await sleep(STALL_MS);
        }
        t.ok(heldBytes > 0, 'it began to send');
        t.ok(heldBytes < MAX_HELD_BYTES, `${heldBytes} bytes went out of ${BODY_BLOCKS * MIB}`);
        const body = bodyOf(await readSlowly(socket));
        t.equal(body.length, BODY_BLOCKS * MIB);
        t.equal(createHash('sha256').update(body).digest('hex'), SENT);
      });
    }
  }
}
