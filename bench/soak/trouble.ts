/** Clients that misbehave, each in its way, and what Sluice must make of it. */
import { connect, type Socket } from 'node:net';
import { delay } from '../../src/kernel/clock.ts';
import type { SeededRandom } from '../../src/kernel/random.ts';
import { ClientConnection } from '../../test/support/load/client-connection.ts';
import { type ClientKind, HOST, type ListenerName, PATIENCE_MS, type Scene, wordOf } from './scene.ts';

const MIB = 1024 * 1024;

/** A raw connection whose bytes are collected (but for those of long bodies). */
class RawClient {
  readonly socket: Socket;
  readonly connected: Promise<boolean>;
  /** Resolves when the other side has ended or reset. */
  readonly ended: Promise<void>;
  head = '';
  bytes = 0;

  constructor(scene: Scene, listener: ListenerName) {
    this.socket = connect({ host: '127.0.0.1', port: scene.port(listener), noDelay: true });
    this.socket.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length;
      if (this.head.length < 4096) this.head += chunk.toString('latin1');
    });
    this.ended = new Promise((resolve) => {
      this.socket.on('end', resolve).on('close', () => resolve());
    });
    this.socket.on('error', () => {});
    this.connected = new Promise((resolve) => {
      this.socket.once('connect', () => resolve(true)).once('close', () => resolve(false));
    });
  }

  /** The status of what came first; 0 when nothing did. */
  get status(): number {
    return Number(/^HTTP\/1\.1 (\d{3})/.exec(this.head)?.[1] ?? 0);
  }

  async endsIn(scene: Scene, ms: number): Promise<boolean> {
    const late = Promise.withResolvers<boolean>();
    const timer = scene.clock.setTimer(ms, () => late.resolve(false));
    const inTime = await Promise.race([this.ended.then(() => true), late.promise]);
    timer.cancel();
    return inTime;
  }
}

const ABORTED = [
  `GET /aborting/echo HTTP/1.1\r\n${HOST}X-Half: `,
  `GET /aborting/download?n=${8 * MIB} HTTP/1.1\r\n${HOST}\r\n`,
  `GET /aborting/late?n=2000 HTTP/1.1\r\n${HOST}\r\n`,
  `PUT /aborting/upload HTTP/1.1\r\n${HOST}Content-Length: 100000\r\n\r\n${'x'.repeat(5000)}`,
  `PUT /aborting/upload HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n1000\r\n${'x'.repeat(500)}`,
  `GET /aborting/talk HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
  `GET /aborting/echo HTTP/1.1\r\n${HOST}\r\n`.repeat(20),
  '',
];

/** Goes away in the middle of something: with a FIN, with a reset, at some moment. */
async function abort(scene: Scene, random: SeededRandom): Promise<string> {
  const client = new RawClient(scene, 'plain');
  if (!(await client.connected)) return 'not connected';
  client.socket.write(ABORTED[random.below(ABORTED.length)] ?? '');
  await delay(scene.clock, random.next() * 100);
  if (random.below(2) === 0) client.socket.resetAndDestroy();
  else client.socket.destroy();
  return 'ok';
}

/** Reads a long answer a little at a time: it must come whole, and not pile up in the proxy. */
async function readSlowly(scene: Scene, random: SeededRandom): Promise<string> {
  const client = new RawClient(scene, 'plain');
  if (!(await client.connected)) return 'not connected';
  const count = MIB + random.below(2 * MIB);
  client.socket.write(`GET /slow/download?n=${count} HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`);
  const ticker = scene.clock.setTicker(25, () => {
    client.socket.resume();
    scene.clock.setTimer(3, () => client.socket.pause());
  });
  const inTime = await client.endsIn(scene, 60_000);
  ticker.cancel();
  client.socket.destroy();
  if (!inTime) return 'not whole in a minute';
  const headBytes = client.head.indexOf('\r\n\r\n') + 4;
  return client.status === 200 && client.bytes === headBytes + count
    ? 'ok'
    : `status ${client.status}, ${client.bytes} of ${count} bytes`;
}

/** Sends a byte now and then; the listener `strict` gives a second. */
async function drip(scene: Scene, random: SeededRandom): Promise<string> {
  const client = new RawClient(scene, 'strict');
  if (!(await client.connected)) return 'not connected';
  const isBody = random.below(2) === 0;
  if (isBody) client.socket.write(`PUT /dripping/upload HTTP/1.1\r\n${HOST}Content-Length: 1000\r\n\r\n`);
  else client.socket.write('G');
  const ticker = isBody
    ? undefined
    : scene.clock.setTicker(100, () => {
        if (client.socket.writable) client.socket.write('G');
      });
  const inTime = await client.endsIn(scene, 10_000);
  ticker?.cancel();
  client.socket.destroy();
  return inTime && client.status === 408 ? 'ok' : `status ${client.status}, ended ${inTime}`;
}

const NONSENSE: readonly (readonly [string, readonly number[]])[] = [
  ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', [400]],
  ['GET / HTTP/1.1\n\n', [400]],
  ['GET / HTTP/1.1\r\n\r\n', [400]],
  ['GET /nonsense HTTP/3.0\r\nHost: a\r\n\r\n', [400, 505]],
  [`GET /nonsense HTTP/1.1\r\n${HOST}X: ${'x'.repeat(20_000)}\r\n\r\n`, [431]],
  [`GET /${'x'.repeat(10_000)} HTTP/1.1\r\n${HOST}\r\n`, [414]],
  [
    `PUT /nonsense HTTP/1.1\r\n${HOST}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    [400],
  ],
  [`PUT /nonsense HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip\r\n\r\n`, [501]],
  [`PUT /nonsense/upload HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`, [400]],
  [`CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n`, [400, 405]],
  ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400, 505]],
];

async function speakNonsense(scene: Scene, random: SeededRandom): Promise<string> {
  const client = new RawClient(scene, 'plain');
  if (!(await client.connected)) return 'not connected';
  const [text = '', right = []] = NONSENSE[random.below(NONSENSE.length)] ?? [];
  client.socket.write(text, 'latin1');
  const inTime = await client.endsIn(scene, PATIENCE_MS);
  client.socket.destroy();
  return inTime && right.includes(client.status)
    ? 'ok'
    : `status ${client.status} to ${JSON.stringify(text.slice(0, 60))}`;
}

/** A TLS handshake that stops, or was never one. */
async function breakHandshake(scene: Scene, random: SeededRandom): Promise<string> {
  const client = new RawClient(scene, 'secure');
  if (!(await client.connected)) return 'not connected';
  client.socket.write(
    random.below(2) === 0 ? 'GET / HTTP/1.1\r\n\r\n' : '\x16\x03\x01\x02\x00\x01',
    'latin1',
  );
  await delay(scene.clock, random.next() * 200);
  client.socket.destroy();
  return 'ok';
}

/** A pool whose only server is not there. */
async function askNobody(scene: Scene): Promise<string> {
  const connection = new ClientConnection({ port: scene.port('plain'), isTls: false });
  await connection.connected;
  const result = await connection.ask('GET', `GET /nobody/echo HTTP/1.1\r\n${HOST}\r\n`, PATIENCE_MS);
  connection.destroy();
  const word = wordOf(result, () => true);
  return word === '502 connect_error' || word === '503 no_server' ? 'ok' : word;
}

const stateless = (attempt: (scene: Scene, random: SeededRandom) => Promise<string>): ClientKind['make'] => {
  return () => ({ try: attempt, close: () => {} });
};

export const BAD_CLIENTS: readonly ClientKind[] = [
  { name: 'aborting', count: 4, pauseMs: 50, make: stateless(abort) },
  { name: 'slow', count: 2, pauseMs: 200, make: stateless(readSlowly) },
  { name: 'dripping', count: 3, pauseMs: 100, make: stateless(drip) },
  { name: 'nonsense', count: 2, pauseMs: 80, make: stateless(speakNonsense) },
  { name: 'handshake', count: 2, pauseMs: 150, make: stateless(breakHandshake) },
  { name: 'nobody', count: 1, pauseMs: 100, make: stateless((scene) => askNobody(scene)) },
];
