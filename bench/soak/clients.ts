/** Clients that behave: what they get is right, whatever happens to servers and configuration meanwhile. */
import { createHash } from 'node:crypto';
import { WebSocket } from 'ws';
import { delay } from '../../src/kernel/clock.ts';
import type { SeededRandom } from '../../src/kernel/random.ts';
import { ClientConnection } from '../../test/support/load/client-connection.ts';
import { patternBytes } from './pattern.ts';
import { type ClientKind, HOST, PATIENCE_MS, type Scene, type Try, wordOf } from './scene.ts';

const KIB = 1024;
const PATTERN = patternBytes(64 * KIB);

/** What the servers send for `n=count`. */
function isPattern(body: Buffer, count: number): boolean {
  if (body.length !== count) return false;
  for (let at = 0; at < count; at += PATTERN.length)
    if (
      !body
        .subarray(at, at + PATTERN.length)
        .equals(PATTERN.subarray(0, Math.min(PATTERN.length, count - at)))
    )
      return false;
  return true;
}

/** Keeps a connection for some tries, then makes a new one. */
function onConnections(
  isTls: boolean,
  triesOfOne: number,
  ask: (connection: ClientConnection, random: SeededRandom) => Promise<string>,
): ReturnType<ClientKind['make']> {
  let connection: ClientConnection | null = null;
  let left = 0;
  const attempt: Try = async (scene, random) => {
    if (connection?.isOpen !== true || left-- <= 0) {
      connection?.destroy();
      left = Math.ceil(random.next() * 2 * triesOfOne);
      connection = new ClientConnection({ port: scene.port(isTls ? 'secure' : 'plain'), isTls });
      await connection.connected;
    }
    return ask(connection, random);
  };
  return { try: attempt, close: () => connection?.destroy() };
}

function getter(
  name: string,
  path: (random: SeededRandom) => string,
  status = 200,
  isRight: (body: Buffer, path: string) => boolean = () => true,
): (connection: ClientConnection, random: SeededRandom) => Promise<string> {
  return async (connection, random) => {
    const target = `/${name}${path(random)}`;
    const result = await connection.ask('GET', `GET ${target} HTTP/1.1\r\n${HOST}\r\n`, PATIENCE_MS);
    return wordOf(result, (body) => isRight(body, target), status);
  };
}

async function upload(
  connection: ClientConnection,
  name: string,
  bytes: number,
  isChunked: boolean,
): Promise<string> {
  const body = Buffer.alloc(bytes, `${name} ${bytes} `).toString('latin1');
  const framing = isChunked ? 'Transfer-Encoding: chunked\r\n' : `Content-Length: ${bytes}\r\n`;
  const half = bytes >> 1;
  const chunks = [body.slice(0, half), body.slice(half)]
    .filter((it) => it !== '')
    .map((it) => `${it.length.toString(16)}\r\n${it}\r\n`);
  const content = isChunked ? `${chunks.join('')}0\r\n\r\n` : body;
  const head = `PUT /${name}/upload HTTP/1.1\r\n${HOST}${framing}\r\n`;
  const result = await connection.ask('PUT', head + content, PATIENCE_MS);
  const hash = createHash('sha256').update(body, 'latin1').digest('hex');
  return wordOf(result, (answer) => answer.toString() === `${bytes} ${hash}`);
}

const isEcho = (body: Buffer, target: string): boolean => body.toString() === `{"path":"${target}"}`;
const anyPath = (random: SeededRandom): string => `/echo/${random.below(1e6)}`;

export const GOOD_CLIENTS: readonly ClientKind[] = [
  {
    name: 'small',
    count: 12,
    pauseMs: 20,
    make: () => onConnections(false, 200, getter('small', anyPath, 200, isEcho)),
  },
  {
    name: 'small-tls',
    count: 8,
    pauseMs: 25,
    make: () => onConnections(true, 50, getter('small-tls', anyPath, 200, isEcho)),
  },
  {
    name: 'fresh',
    count: 3,
    pauseMs: 30,
    make: () => onConnections(false, 0, getter('fresh', anyPath, 200, isEcho)),
  },
  {
    name: 'fresh-tls',
    count: 2,
    pauseMs: 60,
    make: () => onConnections(true, 0, getter('fresh-tls', anyPath, 200, isEcho)),
  },
  {
    name: 'late',
    count: 3,
    pauseMs: 20,
    make: () =>
      onConnections(
        false,
        50,
        getter('late', (random) => `/late?n=${random.below(300)}`),
      ),
  },
  {
    name: 'failing',
    count: 1,
    pauseMs: 60,
    make: () =>
      onConnections(
        false,
        50,
        getter('failing', () => '/error', 500),
      ),
  },
  {
    name: 'download',
    count: 3,
    pauseMs: 80,
    make: () =>
      onConnections(false, 20, async (connection, random) => {
        const count = random.below(512 * KIB);
        const request = `GET /download/download?n=${count} HTTP/1.1\r\n${HOST}\r\n`;
        return wordOf(await connection.ask('GET', request, PATIENCE_MS), (body) => isPattern(body, count));
      }),
  },
  {
    name: 'download-tls',
    count: 2,
    pauseMs: 120,
    make: () =>
      onConnections(true, 20, async (connection, random) => {
        const count = random.below(512 * KIB);
        const request = `GET /download-tls/download?n=${count} HTTP/1.1\r\n${HOST}\r\n`;
        return wordOf(await connection.ask('GET', request, PATIENCE_MS), (body) => isPattern(body, count));
      }),
  },
  {
    name: 'upload',
    count: 3,
    pauseMs: 60,
    make: () =>
      onConnections(false, 30, (connection, random) =>
        upload(connection, 'upload', random.below(48 * KIB), random.below(2) === 0),
      ),
  },
  {
    name: 'upload-large',
    count: 2,
    pauseMs: 120,
    make: () =>
      onConnections(true, 10, (connection, random) =>
        upload(connection, 'upload-large', 64 * KIB + random.below(1024 * KIB), random.below(2) === 0),
      ),
  },
  {
    name: 'shaky',
    count: 4,
    pauseMs: 25,
    make: () => onConnections(false, 100, getter('shaky', anyPath)),
  },
  { name: 'websocket', count: 4, pauseMs: 100, make: () => ({ try: talk, close: () => {} }) },
];

/** Opens a WebSocket, has some messages echoed, closes it in order. */
async function talk(scene: Scene, random: SeededRandom): Promise<string> {
  const socket = new WebSocket(`ws://127.0.0.1:${scene.port('plain')}/websocket/talk`, {
    perMessageDeflate: false,
  });
  const closed = Promise.withResolvers<string>();
  const opened = Promise.withResolvers<void>();
  let failure = '';
  socket.on('unexpected-response', (_, answer) => {
    failure = `refused ${answer.statusCode}`;
    socket.terminate();
  });
  socket.on('error', (error) => {
    failure ||= `error ${error.message}`;
  });
  socket.on('open', opened.resolve);
  socket.on('close', (code) => {
    closed.resolve(failure !== '' ? failure : code === 1000 ? 'ok' : `closed ${code}`);
    opened.resolve();
  });
  await opened.promise;
  for (let left = 3 + random.below(20); left > 0 && socket.readyState === WebSocket.OPEN; left--) {
    const sent = Buffer.alloc(1 + random.below(16 * KIB), `${left} `);
    const echoed = Promise.withResolvers<Buffer | null>();
    socket.once('message', (data) => echoed.resolve(data as Buffer));
    socket.send(sent);
    const got = await Promise.race([echoed.promise, closed.promise.then(() => null)]);
    if (got !== null && !got.equals(sent)) failure = 'wrong echo';
    await delay(scene.clock, random.next() * 200);
  }
  if (socket.readyState === WebSocket.OPEN) socket.close(1000);
  return closed.promise;
}
