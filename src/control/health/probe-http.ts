import { isIP } from 'node:net';
import { formatHostPort } from '../../kernel/address.ts';
import type { Clock } from '../../kernel/clock.ts';
import { connectFailure, rangesText, timeoutFailure } from './failure.ts';
import type { HealthTarget, HttpCheck, ProbeResult } from './options.ts';

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
  const fail = (why: string): ProbeResult => ({ ok: false, responseMs: clock.nowMs() - startMs, why });
  const at = { host: target.host, port: check.port ?? target.port };
  let progress = 'no connection';
  const client = new Client(`${check.type}://${formatHostPort(at)}`, {
    pipelining: 1,
    allowH2: false,
    maxCachedSessions: 0,
    // One deadline over all phases, by the caller's clock; the client's own are off.
    headersTimeout: 0,
    bodyTimeout: 0,
    connectTimeout: 0,
    connect: check.type === 'https' ? tlsOptions(target) : {},
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
    return fail(signal.aborted ? timeoutFailure(check.timeoutMs, progress) : connectFailure(thrown));
  } finally {
    await client.destroy().catch(() => {});
  }
}

function tlsOptions(target: HealthTarget): {
  ca?: string;
  servername?: string;
  rejectUnauthorized: boolean;
} {
  const tls = target.tls;
  const serverName = tls?.serverName ?? (isIP(target.host) === 0 ? target.host : undefined);
  return {
    ...(tls?.ca === undefined ? {} : { ca: tls.ca }),
    ...(serverName === undefined ? {} : { servername: serverName }),
    rejectUnauthorized: tls?.verify ?? true,
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
