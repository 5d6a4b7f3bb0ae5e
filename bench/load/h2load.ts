/** h2load (nghttp2) as load generator for HTTP/2: one thread, each connection with some streams at a time. */
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SluiceError } from '../../src/kernel/errors.ts';
import { quantile } from '../stats.ts';
import { runToEnd } from '../system/process.ts';
import { demandClean, type LoadOptions, type LoadResult } from './load.ts';

/** Streams at a time on a connection: what a browser has, and far below everybody's limit. */
const STREAMS = 10;

export interface H2loadCounts {
  readonly seconds: number;
  readonly done: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly bytes: number;
}

/** Reads h2load's summary; undefined when it is none. Pure. */
export function parseH2load(text: string): H2loadCounts | undefined {
  const finished = /^finished in ([\d.]+)(ms|s|us), /m.exec(text);
  const requests =
    /^requests: (\d+) total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/m.exec(
      text,
    );
  const codes = /^status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/m.exec(text);
  const traffic = /^traffic: \S+ \((\d+)\) total/m.exec(text);
  if (finished === null || requests === null || codes === null || traffic === null) return undefined;
  const unit = { s: 1, ms: 1e-3, us: 1e-6 }[finished[2] as 's' | 'ms' | 'us'];
  return {
    seconds: Number(finished[1]) * unit,
    done: Number(requests[2]),
    failures: {
      'failed requests': Number(requests[4]),
      'requests with an error': Number(requests[5]),
      timeouts: Number(requests[6]),
      'answers with an error status': Number(codes[2]) + Number(codes[3]) + Number(codes[4]),
    },
    bytes: Number(traffic[1]),
  };
}

/** Loads for the given seconds; throws unless every answer was 2xx. */
export async function runH2load(options: LoadOptions): Promise<LoadResult> {
  const { url, connections, seconds, cores, seed, signal } = options;
  const logPath = join(tmpdir(), `sluice-h2load-${process.pid}-${seed}.log`);
  // A run of a given length ends with requests under way, which it counts as failed unless there is a warm-up.
  const h2load = ['h2load', '-t1', `-c${connections}`, `-m${STREAMS}`, `-D${seconds}`, '--warm-up-time=0'];
  try {
    const output = await runToEnd(
      'taskset',
      ['-c', cores, ...h2load, `--log-file=${logPath}`, url],
      signal === undefined ? {} : { signal },
    );
    const counts = parseH2load(output.stdout);
    if (output.exitCode !== 0 || counts === undefined) {
      throw new SluiceError(
        'bench_h2load',
        `h2load failed on ${url}: ${(output.stderr || output.stdout).trim()}`,
        {
          hint: 'on Debian: apt-get install nghttp2-client',
        },
      );
    }
    // Start in us since the epoch, status, duration in us; tabs between.
    const times = readFileSync(logPath, 'latin1')
      .split('\n')
      .flatMap((line) => (line === '' ? [] : [Number(line.split('\t')[2]) / 1000]));
    const at = (q: number): number => (times.length === 0 ? 0 : quantile(times, q));
    const result: LoadResult = {
      requests: counts.done,
      seconds: counts.seconds,
      bytes: counts.bytes,
      p50Ms: at(0.5),
      p90Ms: at(0.9),
      p99Ms: at(0.99),
      maxMs: at(1),
    };
    demandClean({ ...options, bodyBytes: 0 }, result, counts.failures);
    return result;
  } finally {
    rmSync(logPath, { force: true });
  }
}
