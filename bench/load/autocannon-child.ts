/**
 * autocannon in a process of its own, so that it can be pinned: options as JSON in the first argument, the result as
 * JSON on standard output.
 */
import autocannon from 'autocannon';
import { SeededRandom } from '../../src/kernel/random.ts';
import type { LoadOptions } from './load.ts';

const DIFFERENT_REQUESTS = 1_024;

/** Requests whose path, query and cookie differ, as requests.lua makes them. */
function variedRequests(path: string, seed: number): autocannon.Request[] {
  const random = new SeededRandom(seed);
  const word = (): string =>
    random
      .below(2 ** 31)
      .toString(16)
      .padStart(8, '0');
  return Array.from({ length: DIFFERENT_REQUESTS }, () => ({
    path: `${path}/${random.below(1_000_000)}/${word()}?q=${word()}&page=${random.below(50)}`,
    headers: { cookie: `session=${word()}${word()}${word()}${word()}; theme=dark` },
  }));
}

const options: LoadOptions = JSON.parse(process.argv[2] ?? '{}');
const result = await autocannon({
  url: options.url,
  connections: options.connections,
  duration: options.seconds,
  tlsOptions: { rejectUnauthorized: false },
  ...(options.mix === 'alike'
    ? {}
    : { requests: variedRequests(new URL(options.url).pathname, options.seed) }),
});
process.stdout.write(`${JSON.stringify(result)}\n`);
