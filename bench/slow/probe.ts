/** A client beside slow ones: one request after the other, a pause between, on one kept connection. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { type Clock, delay } from '../../src/kernel/clock.ts';
import { SluiceError } from '../../src/kernel/errors.ts';
import { quantile } from '../stats.ts';

const PAUSE_MS = 2;
const REQUEST = 'GET /small HTTP/1.1\r\nHost: bench.example\r\n\r\n';

export interface Probed {
  readonly requests: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** @throws SluiceError when an answer is not a 200, or the connection ends */
export async function probeFor(port: number, durationMs: number, clock: Clock): Promise<Probed> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  try {
    await once(socket, 'connect');
    const times: number[] = [];
    const endMs = clock.nowMs() + durationMs;
    while (clock.nowMs() < endMs) {
      const startMs = clock.nowMs();
      socket.write(REQUEST);
      // A small answer is one write, and comes in one piece.
      const [answer] = (await once(socket, 'data')) as [Buffer];
      if (!answer.toString('latin1', 0, 12).endsWith(' 200'))
        throw new SluiceError('bench_bad_answer', `a client beside got ${answer.toString('latin1', 0, 60)}`);
      times.push(clock.nowMs() - startMs);
      await delay(clock, PAUSE_MS);
    }
    return {
      requests: times.length,
      p50Ms: quantile(times, 0.5),
      p99Ms: quantile(times, 0.99),
      maxMs: Math.max(...times),
    };
  } finally {
    socket.destroy();
  }
}
