/** Reading of files and variables that a configuration names, with complaints in the place of errors. */
import { resolve } from 'node:path';
import { errorCode, errorText } from '../kernel/errors.ts';
import type { Problem } from './diagnostic.ts';
import type { Environment } from './env.ts';
import type { At, LooseSecret } from './loose.ts';
import { quote } from './units.ts';

export interface FileAccess {
  /** Absolute path -> content; throws like `readFileSync`. */
  readonly readFile: (path: string) => string;
  /** The same, of what need not be text. */
  readonly readBytes: (path: string) => Uint8Array;
  readonly baseDir: string;
  readonly env: Environment;
  /** Unix time, to judge the validity of certificates. */
  readonly wallMs: number;
}

const SHORT_SECRET = 16;

export function error(at: At, message: string): Problem {
  return { severity: 'error', path: at.path, at: 'value', message };
}

export function warning(at: At, message: string): Problem {
  return { severity: 'warning', path: at.path, at: 'value', message };
}

export type Read<Content = string> = { readonly text: Content } | { readonly problem: Problem };

/** The content of a file that the configuration names, or what is wrong with it. @param what it is, for the message */
export function readFile(at: At, what: string, access: FileAccess): Read {
  return readBy(access.readFile, at, what, access);
}

/** The same, of what need not be text. */
export function readBytes(at: At, what: string, access: FileAccess): Read<Uint8Array> {
  return readBy(access.readBytes, at, what, access);
}

function readBy<Content>(
  read: (path: string) => Content,
  at: At,
  what: string,
  access: FileAccess,
): Read<Content> {
  const path = resolve(access.baseDir, at.text);
  try {
    return { text: read(path) };
  } catch (thrown) {
    return { problem: error(at, `${what} ${quote(at.text)} ${readFailure(thrown)} (${path}).`) };
  }
}

function readFailure(thrown: unknown): string {
  switch (errorCode(thrown)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'does not exist';
    case 'EACCES':
    case 'EPERM':
      return 'may not be read by this user';
    case 'EISDIR':
      return 'is a folder';
    default:
      return `cannot be read: ${errorText(thrown)}`;
  }
}

/** A secret, wherever it is; undefined = there is none, which the schema complains about. */
export function secretAt(
  { literal, env, file }: LooseSecret,
  access: FileAccess,
): { readonly at: At; readonly value: string } | { readonly problem: Problem } | undefined {
  if (env) {
    const value = access.env[env.text];
    return value === undefined || value === ''
      ? { problem: error(env, `the variable ${env.text} is not set.`) }
      : { at: env, value };
  }
  if (file) {
    const found = readFile(file, 'the file', access);
    if ('problem' in found) return found;
    const value = found.text.trim();
    return value === ''
      ? { problem: error(file, `the file ${quote(file.text)} is empty.`) }
      : { at: file, value };
  }
  return literal && { at: literal, value: literal.text };
}

/** @param what it is, such as `the token` */
export function shortSecret(
  { at, value }: { readonly at: At; readonly value: string },
  what: string,
): Problem[] {
  if (value.length >= SHORT_SECRET || value === '') return [];
  const message = `${what} has fewer than ${SHORT_SECRET} characters and could be guessed. Make one with: openssl rand -hex 24`;
  return [warning(at, message)];
}
