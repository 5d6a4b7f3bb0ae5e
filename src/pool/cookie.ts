/** The few characters of RFC 6265 that a balancer must understand. */

/** RFC 9110 `token`, which is what a cookie name is. */
export function isCookieName(name: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name);
}

/**
 * The value of the first cookie of that exact name (case-sensitive) in a `Cookie` field (RFC 6265 section 4.2.1), without
 * surrounding blanks and one pair of double quotes; undefined when there is none. Linear, allocates only the value.
 * A `;` ends a value even inside quotes: the grammar allows none there, and every server reads it so.
 */
export function readCookie(header: string, name: string): string | undefined {
  for (let at = header.indexOf(name); at !== -1; at = header.indexOf(name, at + 1)) {
    const equals = at + name.length;
    if (header.charCodeAt(equals) === EQUALS && startsPair(header, at)) return valueFrom(header, equals + 1);
  }
  return undefined;
}

const TAB = 0x09;
const BLANK = 0x20;
const QUOTE = 0x22;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;

function isBlank(code: number): boolean {
  return code === BLANK || code === TAB;
}

/** Nothing but blanks between here and the `;` or the start before it: else `my-name=` would pass for `name=`. */
function startsPair(header: string, at: number): boolean {
  let before = at - 1;
  while (before >= 0 && isBlank(header.charCodeAt(before))) before--;
  return before < 0 || header.charCodeAt(before) === SEMICOLON;
}

function valueFrom(header: string, from: number): string {
  const semicolon = header.indexOf(';', from);
  let start = from;
  let end = semicolon === -1 ? header.length : semicolon;
  while (start < end && isBlank(header.charCodeAt(start))) start++;
  while (end > start && isBlank(header.charCodeAt(end - 1))) end--;
  const quoted =
    end - start >= 2 && header.charCodeAt(start) === QUOTE && header.charCodeAt(end - 1) === QUOTE;
  return quoted ? header.slice(start + 1, end - 1) : header.slice(start, end);
}
