/**
 * JSON strings for log lines, fast. What comes in are latin1 strings off the wire (each char is one byte) and
 * names out of the configuration (any text). What goes out is ASCII only: control bytes, quotes and everything
 * above 0x7e are escaped, so a line is valid JSON and valid UTF-8 whatever a client sent, its length in chars is
 * its length in bytes, and no terminal escape sequence reaches the screen of whoever reads the log.
 */

// Anything but printable ASCII without `"` and `\`.
const NEEDS_ESCAPE = /[^\x20\x21\x23-\x5b\x5d-\x7e]/;
const HAS_HIGH_BYTE = /[\x80-\xff]/;
const IS_LATIN1 = /^[\0-\xff]*$/;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The content of a JSON string, without quotes. */
export function jsonContent(text: string): string {
  return NEEDS_ESCAPE.test(text) ? escapeJson(text).slice(1, -1) : text;
}

function escapeJson(text: string): string {
  // JSON.stringify escapes controls, quotes and lone surrogates; the rest above ASCII is escaped here.
  return JSON.stringify(readable(text)).replace(
    /[\x7f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Bytes that are UTF-8 (a user agent, a path that a lax client did not encode) are shown as the text they mean. */
function readable(text: string): string {
  if (!HAS_HIGH_BYTE.test(text) || !IS_LATIN1.test(text)) return text;
  try {
    return utf8.decode(Buffer.from(text, 'latin1'));
  } catch {
    return text;
  }
}
