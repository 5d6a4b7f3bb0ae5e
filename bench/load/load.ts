/** What a load generator is asked for and what it reports, whichever it is. */
import { SluiceError } from '../../src/kernel/errors.ts';

export interface LoadOptions {
  readonly url: string;
  /** `clients` is `varied` with an X-Forwarded-For that differs too, `services` with host and path of some routes. */
  readonly mix: 'alike' | 'varied' | 'clients' | 'services';
  /** How many, for the mix of that name. */
  readonly services?: number;
  readonly connections: number;
  readonly seconds: number;
  readonly seed: number;
  readonly cores: string;
  /** Mean wait of a connection between an answer and its next request; 0 asks at once. */
  readonly pauseMs?: number;
  /** Each request asks for the end of its connection, so that the next one needs a new one. Only with `alike`. */
  readonly closes?: boolean;
  /** The body that each answer must have at least; less is an error. */
  readonly bodyBytes: number;
  readonly signal?: AbortSignal;
}

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  readonly bytes: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** A figure over failed requests is no figure: throws unless every one was answered, with 2xx and a whole body. */
export function demandClean(
  options: LoadOptions,
  result: LoadResult,
  failures: Readonly<Record<string, number>>,
): void {
  const failed = Object.entries(failures).filter(([, count]) => count > 0);
  const said = failed.map(([kind, count]) => `${count} ${kind}`);
  if (result.requests === 0) said.push('no request was answered');
  else if (result.bytes / result.requests < options.bodyBytes) {
    const mean = Math.round(result.bytes / result.requests);
    said.push(`answers of ${mean} bytes in the mean where ${options.bodyBytes} were expected`);
  }
  if (said.length === 0) return;
  throw new SluiceError('bench_load_failed', `load on ${options.url} (${options.mix}): ${said.join(', ')}`, {
    hint: 'run it alone with --only and --cases, and look at what it answers',
  });
}
