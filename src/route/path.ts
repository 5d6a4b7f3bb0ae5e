/**
 * The one spelling of a path that routes are matched against. Servers disagree on what `/x/%2e%2e/admin`,
 * `//admin` or `/admin%2fx` mean, and every disagreement is a way around a rule. So there are two answers only:
 * the normal form, which every sane server reads as the same resource, or a refusal (the caller answers 400).
 * What goes upstream is not this form but the bytes that came, or a rewritten path.
 *
 * Normal form (RFC 3986 §6.2.2, and what nginx and Envoy call merge_slashes):
 * escapes of unreserved characters decoded, other escapes with upper-case hex digits, bytes from 0x80 escaped,
 * runs of `/` collapsed, dot segments removed. `;` has no meaning: `/admin;a=b` is one segment of that name.
 *
 * Refused, because a server behind may read them in another way than we would:
 * - `%2f`, `%5c`, `\`: a separator for some, a letter for others (CVE-2021-29492, CVE-2025-66490);
 * - `%00` and raw control bytes: the end of the string for some;
 * - an escape that is none (`%zz`, a `%` at the end): lenient decoders each make something else of it;
 * - `..` that climbs above the root, or that would remove an empty segment (`/admin//../x` is `/x` for who
 *   collapses first and `/admin/x` for who does not);
 * - a dot segment with parameters (`/..;x/`): Tomcat and its kin cut the parameters first and then climb.
 */

export type PathRefusalReason =
  | 'not_absolute'
  | 'control_byte'
  | 'backslash'
  | 'encoded_slash'
  | 'encoded_backslash'
  | 'encoded_nul'
  | 'malformed_escape'
  | 'above_root'
  | 'ambiguous_dots';

/** Why a path is refused: a stable word, and a sentence for the log and the 400 body. */
export interface PathRefusal {
  readonly refused: PathRefusalReason;
  readonly detail: string;
}

const refusal = (refused: PathRefusalReason, detail: string): PathRefusal =>
  Object.freeze({ refused, detail });

/** One object a reason, made once, so that refusing costs nothing either. */
export const PATH_REFUSALS: { readonly [reason in PathRefusalReason]: PathRefusal } = {
  not_absolute: refusal('not_absolute', 'The path does not begin with a slash.'),
  control_byte: refusal('control_byte', 'The path holds a space or a control byte.'),
  backslash: refusal('backslash', 'The path holds a backslash, which some servers take for a slash.'),
  encoded_slash: refusal('encoded_slash', 'The path holds an encoded slash (%2F).'),
  encoded_backslash: refusal('encoded_backslash', 'The path holds an encoded backslash (%5C).'),
  encoded_nul: refusal('encoded_nul', 'The path holds an encoded NUL (%00).'),
  malformed_escape: refusal('malformed_escape', 'A % in the path is not followed by two hex digits.'),
  above_root: refusal('above_root', 'A .. segment climbs above the root.'),
  ambiguous_dots: refusal('ambiguous_dots', 'A dot segment that servers resolve in different ways.'),
};

const SLASH = 0x2f;
const DOT = 0x2e;
const PERCENT = 0x25;
const BACKSLASH = 0x5c;

/**
 * The normal form of a raw path, or why it is refused.
 *
 * @param rawPath the path of the request target without query, one char a byte (latin1); or `*` (OPTIONS).
 * @returns the very same string when it is normal already: the common case allocates nothing.
 */
export function normalizePath(rawPath: string): string | PathRefusal {
  // hot path: bench/micro/route.ts
  if (rawPath.charCodeAt(0) !== SLASH) return rawPath === '*' ? rawPath : PATH_REFUSALS.not_absolute;
  let previous = 0;
  let isPlain = true;
  for (let i = 0; i < rawPath.length; i++) {
    const code = rawPath.charCodeAt(i);
    if (code <= 0x20 || code === 0x7f) return PATH_REFUSALS.control_byte;
    if (code === BACKSLASH) return PATH_REFUSALS.backslash;
    if (code === PERCENT || code > 0x7f) isPlain = false;
    else if (previous === SLASH && (code === SLASH || code === DOT)) isPlain = false;
    previous = code;
  }
  return isPlain ? rawPath : normalizeSlowly(rawPath);
}

function normalizeSlowly(rawPath: string): string | PathRefusal {
  const decoded = decodeUnreserved(rawPath);
  if (typeof decoded !== 'string') return decoded;
  if (!decoded.includes('//') && !decoded.includes('/.')) return decoded;
  return removeDotsAndEmpties(decoded);
}

/** Escapes: the unreserved decoded, the rest in upper case, raw bytes from 0x80 escaped. */
function decodeUnreserved(path: string): string | PathRefusal {
  let out = '';
  let copiedUpTo = 0;
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code > 0x7f) {
      out += path.slice(copiedUpTo, i) + escapeByte(code & 0xff);
      copiedUpTo = i + 1;
    } else if (code === PERCENT) {
      const value = escapedByteAt(path, i);
      if (value < 0) return PATH_REFUSALS.malformed_escape;
      if (value === SLASH) return PATH_REFUSALS.encoded_slash;
      if (value === BACKSLASH) return PATH_REFUSALS.encoded_backslash;
      if (value === 0) return PATH_REFUSALS.encoded_nul;
      out +=
        path.slice(copiedUpTo, i) + (isUnreserved(value) ? String.fromCharCode(value) : escapeByte(value));
      i += 2;
      copiedUpTo = i + 1;
    }
  }
  return copiedUpTo === 0 ? path : out + path.slice(copiedUpTo);
}

/**
 * RFC 3986 §5.2.4 and the collapsing of `//`, done over the uncollapsed segments so that the places where
 * the two orders of doing it differ can be seen and refused.
 */
function removeDotsAndEmpties(path: string): string | PathRefusal {
  const kept: string[] = [];
  const segments = path.split('/');
  const last = segments.length - 1;
  for (let i = 1; i <= last; i++) {
    const segment = segments[i] ?? '';
    if (segment === '.' || segment === '..') {
      if (segment === '..') {
        const removed = kept.pop();
        if (removed === undefined) return PATH_REFUSALS.above_root;
        if (removed === '') return PATH_REFUSALS.ambiguous_dots;
      }
      if (i === last) kept.push('');
    } else if (segment.startsWith('.;') || segment.startsWith('..;')) {
      return PATH_REFUSALS.ambiguous_dots;
    } else {
      kept.push(segment);
    }
  }
  const endsWithSlash = kept.at(-1) === '';
  const joined = kept.filter((segment) => segment !== '').join('/');
  if (joined === '') return '/';
  return endsWithSlash ? `/${joined}/` : `/${joined}`;
}

/** The byte of the escape that begins at `at`, or -1 when two hex digits do not follow. */
export function escapedByteAt(text: string, at: number): number {
  if (at + 2 >= text.length) return -1;
  const high = hexDigit(text.charCodeAt(at + 1));
  const low = hexDigit(text.charCodeAt(at + 2));
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** `%0A` for 10: always two upper-case digits. */
export function escapeByte(byte: number): string {
  return `%${byte < 16 ? '0' : ''}${byte.toString(16).toUpperCase()}`;
}

/** RFC 3986 §2.3: ALPHA DIGIT `-` `.` `_` `~`. */
function isUnreserved(byte: number): boolean {
  const lower = byte | 0x20;
  if (lower >= 0x61 && lower <= 0x7a) return true;
  if (byte >= 0x30 && byte <= 0x39) return true;
  return byte === 0x2d || byte === DOT || byte === 0x5f || byte === 0x7e;
}
