/** Errors as a person at a command line reads them. */
import { errorText, SluiceError } from '../kernel/errors.ts';
import { EXIT, type ExitCode, type Output } from './context.ts';
import { painter } from './paint.ts';

/** The command line was wrong, not the machine: exit code 2. */
export class UsageError extends SluiceError {
  constructor(message: string, hint?: string) {
    super('usage', message, hint === undefined ? {} : { hint });
    this.name = 'UsageError';
  }
}

/** What was thrown, for a line of the log: its message, and in fields what a program or a person needs beside it. */
export function failureFields(error: unknown): { readonly message: string; readonly fields: LogFields } {
  if (!(error instanceof SluiceError)) return { message: errorText(error), fields: { error } };
  const { message, code, hint } = error;
  return { message, fields: hint === undefined ? { code } : { code, hint } };
}

type LogFields = Readonly<Record<string, unknown>>;

/** Says what went wrong and what to do about it; anything but a SluiceError is a fault of ours and shows its stack. */
export function reportFailure(error: unknown, stderr: Output): ExitCode {
  const paint = painter(stderr);
  const isKnown = error instanceof SluiceError;
  const text = isKnown
    ? error.message
    : error instanceof Error
      ? (error.stack ?? error.message)
      : String(error);
  stderr.write(`${paint.red('error:')} ${text}\n`);
  if (isKnown && error.hint !== undefined) {
    const lines = error.hint.trimEnd().split('\n');
    stderr.write(lines.map((line) => `       ${line}\n`).join(''));
  }
  return error instanceof UsageError ? EXIT.usage : EXIT.failure;
}
