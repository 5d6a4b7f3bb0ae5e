/**
 * Many uploads at once, small and large, by length and in chunks, plain and over TLS on both sides, to servers that stop
 * reading now and then: connections of a thread share buffers, and no byte of one may end up in another.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  Agent,
  createServer,
  type IncomingMessage,
  request as requestPlain,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer, request as requestTls, Agent as TlsAgent } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import t from 'tap';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { onePool } from '../support/proxied.ts';
import { selfSignedPair } from '../support/tls-fixture.ts';
import { listenersOf } from '../support/wires.ts';

const listeners = listenersOf();

/** Around the sizes at which something changes: a read, a TLS record, what is kept for another try. */
const SIZES = [1, 300, 4096, 16_383, 16_385, 65_535, 65_537, 200_000, 1_500_000];
const CLIENTS = 8;
const ROUNDS = 3;

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Different for each upload, and in each place. */
function bodyOf(seed: number, size: number): Buffer {
  const body = Buffer.alloc(size);
  for (let at = 0; at < size; at++) body[at] = (at * 31 + (at >>> 8) * 17 + seed * 101) & 0xff;
  return body;
}

/** Answers with the hash of what came; every hundred KiB it does not read for some turns of its loop. */
async function hashBody(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const hash = createHash('sha256');
  let gulp = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    hash.update(chunk);
    gulp += chunk.length;
    if (gulp < 100_000) continue;
    gulp = 0;
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  }
  response.end(hash.digest('hex'));
}

interface Target {
  readonly port: number;
  readonly isTls: boolean;
  readonly agent: Agent;
  /** What the Host field says: the route. */
  readonly host: string;
}

/** @returns what the server says of it */
async function upload(target: Target, body: Buffer, isChunked: boolean): Promise<string> {
  const { port, isTls, agent, host } = target;
  const headers = { host, ...(isChunked ? {} : { 'content-length': body.length }) };
  const options = { host: '127.0.0.1', port, agent, method: 'PUT', path: '/', headers };
  const request = isTls ? requestTls({ ...options, rejectUnauthorized: false }) : requestPlain(options);
  const answered = once(request, 'response') as Promise<[IncomingMessage]>;
  const piece = Math.ceil(body.length / 3);
  for (let at = 0; at < body.length; at += piece) {
    request.write(body.subarray(at, at + piece));
    if (at === 0) await new Promise(setImmediate);
  }
  request.end();
  const [response] = await answered;
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

t.test('every server gets what its client sent', { timeout: 120_000 }, async (t) => {
  const { certPem, keyPem } = selfSignedPair('web.internal');
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    hashBody(request, response).catch(() => response.destroy());
  };
  const servers = [createServer(onRequest), createTlsServer({ cert: certPem, key: keyPem }, onRequest)];
  const [plain, secured] = (await Promise.all(servers.map(listening))) as [string, string];
  t.teardown(() => {
    for (const server of servers) server.close();
  });
  const pool = { health: false as const };
  await using daemon = await DaemonFixture.start(
    onePool([], {
      file: {
        certificates: { local: { self_signed: ['localhost'] } },
        listeners: Object.fromEntries(listeners.map(({ name, input }) => [name, input])),
        routes: [
          { name: 'secured', match: { host: 'secured.example' }, pool: 'secured' },
          { name: 'all', pool: 'web' },
        ],
        pools: {
          web: { servers: [plain], ...pool },
          secured: { servers: [secured], ...pool, upstream: { tls: { verify: false } } },
        },
      },
    }),
  );
  for (const { name, isTls } of listeners) {
    const port = daemon.port(name);
    const client = async (number: number): Promise<void> => {
      const isSecured = number % 2 === 1;
      const host = isSecured ? 'secured.example' : 'web.example';
      const agent = isTls
        ? new TlsAgent({ keepAlive: true, maxSockets: 1 })
        : new Agent({ keepAlive: true, maxSockets: 1 });
      for (let i = 0; i < SIZES.length * ROUNDS; i++) {
        const size = SIZES[(i + number) % SIZES.length] as number;
        const body = bodyOf(number * 1000 + i, size);
        const isChunked = i % 3 === 1;
        const got = await upload({ port, isTls, agent, host }, body, isChunked);
        const what = `${name} to ${host}, ${size} bytes ${isChunked ? 'chunked' : ''}`;
        t.equal(got, sha256(body), what);
      }
      agent.destroy();
    };
    await Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number)));
  }
});
