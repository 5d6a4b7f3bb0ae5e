/** What a request brings to say who sent it. Pure. */
import { fieldValues } from '../http/index.ts';

export interface Credentials {
  /** In lower case. */
  readonly scheme: string;
  /** What stands behind it. */
  readonly value: string;
}

/** @returns null without an Authorization field; 'many' for several: which of them others would take cannot be known */
export function authorizationOf(fields: string): Credentials | 'many' | null {
  const values = fieldValues(fields, 'authorization');
  const [only] = values;
  if (only === undefined) return null;
  if (values.length > 1) return 'many';
  const blank = only.indexOf(' ');
  if (blank < 0) return { scheme: only.toLowerCase(), value: '' };
  return { scheme: only.slice(0, blank).toLowerCase(), value: only.slice(blank + 1).trim() };
}

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** RFC 7617: user and password, each as bytes; a colon parts them. @returns null when it is not that */
export function parseBasic(value: string): { user: string; password: Buffer } | null {
  if (!BASE64.test(value)) return null;
  const bytes = Buffer.from(value, 'base64');
  const colon = bytes.indexOf(0x3a);
  if (colon < 1) return null;
  return { user: bytes.toString('latin1', 0, colon), password: bytes.subarray(colon + 1) };
}

/** The only value of that parameter of the query, decoded; null without it; 'many' for several. */
export function queryValueOf(target: string, name: string): string | 'many' | null {
  const mark = target.indexOf('?');
  if (mark < 0) return null;
  const values = new URLSearchParams(target.slice(mark + 1)).getAll(name);
  if (values.length > 1) return 'many';
  return values[0] ?? null;
}
