/** Handshakes as load: wrk keeps the state of a TLS session from one connection to the next and does not tell. */
import { fileURLToPath } from 'node:url';
import { SluiceError } from '../../src/kernel/errors.ts';
import { quantile } from '../stats.ts';
import { runToEnd } from '../system/process.ts';
import { demandClean, type LoadOptions, type LoadResult } from './load.ts';

const CHILD = fileURLToPath(new URL('handshakes-child.ts', import.meta.url));

export interface HandshakeOptions {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  readonly isResumed: boolean;
}

export interface HandshakeReport {
  readonly latenciesMs: readonly number[];
  readonly bytes: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly seconds: number;
}

/** A generator of connections whose handshakes are all full, or all resumed; throws when one was of the other kind. */
export function handshakeLoad(isResumed: boolean): (options: LoadOptions) => Promise<LoadResult> {
  return async (options) => {
    const { url, connections, seconds, cores, signal } = options;
    const plain: HandshakeOptions = { url, connections, seconds, isResumed };
    const args = ['-c', cores, process.execPath, CHILD, JSON.stringify(plain)];
    const output = await runToEnd('taskset', args, signal === undefined ? {} : { signal });
    if (output.exitCode !== 0)
      throw new SluiceError('bench_handshakes', `handshakes with ${url}: ${output.stderr.slice(-2000)}`);
    const { latenciesMs, bytes, failures, seconds: took } = JSON.parse(output.stdout) as HandshakeReport;
    const at = (q: number): number => (latenciesMs.length === 0 ? 0 : quantile(latenciesMs, q));
    const result: LoadResult = {
      requests: latenciesMs.length,
      seconds: took,
      bytes,
      p50Ms: at(0.5),
      p90Ms: at(0.9),
      p99Ms: at(0.99),
      maxMs: at(1),
    };
    demandClean(options, result, failures);
    return result;
  };
}
