/** How every script of the bench ends: what went wrong on one line with its hint, and exit code 1. */
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
