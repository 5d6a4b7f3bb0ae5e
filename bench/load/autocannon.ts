/** autocannon as load generator: what users of Node know. It costs more than most subjects, so it is what limits. */
import { fileURLToPath } from 'node:url';
import type { Result } from 'autocannon';
import { SluiceError } from '../../src/kernel/errors.ts';
import { runToEnd } from '../system/process.ts';
import { demandClean, type LoadOptions, type LoadResult } from './load.ts';

const CHILD = fileURLToPath(new URL('autocannon-child.ts', import.meta.url));

/** Loads for the given seconds; throws unless every answer was whole and 2xx. Latencies are whole milliseconds. */
export async function runAutocannon(options: LoadOptions): Promise<LoadResult> {
  const { signal, ...plain } = options;
  const args = ['-c', options.cores, process.execPath, CHILD, JSON.stringify(plain)];
  const output = await runToEnd('taskset', args, signal === undefined ? {} : { signal });
  if (output.exitCode !== 0) {
    throw new SluiceError(
      'bench_autocannon',
      `autocannon failed on ${options.url}: ${output.stderr.slice(-2_000)}`,
    );
  }
  const said: Result = JSON.parse(output.stdout);
  const result: LoadResult = {
    requests: said.requests.total,
    seconds: said.duration,
    bytes: said.throughput.total,
    p50Ms: said.latency.p50,
    p90Ms: said.latency.p90,
    p99Ms: said.latency.p99,
    maxMs: said.latency.max,
  };
  demandClean(options, result, {
    errors: said.errors,
    timeouts: said.timeouts,
    'answers other than 2xx': said.non2xx,
    resets: said.resets,
  });
  return result;
}
