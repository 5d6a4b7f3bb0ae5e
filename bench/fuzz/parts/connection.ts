/**
 * Answers over a real connection to a real ServerConnection, piece by piece: an attempt hears of exactly one end, nothing
 * after it, and what it hears of the answer is what the reading in memory says.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type AttemptEvents, ServerConnection } from '../../../src/forward/index.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { Deadlines } from '../../../src/kernel/deadlines.ts';
import { SocketIo } from '../../../src/kernel/socket-io.ts';
import { type AnswerRead, readAnswer } from '../../../test/support/codec/reading.ts';
import { type FuzzInput, type Part, piecesOf } from '../input.ts';
import { makeAnswer } from './answers.ts';

const LIMITS = {
  connectTimeoutMs: 5000,
  firstByteTimeoutMs: 5000,
  bodyTimeoutMs: 5000,
  idleTimeoutMs: 5000,
  maxAgeMs: 3_600_000,
  maxHeadBytes: 64 * 1024,
  maxFields: 256,
};
/** As in forward/connection.ts: more interim answers than this are a fault. */
const MAX_INTERIM = 32;

interface Heard {
  readonly events: string[];
  body: string;
  status: number;
  failure: string;
}

export async function connectionPart(corpus: readonly string[]): Promise<Part> {
  const server = createServer({ allowHalfOpen: true, noDelay: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const deadlines = new Deadlines(systemClock);
  const deps = { clock: systemClock, deadlines, sockets: new SocketIo() };
  const target = { host: '127.0.0.1', port, path: '', tls: null };

  const attempt = async (input: FuzzInput): Promise<Heard> => {
    const heard: Heard = { events: [], body: '', status: 0, failure: '' };
    const ended = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const connection = new ServerConnection(
      target,
      LIMITS,
      deps,
      () => {},
      () => closed.resolve(),
    );
    connection.open(eventsFor(heard, connection, input.method ?? 'GET', ended.resolve));
    const [socket] = await accepted;
    socket.on('error', () => {});
    socket.resume();
    await once(socket, 'data');
    for (const piece of piecesOf(input)) {
      if (socket.destroyed) break;
      await new Promise<void>((resolve) => socket.write(piece, () => resolve()));
    }
    socket.end();
    await ended.promise;
    connection.retire();
    await closed.promise;
    socket.destroy();
    return heard;
  };
  return {
    name: 'connection',
    width: 1,
    make: (random) => makeAnswer(corpus, random),
    async check(input) {
      const { text, method = 'GET' } = input;
      if (text === '') return '';
      const read = readAnswer(method, [Buffer.from(text, 'latin1')]);
      return judge(read, await attempt(input));
    },
    async [Symbol.asyncDispose]() {
      deadlines.stop();
      server.close();
      await once(server, 'close');
    },
  };
}

function eventsFor(
  heard: Heard,
  connection: ServerConnection,
  method: string,
  ended: () => void,
): AttemptEvents {
  const end = (event: string): void => {
    heard.events.push(event);
    ended();
  };
  return {
    onReady: () =>
      connection.send({
        method,
        text: `${method} / HTTP/1.1\r\nHost: h\r\n\r\n`,
        body: [],
        isChunked: false,
        isComplete: true,
        trailers: '',
        wantsUpgrade: false,
        bindsConnection: false,
        takesLargePieces: false,
        silenceMs: 0,
      }),
    onInterim: () => heard.events.push('interim'),
    onAnswerHead: ({ status }) => {
      heard.status = status;
      heard.events.push('head');
    },
    onAnswerData: (buffer, from, to) => {
      heard.body += buffer.toString('latin1', from, to);
    },
    onAnswerEnd: () => end('end'),
    onReadDone: () => {},
    onUpgrade: () => end('upgrade'),
    onFailed: ({ kind }) => {
      heard.failure = kind;
      end('failed');
    },
    onServerDown: () => heard.events.push('down'),
    onServerDrain: () => {},
  };
}

function judge(read: AnswerRead, heard: Heard): string {
  const said = JSON.stringify({ read, heard });
  const ends = heard.events.filter((it) => it === 'end' || it === 'upgrade' || it === 'failed');
  if (ends.length !== 1) return `ends: ${ends.length} ends: ${said}`;
  if (heard.events.at(-1) !== ends[0]) return `ends: something came after the end: ${said}`;
  const last = read.seen.at(-1)?.[0] ?? 0;
  const interims = read.seen.filter(([status]) => status < 200 && status !== 101).length;
  const isBad = read.fault !== undefined || last === 101 || interims > MAX_INTERIM || isBadTrailer(read);
  const isWhole = read.isWhole || read.framing === 'close';
  if (ends[0] === 'upgrade') return `upgrade: nobody asked for one: ${said}`;
  if (ends[0] === 'failed') {
    if (!isBad && isWhole) return `failed: a good answer: ${said}`;
    const right = isBad ? 'bad_answer' : 'reset';
    return heard.failure === right ? '' : `failed: ${heard.failure} instead of ${right}: ${said}`;
  }
  if (isBad || !isWhole) return `taken: a bad answer: ${said}`;
  return heard.body === read.body && heard.status === last ? '' : `taken: another answer: ${said}`;
}

/** A whole body with trailers that must not be. */
function isBadTrailer({ isDone, isWhole }: AnswerRead): boolean {
  return isDone === true && !isWhole;
}
