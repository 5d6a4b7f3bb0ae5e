/**
 * What looks like a secret although the schema does not know it: under a key that is misspelt, put in the wrong place or of another
 * program. For code frames only, where a value too many that is blotted out costs nothing, one too few a password. Pure.
 */

import { distance } from 'fastest-levenshtein';
import type { Path } from './diagnostic.ts';
import { sameLetters } from './schema/basics.ts';

/** Everything below the key, only what looks made by chance, nothing. */
export type Secrecy = 'all' | 'material' | 'nothing';

const SECRET_WORDS = [
  'password',
  'passwords',
  'passwd',
  'passphrase',
  'passcode',
  'secret',
  'secrets',
  'token',
  'tokens',
  'credential',
  'credentials',
  'authorization',
  'apikey',
  'apikeys',
];
/** Too short to be guessed from a misspelling. */
const SHORT_WORDS = new Set(['pass', 'pwd', 'pw', 'psk', 'creds', 'bearer', 'salt', 'hmac', 'users']);
/** In front of `key`, what makes it no name of a field: `api_key`, `private-key`. */
const KEY_KINDS = new Set(
  'api private secret access signing sign encryption session shared master account ssh auth admin'.split(' '),
);
/** A key that ends in one of these says where or what the secret is, not the secret. */
const HARMLESS_ENDS = new Set(
  (
    'file files path dir url uri header field name names ttl expires expiry env id type role claim algorithm algorithms ' +
    'length size limit bucket rate realm'
  ).split(' '),
);

export function secrecyOf(key: string): Secrecy {
  const words = key
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
  const last = words.at(-1) ?? '';
  if (HARMLESS_ENDS.has(last)) return 'nothing';
  if (words.some(isSecretWord)) return 'all';
  if (/^keys?$/.test(last)) return words.some((word) => KEY_KINDS.has(word)) ? 'all' : 'material';
  return /^(hash|hashes|jwks?|cert|signature)$/.test(last) ? 'material' : 'nothing';
}

/** Of a value, by all keys above it; what is secret in a list of nouns (`tokens`, `api_keys`) their own keys say. */
export function secrecyAt(path: Path): Secrecy {
  let above: Secrecy = 'nothing';
  for (const [i, step] of path.entries()) {
    if (typeof step === 'number') continue;
    const own = secrecyOf(step);
    const isAnew = step === 'file' || step === 'env' || typeof path[i - 1] === 'number';
    if (own !== 'nothing' || isAnew) above = own;
  }
  return above;
}

function isSecretWord(word: string): boolean {
  if (SHORT_WORDS.has(word) || /(?:password|passwd|passphrase|secret|token|apikey)s?$/.test(word))
    return true;
  return (
    word.length >= 4 && SECRET_WORDS.some((known) => distance(word, known) <= 1 || sameLetters(word, known))
  );
}

export const LONGEST_MADE = 4096;

/** Letters and digits mixed, long, and neither a path nor one of our `kind:name`. */
export function looksMade(value: string): boolean {
  if (value.length < 16 || value.length > LONGEST_MADE) return false;
  if (!/^[\w+/=.~-]+$/.test(value) || /^[./]|\.[a-z]{2,5}$/i.test(value)) return false;
  return /\d/.test(value) && /[a-z]/i.test(value);
}

/** Secrets that are seen by their own shape, whatever they stand under; the first group, or else all of it. Each takes linear time. */
const SHAPES: readonly RegExp[] = [
  /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,40}-----|$(?![\s\S]))/dg,
  /\$(?:scrypt|argon2[a-z]{0,2}|pbkdf2[\w-]{0,16}|2[abxy]|[156y]|apr1)\$[^\s"'}\]]+/dg,
  /\bsha(?:1|224|256|384|512)[:-][\w+/=]{16,}/dgi,
  /\bbearer[ \t]{1,8}([\w.~+/=-]{8,})/dgi,
  /:\/\/[^\s/@:"'{}]{0,256}:([^\s/@"'{}]{1,1024})@/dg,
];

export type Range = readonly [start: number, end: number];

export function shapesIn(text: string): Range[] {
  const ranges: Range[] = [];
  for (const shape of SHAPES)
    for (const { indices } of text.matchAll(shape)) {
      const range = indices?.[1] ?? indices?.[0];
      if (range) ranges.push(range);
    }
  return ranges;
}
