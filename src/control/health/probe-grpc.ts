import type { ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2';
import type { Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { formatHostPort, publicHost } from '../../kernel/address.ts';
import type { Clock } from '../../kernel/clock.ts';
import { connectFailure, isOurFault, timeoutFailure } from './failure.ts';
import { CHECK_PATH, decodeStatus, encodeRequest, statusFailure } from './grpc-health.ts';
import { openProbe } from './open-probe.ts';
import type { GrpcCheck, HealthTarget, ProbeResult } from './options.ts';
import { probeTls } from './probe-tls.ts';

/** An answer is some ten bytes; who sends more than this sends something else. */
const MAX_ANSWER_BYTES = 64 * 1024;

/**
 * One call of grpc.health.v1.Health/Check, on a connection of its own (probe-http.ts says why), with the TLS of the pool.
 * Good is SERVING and nothing else.
 * @param signal ends the check: at its timeout, or when the server is removed
 */
export async function probeGrpc(
  target: HealthTarget,
  check: GrpcCheck,
  signal: AbortSignal,
  clock: Clock,
): Promise<ProbeResult> {
  const startMs = clock.nowMs();
  const { connect } = await import('node:http2');
  const isTls = target.tls !== undefined;
  const at = formatHostPort({ host: publicHost(target.host), port: check.port ?? target.port });
  const plain = openProbe(target, check.port);
  const socket = isTls ? connectTls({ socket: plain, ...probeTls(target, undefined, 'h2') }) : plain;
  const closed = new Promise((resolve) => plain.once('close', resolve));
  if (isTls) plain.on('error', (error) => socket.destroy(error));
  socket.on('error', () => {});
  const onAbort = (): unknown => plain.destroy();
  signal.addEventListener('abort', onAbort);
  try {
    if (signal.aborted) onAbort();
    await connected(socket, isTls);
    if (isTls && (socket as TLSSocket).alpnProtocol !== 'h2')
      throw new Error('the server offers no HTTP/2 (ALPN)');
    const session = connect(`${isTls ? 'https' : 'http'}://${at}`, { createConnection: () => socket });
    session.on('error', () => {});
    const call = session.request({
      ':method': 'POST',
      ':path': CHECK_PATH,
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': 'sluice-health',
    });
    call.end(encodeRequest(check.service));
    const why = await judge(call);
    if (why !== '') signal.throwIfAborted();
    const responseMs = clock.nowMs() - startMs;
    return why === '' ? { ok: true, responseMs } : { ok: false, responseMs, why };
  } catch (thrown) {
    const responseMs = clock.nowMs() - startMs;
    if (signal.aborted) return { ok: false, responseMs, why: timeoutFailure(check.timeoutMs) };
    return { ok: false, responseMs, why: connectFailure(thrown), isOurs: isOurFault(thrown) };
  } finally {
    signal.removeEventListener('abort', onAbort);
    plain.destroy();
    // Only when the socket is gone is the check over: `stop` waits for it.
    await closed;
  }
}

function connected(socket: Socket, isTls: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(isTls ? 'secureConnect' : 'connect', () => resolve());
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the connection closed before it was ready')));
  });
}

/** @returns what is wrong; '' = nothing */
function judge(call: ClientHttp2Stream): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    let head: IncomingHttpHeaders & { ':status'?: number | undefined } = {};
    let trailers: IncomingHttpHeaders = {};
    call.on('response', (fields) => {
      head = fields;
    });
    call.on('trailers', (fields) => {
      trailers = fields;
    });
    call.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes > MAX_ANSWER_BYTES) call.destroy(new Error('the answer is no health check'));
      else chunks.push(chunk);
    });
    call.on('error', reject);
    call.on('close', () => reject(new Error('connection closed before a complete answer')));
    call.on('end', () =>
      resolve(call.rstCode === 0 ? verdict(head, trailers, Buffer.concat(chunks)) : 'the call was reset'),
    );
  });
}

function verdict(
  head: IncomingHttpHeaders & { ':status'?: number | undefined },
  trailers: IncomingHttpHeaders,
  body: Buffer,
): string {
  if (head[':status'] !== 200) return `status ${head[':status'] ?? 'none'}, wanted 200`;
  const end = trailers['grpc-status'] === undefined ? head : trailers;
  const failure = statusFailure(textOf(end['grpc-status']), textOf(end['grpc-message']));
  if (failure !== '') return failure;
  const status = decodeStatus(body);
  if (status === undefined) return 'the answer is no health check';
  return status === 'SERVING' ? '' : status;
}

function textOf(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
