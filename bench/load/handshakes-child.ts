/**
 * One TLS connection after another, each with one small request, in a process of its own so that it can be pinned: options
 * as JSON in the first argument, the result as JSON on standard output. Whether a handshake was resumed is looked at, not
 * believed: one of the wrong kind is an error.
 */
import { connect, createSecureContext } from 'node:tls';
import { systemClock } from '../../src/kernel/clock.ts';
import type { HandshakeOptions, HandshakeReport } from './handshakes.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as HandshakeOptions;
const { port, pathname } = new URL(options.url);
const REQUEST = `GET ${pathname} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`;
const CONTEXT = createSecureContext({ minVersion: 'TLSv1.3' });
const latenciesMs: number[] = [];
const failures: Record<string, number> = {};
let bytes = 0;

function fail(what: string): void {
  failures[what] = (failures[what] ?? 0) + 1;
}

/** One connection. @returns the session that the next one may resume */
function visit(session: Buffer | undefined, isMeasured: boolean): Promise<Buffer | undefined> {
  const startMs = systemClock.nowMs();
  const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
  let next = session;
  let answer = '';
  const socket = connect({
    host: '127.0.0.1',
    port: Number(port),
    secureContext: CONTEXT,
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
    ...(session === undefined ? {} : { session }),
  });
  socket.setNoDelay(true);
  socket.on('session', (fresh) => {
    next = fresh;
  });
  socket.on('secureConnect', () => {
    if (isMeasured && socket.isSessionReused() !== options.isResumed) fail('handshakes of the other kind');
    socket.write(REQUEST);
  });
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString('latin1');
  });
  socket.on('error', () => fail('failed connections'));
  socket.on('close', () => {
    if (isMeasured) {
      if (!answer.startsWith('HTTP/1.1 200 ')) fail('answers other than 200');
      bytes += answer.length;
      latenciesMs.push(systemClock.nowMs() - startMs);
    }
    resolve(next);
  });
  return promise;
}

async function client(endMs: number): Promise<void> {
  let session = options.isResumed ? await visit(undefined, false) : undefined;
  while (systemClock.nowMs() < endMs) {
    const fresh = await visit(session, true);
    if (options.isResumed) session = fresh;
  }
}

const startMs = systemClock.nowMs();
const clients = Array.from({ length: options.connections }, () => client(startMs + options.seconds * 1000));
await Promise.all(clients);
const report: HandshakeReport = {
  latenciesMs,
  bytes,
  failures,
  seconds: (systemClock.nowMs() - startMs) / 1000,
};
process.stdout.write(`${JSON.stringify(report)}\n`);
