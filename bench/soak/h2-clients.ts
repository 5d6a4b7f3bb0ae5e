/** Clients that speak HTTP/2: many streams on a session, right answers on each, and streams that are broken off. */
import { createHash } from 'node:crypto';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { delay } from '../../src/kernel/clock.ts';
import type { SeededRandom } from '../../src/kernel/random.ts';
import type { ClientKind, Scene, Try } from './scene.ts';

const KIB = 1024;
const STREAMS = 6;

function open(scene: Scene): Promise<ClientHttp2Session> {
  const session = connect(`https://127.0.0.1:${scene.port('secure')}`, { rejectUnauthorized: false });
  session.on('error', () => {});
  return new Promise((resolve) => {
    session.once('connect', () => resolve(session)).once('close', () => resolve(session));
  });
}

/** The status and body of a stream; status 0 when it ended without. */
function answerOf(stream: ClientHttp2Stream): Promise<{ status: number; body: Buffer; failure: string }> {
  const pieces: Buffer[] = [];
  let status = 0;
  let failure = '';
  stream.on('response', (fields) => {
    status = Number(fields[':status']);
  });
  stream.on('data', (chunk: Buffer) => pieces.push(chunk));
  stream.on('error', (error) => {
    failure = error.message;
  });
  return new Promise((resolve) => {
    stream.on('close', () => {
      if (failure === '' && stream.rstCode !== constants.NGHTTP2_NO_ERROR)
        failure = `reset ${stream.rstCode}`;
      resolve({ status, body: Buffer.concat(pieces), failure });
    });
  });
}

async function askSmall(session: ClientHttp2Session, random: SeededRandom): Promise<string> {
  const path = `/h2/echo/${random.below(1e6)}`;
  const stream = session.request({ ':path': path });
  const { status, body, failure } = await answerOf(stream);
  if (failure !== '') return `stream: ${failure}`;
  if (status !== 200) return String(status);
  return body.toString() === `{"path":"${path}"}` ? 'ok' : 'wrong body';
}

async function upload(session: ClientHttp2Session, random: SeededRandom): Promise<string> {
  const sent = Buffer.alloc(random.below(48 * KIB), `${random.below(1e6)} `);
  const stream = session.request({ ':method': 'PUT', ':path': '/h2/upload' });
  stream.end(sent);
  const { status, body, failure } = await answerOf(stream);
  if (failure !== '') return `stream: ${failure}`;
  if (status !== 200) return String(status);
  const hash = createHash('sha256').update(sent).digest('hex');
  return body.toString() === `${sent.length} ${hash}` ? 'ok' : 'wrong body';
}

/** Some streams at a time on a session that is kept for a while. */
function manyStreams(): ReturnType<ClientKind['make']> {
  let session: ClientHttp2Session | null = null;
  let left = 0;
  const attempt: Try = async (scene, random) => {
    if (session === null || session.closed || session.destroyed || left-- <= 0) {
      session?.close();
      left = random.below(100);
      session = await open(scene);
      if (session.destroyed) return 'no session';
    }
    const on = session;
    const words = await Promise.all(
      Array.from({ length: 1 + random.below(STREAMS) }, () =>
        random.below(5) === 0 ? upload(on, random) : askSmall(on, random),
      ),
    );
    return words.find((word) => word !== 'ok') ?? 'ok';
  };
  return { try: attempt, close: () => session?.destroy() };
}

/** Breaks streams off: before the answer, within it, within the request; at times the whole session. */
async function breakOff(scene: Scene, random: SeededRandom): Promise<string> {
  const session = await open(scene);
  if (session.destroyed) return 'no session';
  for (let left = 1 + random.below(5); left > 0 && !session.destroyed; left--) {
    const isUpload = random.below(3) === 0;
    const path = isUpload ? '/h2-aborting/upload' : `/h2-aborting/download?n=${random.below(4096) * KIB}`;
    const stream = session.request(
      { ':method': isUpload ? 'PUT' : 'GET', ':path': path },
      { endStream: !isUpload },
    );
    stream.on('error', () => {});
    if (isUpload) stream.write(Buffer.alloc(4 * KIB));
    else stream.resume();
    await delay(scene.clock, random.next() * 60);
    stream.close(constants.NGHTTP2_CANCEL);
  }
  if (random.below(2) === 0) session.destroy();
  else session.close();
  return 'ok';
}

export const H2_CLIENTS: readonly ClientKind[] = [
  { name: 'h2', count: 5, pauseMs: 25, make: manyStreams },
  { name: 'h2-aborting', count: 2, pauseMs: 80, make: () => ({ try: breakOff, close: () => {} }) },
];
