/** How every script of the bench ends: what went wrong on one line with its hint and exit code 1, or a signal. */
import { errorText, SluiceError } from '../src/kernel/errors.ts';

/** @param name stands before what is said */
export async function runBench(name: string, main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (thrown) {
    const hint = thrown instanceof SluiceError && thrown.hint !== undefined ? `\n  ${thrown.hint}` : '';
    process.stderr.write(`${name}: ${errorText(thrown)}${hint}\n`);
    process.exitCode = 1;
  }
}

/** Aborts with SIGINT or SIGTERM, so that what was started is ended in order. */
export function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
  return stop.signal;
}
