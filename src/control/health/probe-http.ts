import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { formatHostPort, publicHost } from '../../kernel/address.ts';
import type { Clock } from '../../kernel/clock.ts';
import { connectFailure, isOurFault, rangesText, timeoutFailure } from './failure.ts';
import { openProbe } from './open-probe.ts';
import type { HealthTarget, HttpCheck, ProbeResult } from './options.ts';
import { probeTls } from './probe-tls.ts';

/** No more of a body is read; a text that is looked for has to stand within it. */
export const BODY_LIMIT_BYTES = 64 * 1024;

/**
 * One HTTP check. Each has a connection of its own: a kept one would stay fine while the server's accept queue is full
 * or its certificate has run out, and those are what clients meet first. Redirects are not followed.
 * @param signal ends the check: at its timeout, or when the server is removed
 */
export async function probeHttp(
  target: HealthTarget,
  check: HttpCheck,
  signal: AbortSignal,
  clock: Clock,
): Promise<ProbeResult> {
  // Loaded with the first check: about 80 ms that the start of the data threads need not wait for.
  const { Client } = await import('undici');
  const startMs = clock.nowMs();
  const fail = (why: string) => ({ ok: false as const, responseMs: clock.nowMs() - startMs, why });
  // Of a Unix socket the port is the usual one, which stands in no Host field.
  const usual = check.type === 'https' ? 443 : 80;
  const at = { host: publicHost(target.host), port: check.port ?? (target.port || usual) };
  let progress = 'no connection';
  const client = new Client(`${check.type}://${formatHostPort(at)}`, {
    pipelining: 1,
    allowH2: false,
    maxCachedSessions: 0,
    // One deadline over all phases, by the caller's clock; the client's own are off.
    headersTimeout: 0,
    bodyTimeout: 0,
    connectTimeout: 0,
    connect: connector(target, check, signal),
  });
  client.on('connect', () => {
    progress = 'connected, no answer';
  });
  try {
    const answer = await client.request({
      path: check.path,
      method: check.method,
      headers: {
        'user-agent': 'sluice-health',
        accept: '*/*',
        ...check.headers,
        ...(check.host === undefined ? {} : { host: check.host }),
      },
      reset: true,
      signal,
    });
    progress = `status ${answer.statusCode} came, its body did not end`;
    const { statusCode } = answer;
    const isWanted = check.expect.statuses.some(([from, to]) => statusCode >= from && statusCode <= to);
    const body = await readBody(answer.body);
    if (!isWanted) return fail(`status ${statusCode}, wanted ${rangesText(check.expect.statuses)}`);
    if (check.expect.body !== undefined && !body.includes(check.expect.body))
      return fail(`body lacks "${check.expect.body}"`);
    return { ok: true, responseMs: clock.nowMs() - startMs };
  } catch (thrown) {
    if (signal.aborted) return fail(timeoutFailure(check.timeoutMs, progress));
    return { ...fail(connectFailure(thrown)), isOurs: isOurFault(thrown) };
  } finally {
    await client.destroy().catch(() => {});
  }
}

type ConnectDone = (...result: [error: Error, socket: null] | [error: null, socket: Socket]) => void;

/** The client's own way to connect knows no PROXY headers, and goes on after an abort. */
function connector(
  target: HealthTarget,
  check: HttpCheck,
  signal: AbortSignal,
): (options: { readonly servername?: string | undefined }, done: ConnectDone) => void {
  return ({ servername }, done) => {
    const plain = openProbe(target, check.port);
    const isTls = check.type === 'https';
    const socket = isTls ? connectTls({ socket: plain, ...probeTls(target, servername, 'http/1.1') }) : plain;
    // TLS hears of the end of what is under it, but not why.
    if (isTls) plain.on('error', (error) => socket.destroy(error));
    const onAbort = (): unknown => socket.destroy(new Error('aborted'));
    const onError = (error: Error): void => {
      signal.removeEventListener('abort', onAbort);
      done(error, null);
    };
    socket.once('error', onError);
    socket.once(isTls ? 'secureConnect' : 'connect', () => {
      signal.removeEventListener('abort', onAbort);
      socket.off('error', onError);
      // From here on the client listens, and ends it.
      done(null, socket);
    });
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort);
  };
}

async function readBody(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= BODY_LIMIT_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, BODY_LIMIT_BYTES);
}
