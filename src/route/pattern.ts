/**
 * Path patterns of the file: `/x` is that path only (not `/x/`), `/x/*` is `/x`, `/x/` and all below it, and not
 * `/xy`. That `/x/*` takes `/x` itself is on purpose: a rule that closes `/admin/*` must close `/admin` as well.
 * `*` and `/*` are every path. Patterns are brought to the same normal form as requests.
 */
import { SluiceError } from '../kernel/errors.ts';
import { escapedByteAt, normalizePath } from './path.ts';

/** `path` has no slash at the end for a prefix; '' as a prefix is every path. */
export type PathPattern =
  | { readonly kind: 'exact'; readonly path: string }
  | { readonly kind: 'prefix'; readonly path: string };

/** @throws SluiceError `bad_path_pattern` */
export function parsePathPattern(text: string): PathPattern {
  if (text === '*' || text === '/*') return { kind: 'prefix', path: '' };
  const isPrefix = text.endsWith('/*');
  const body = isPrefix ? text.slice(0, -2) : text;
  if (body.includes('*')) {
    throw badPath(
      text,
      'A `*` stands only at the end, after a slash: `/x/*`. A literal one is written `%2A`.',
    );
  }
  if (/[?#]/.test(body)) throw badPath(text, 'Write the path only, without query or fragment.');
  const normal = normalizePath(escapeBeyondAscii(body));
  if (typeof normal !== 'string') throw badPath(text, normal.detail);
  const folded = foldPath(normal);
  return isPrefix
    ? { kind: 'prefix', path: folded.endsWith('/') ? folded.slice(0, -1) : folded }
    : { kind: 'exact', path: folded };
}

function badPath(text: string, hint: string): SluiceError {
  return new SluiceError('bad_path_pattern', `"${text}" is not a path pattern`, { hint });
}

/** A file is UTF-8 and so is what browsers escape: `/café` means `/caf%C3%A9`. */
function escapeBeyondAscii(text: string): string {
  return text.replace(/[^\0-\x7f]+/gu, (run) => encodeURIComponent(run.toWellFormed()));
}

/**
 * Matching is one step looser than the normal form: `%40` and `@` are the same letter to it, likewise the other
 * characters that may stand raw in a segment (RFC 3986 pchar: sub-delims, `:`, `@`). Servers decode them all, so
 * `/%40admin` must meet a rule for `/@admin`. The normal form itself keeps such escapes, since decoding them
 * would not be safe in a path that is sent on. `foldPath` is the plain definition; the table does it in its walk.
 */
export function foldPath(normalPath: string): string {
  return normalPath.replace(/%[0-9A-F]{2}/g, (escaped) => {
    const byte = escapedByteAt(escaped, 0);
    return isFoldable(byte) ? String.fromCharCode(byte) : escaped;
  });
}

/** sub-delims, `:` and `@`. */
export function isFoldable(byte: number): boolean {
  switch (byte) {
    case 0x21: // !
    case 0x24: // $
    case 0x26: // &
    case 0x27: // '
    case 0x28: // (
    case 0x29: // )
    case 0x2a: // *
    case 0x2b: // +
    case 0x2c: // ,
    case 0x3a: // :
    case 0x3b: // ;
    case 0x3d: // =
    case 0x40: // @
      return true;
    default:
      return false;
  }
}

/** Whether a normal path matches; the plain definition, for `explain` (look-ups use the table). */
export function pathMatches(pattern: PathPattern, normalPath: string): boolean {
  const path = foldPath(normalPath);
  if (pattern.kind === 'exact') return path === pattern.path;
  return pattern.path === '' || path === pattern.path || path.startsWith(`${pattern.path}/`);
}
