/** wrk as load generator: one thread, one core, keep-alive; it is the cheapest there is, so the subject is what limits. */
import { fileURLToPath } from 'node:url';
import { SluiceError } from '../../src/kernel/errors.ts';
import { runToEnd } from '../system/process.ts';
import { demandClean, type LoadOptions, type LoadResult } from './load.ts';

const SCRIPT = fileURLToPath(new URL('requests.lua', import.meta.url));

/** Loads for the given seconds; throws unless every answer was whole and 2xx. */
export async function runWrk(options: LoadOptions): Promise<LoadResult> {
  const {
    url,
    mix,
    connections,
    seconds,
    seed,
    cores,
    pauseMs = 0,
    closes = false,
    services = 1,
    signal,
  } = options;
  const wrk = [
    'wrk',
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    '--timeout',
    '5s',
    '-s',
    SCRIPT,
    ...(closes ? ['-H', 'Connection: close'] : []),
    url,
  ];
  const script = ['--', mix, String(seed), String(pauseMs), String(services)];
  const output = await runToEnd(
    'taskset',
    ['-c', cores, ...wrk, ...script],
    signal === undefined ? {} : { signal },
  );
  const line = /^@result (.*)$/m.exec(output.stdout)?.[1];
  if (output.exitCode !== 0 || line === undefined) {
    throw new SluiceError('bench_wrk', `wrk failed on ${url}: ${(output.stderr || output.stdout).trim()}`, {
      hint: 'on Debian: apt-get install wrk',
    });
  }
  const said: Partial<Record<string, number>> = JSON.parse(line);
  const count = (key: string): number => said[key] ?? 0;
  const result: LoadResult = {
    requests: count('requests'),
    seconds: count('durationUs') / 1e6,
    bytes: count('bytes'),
    p50Ms: count('p50Us') / 1e3,
    p90Ms: count('p90Us') / 1e3,
    p99Ms: count('p99Us') / 1e3,
    maxMs: count('maxUs') / 1e3,
  };
  demandClean(options, result, {
    'failed connections': count('connectErrors'),
    'read errors': count('readErrors'),
    'write errors': count('writeErrors'),
    'answers with an error status': count('statusErrors'),
    timeouts: count('timeouts'),
  });
  return result;
}
