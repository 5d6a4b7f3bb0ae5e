/** One request, to see that what is about to be measured answers, and answers right. */
import { request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import { type Clock, delay } from '../../src/kernel/clock.ts';
import { errorText, SluiceError } from '../../src/kernel/errors.ts';
import type { RunningProcess } from './process.ts';

export interface ProbeAnswer {
  readonly status: number;
  readonly bodyBytes: number;
  readonly body: string;
}

/** A GET on a connection of its own; certificates of loopback are not verified. */
export function probe(
  url: string,
  options: { readonly method?: string; readonly timeoutMs?: number } = {},
): Promise<ProbeAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<ProbeAnswer>();
  const { method = 'GET', timeoutMs = 5_000 } = options;
  const request = url.startsWith('https:') ? requestTls : requestPlain;
  const sent = request(url, { method, agent: false, rejectUnauthorized: false }, (answer) => {
    const chunks: Buffer[] = [];
    answer.on('data', (chunk: Buffer) => chunks.push(chunk));
    answer.on('error', reject);
    answer.on('end', () => {
      const body = Buffer.concat(chunks);
      resolve({ status: answer.statusCode ?? 0, bodyBytes: body.length, body: body.toString('latin1') });
    });
  });
  sent.setTimeout(timeoutMs, () => sent.destroy(new Error(`no answer from ${url} in ${timeoutMs} ms`)));
  sent.on('error', reject);
  sent.end();
  return promise;
}

/** Asks until the answer is 200; a program that ends before, or takes too long, is an error with its last words. */
export async function waitForAnswer(
  running: RunningProcess,
  url: string,
  clock: Clock,
  options: { readonly timeoutMs?: number; readonly everyMs?: number } = {},
): Promise<ProbeAnswer> {
  const { timeoutMs = 10_000, everyMs = 25 } = options;
  const deadlineMs = clock.nowMs() + timeoutMs;
  let last = 'nothing was tried';
  while (clock.nowMs() < deadlineMs && running.isRunning) {
    try {
      const answer = await probe(url, { timeoutMs: Math.max(1, deadlineMs - clock.nowMs()) });
      if (answer.status === 200) return answer;
      last = `status ${answer.status}: ${answer.body.slice(0, 300)}`;
    } catch (thrown) {
      last = errorText(thrown);
    }
    await delay(clock, everyMs);
  }
  const how = running.isRunning ? `does not answer 200 within ${timeoutMs} ms (${last})` : 'has ended';
  throw new SluiceError('bench_not_ready', `${running.name} ${how} at ${url}\n${running.tail()}`, {
    hint: 'its last lines are above; the bench leaves no log behind',
  });
}
