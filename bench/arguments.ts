/** What the command lines of the long-running scripts have in common: pure. */
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { SluiceError } from '../src/kernel/errors.ts';

/** @throws SluiceError for a number outside of `least` to `most`, or none */
export function numberOf(option: string, given: string, least: number, most: number): number {
  const value = Number(given);
  if (given.trim() !== '' && value >= least && value <= most) return value;
  throw new SluiceError('bench_option', `--${option}: "${given}" is not a number from ${least} to ${most}`);
}

/** @throws SluiceError for an option that is not known, without its value, or an argument that is none */
export function parseOptions<T extends ParseArgsOptionsConfig>(args: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: false }).values;
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    throw new SluiceError('bench_option', message, { hint: '--help shows all options', cause: thrown });
  }
}
