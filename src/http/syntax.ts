/**
 * The alphabet of HTTP/1.1 (RFC 9110 section 5.6, RFC 9112): which characters may stand where. Heads are handled
 * as latin1 strings, one character a byte, so obs-text bytes survive unchanged.
 *
 * The expressions run once over a whole head instead of a loop over characters: V8 compiles them to machine
 * code, and one test refuses what no later step should ever have to think about.
 */

/** token = 1*tchar (RFC 9110 section 5.6.2). */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Anything but VCHAR except `#`, and obs-text: a target holds neither space, control bytes nor a fragment. */
const BAD_TARGET = /[^\x21\x22\x24-\x7e\x80-\xff]/;

/** Control bytes other than HTAB and the CR and LF that end lines. */
const CONTROL = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/;

/** A CR without its LF, an LF without its CR, or a folded line (obs-fold). A CR at the very end is the half of a line end still to come. */
const BARE_LINE_END = /\r[^\n]|(?:^|[^\r])\n|\r\n[\t ]/;

export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

export function isTargetText(text: string): boolean {
  return !BAD_TARGET.test(text);
}

/** True when `text` holds a byte that no head may hold: a control byte, a bare CR or a bare LF. */
export function hasForbiddenBytes(text: string): boolean {
  return CONTROL.test(text) || BARE_LINE_END.test(text);
}

/** True for the bytes that optional white space is made of: SP and HTAB. */
export function isOws(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** What can end a line, or must not stand in one: any control byte but HTAB. */
const LINE_END_OR_WORSE = /[\x00-\x08\x0a-\x1f\x7f]/g;

/**
 * Where the line that starts at `start` ends (the place of its CRLF), or -1 when it holds a control byte, a bare CR
 * or a bare LF, or is folded. One search finds the end and everything that must not stand before it.
 */
export function findLineEnd(text: string, start: number): number {
  LINE_END_OR_WORSE.lastIndex = start;
  if (!LINE_END_OR_WORSE.test(text)) return -1;
  const at = LINE_END_OR_WORSE.lastIndex - 1;
  const isEnd = text.charCodeAt(at) === 0x0d && text.charCodeAt(at + 1) === 0x0a;
  // A line that begins with white space would go on with this one (obs-fold).
  return isEnd && !isOws(text.charCodeAt(at + 2)) ? at : -1;
}

/** Removes optional white space at both ends; nothing else counts as white space (no NBSP, no FF). */
export function trimOws(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isOws(text.charCodeAt(start))) start++;
  while (end > start && isOws(text.charCodeAt(end - 1))) end--;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

/** 1*DIGIT up to Number.MAX_SAFE_INTEGER, else -1 (RFC 9110 section 8.6). */
export function parseDecimal(text: string): number {
  const length = text.length;
  if (length === 0 || length > 64) return -1;
  let value = 0;
  for (let i = 0; i < length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value <= Number.MAX_SAFE_INTEGER ? value : -1;
}

/**
 * host = reg-name / IPv4 / "[" IPv6 "]" with an optional port, as an authority without userinfo (RFC 3986 section 3.2). The
 * port is one that there is: what reads 99999 modulo 65536 would see another authority.
 */
const AUTHORITY =
  /^(?:\[[0-9A-Fa-f:.]+(?:%25[0-9A-Za-z\-._~]+)?\]|[0-9A-Za-z\-._~!$&'()*+;=%]+)(?::(?:[0-9]{0,4}|[0-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?$/;

export function isAuthority(text: string): boolean {
  return text.length <= 261 && AUTHORITY.test(text);
}

/** Calls `visit` with each item of a comma-separated list, trimmed and in lower case; empty items are skipped. */
export function eachListItem(value: string, visit: (item: string) => void): void {
  for (const part of value.split(',')) {
    const item = trimOws(part);
    if (item !== '') visit(item.toLowerCase());
  }
}
