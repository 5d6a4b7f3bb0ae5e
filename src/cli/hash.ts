/** `sluice hash password`, `sluice hash key`: what stands in the configuration in the place of secrets. */
import { createHash } from 'node:crypto';
import { hashPassword } from '../kernel/password-hash.ts';
import { secretBytes } from '../kernel/random.ts';
import { type Context, EXIT, type ExitCode } from './context.ts';
import { UsageError } from './failure.ts';

const KEY_BYTES = 24;
const SHORT = 8;

export async function hashOfPassword(context: Context): Promise<ExitCode> {
  const password = await ask('Password: ', context);
  if (password.length < SHORT)
    context.stderr.write(`This password has fewer than ${SHORT} characters and could be guessed.\n`);
  context.stdout.write(`${await hashPassword(password, secretBytes(16))}\n`);
  return EXIT.ok;
}

export interface HashKeyOptions {
  /** Draw a key instead of reading one. */
  readonly make?: boolean | undefined;
}

export async function hashOfKey({ make }: HashKeyOptions, context: Context): Promise<ExitCode> {
  const key = make === true ? secretBytes(KEY_BYTES).toString('base64url') : await ask('Key: ', context);
  const hash = `sha256:${createHash('sha256').update(key).digest('hex')}`;
  // What goes into the file stands alone on standard output.
  if (make === true) context.stderr.write(`The key, which is shown only now: ${key}\n`);
  context.stdout.write(`${hash}\n`);
  return EXIT.ok;
}

/** One line; of a pipe its first. @throws UsageError when there is none */
async function ask(prompt: string, context: Context): Promise<string> {
  const text = await context.readSecret(prompt);
  const [line = ''] = text.split(/\r?\n/);
  if (line === '')
    throw new UsageError(
      'nothing came on standard input',
      "For example: printf %s 'secret' | sluice hash password",
    );
  return line;
}
