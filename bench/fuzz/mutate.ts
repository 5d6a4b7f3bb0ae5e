/**
 * Inputs out of sound ones: pure, seeded. Bytes changed at random are refused at the first line, so most changes here
 * know what they change: a line, a name, a value, the size of a chunk, the border between two messages.
 */
import type { Random } from '../../src/kernel/random.ts';

/** Beyond this an input costs time and finds nothing that a smaller one does not. */
const MAX_CHARS = 40_000;

const BYTES = [
  ...'\r\n\t :,;0ax\0\x0b\x7f\x80\xff+-_#"/\\?%.*=',
  '\r\n',
  '\r\n\r\n',
  '\n\n',
  '\r\n ',
  'chunked',
  'close',
];
/** The Arabic three as its bytes of UTF-8: texts are bytes as latin1, and another character would become another byte on the wire. */
const NUMBERS = [
  ...[
    '0',
    '1',
    '3',
    '00',
    '03',
    '-1',
    '+5',
    '0x5',
    '5 ',
    '5,5',
    '5, 5',
    '5;',
    '1e3',
    '\xd9\xa3',
    '',
    '4294967296',
  ],
  ...['9007199254740991', '9007199254740992', '18446744073709551616', '99999999999999999999999'],
];
const SIZES = [
  ...[
    '0',
    '00',
    '000',
    '1',
    'a',
    'A',
    '0x5',
    '+5',
    '-1',
    ' 5',
    '5 ',
    '5;',
    '5;a',
    '5;a=b',
    '5;a="\r\n"',
    '5\t',
  ],
  ...['FFFFFFFFFFFFFFFF', '10000000000000000', '1fffffffffffff', '20000000000000', '5_0', '5.', ''],
];
export const LINES = [
  ...[
    'Content-Length: 3',
    'Content-Length: 0',
    'content-length: 3, 3',
    'Content-Length : 3',
    'Content_Length: 3',
  ],
  ...['Transfer-Encoding: chunked', 'Transfer-Encoding: gzip, chunked', 'transfer-encoding: Chunked'],
  ...['Transfer-Encoding: identity', 'Transfer-Encoding:\tchunked', 'Transfer-Encoding: chunked, chunked'],
  ...['Transfer_Encoding: chunked', ' Transfer-Encoding: chunked', 'Transfer-Encoding: x\r\n chunked'],
  ...[
    'Connection: close',
    'Connection: keep-alive',
    'Connection: Host',
    'Connection: X-Forwarded-For, close',
  ],
  ...['Connection: Upgrade', 'Connection: Content-Length', 'connection: transfer-encoding', 'Connection: TE'],
  ...[
    'Upgrade: websocket',
    'Upgrade: h2c',
    'TE: trailers',
    'Trailer: X-T',
    'Expect: 100-continue',
    'Expect: x',
  ],
  ...[
    'Host: other.example',
    'Host:',
    'Host: [::1',
    'Host: a:b',
    'X-Forwarded-For: 1.2.3.4',
    'Forwarded: for=x',
  ],
  ...[
    'X-Real-IP: 9',
    'Proxy: x',
    'X-Request-Id: a b',
    'Via: 1.1 x',
    'Cookie: a=b',
    'Set-Cookie: a=b; Path=/',
  ],
  ...['X-A: 1', 'x-a:', 'X-Obs: caf\xe9', 'no colon', ': empty', ' folded', '\tfolded', 'X-Lf: a\nX-B: c'],
  ...['X-Cr: a\rb', 'X-Nul: a\0b', 'X[]: 1', '__proto__: x', 'constructor: y', 'Keep-Alive: timeout=0'],
  ...['Keep-Alive: timeout=99999999', 'WWW-Authenticate: Negotiate', 'HTTP2-Settings: AAMAAABkAAQAAP__'],
  ...[
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Date: x',
    'traceparent: 00-0-0-00',
    'Proxy-Connection: close',
  ],
];
const TARGETS = [
  ...[
    '/',
    '/a/../b',
    '/%2e%2e/x',
    '/%2f',
    '/%00',
    '/a#b',
    '//x',
    '/a b',
    '*',
    '/?',
    '/?a=%zz',
    '/caf\xe9',
    '/%',
  ],
  ...[
    'http://h.example/',
    'https://other/',
    'http://',
    'http://a@b/',
    'ftp://x/',
    'h.example:443',
    '/a|b"{}',
    '',
  ],
];
const METHODS = [
  'GET',
  'POST',
  'HEAD',
  'PUT',
  'DELETE',
  'OPTIONS',
  'PATCH',
  'QUERY',
  'CONNECT',
  'TRACE',
  'get',
  'G T',
  '',
];
const VERSIONS = [
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/1.2',
  'HTTP/2.0',
  'HTTP/0.9',
  'http/1.1',
  'HTTP/1.10',
  'HTTP/1,1',
  '',
];
const STATUSES = [
  '200',
  '204',
  '304',
  '100',
  '101',
  '103',
  '099',
  '1000',
  '20',
  '2x0',
  '401',
  '500',
  '999',
  '',
];

export function pick<T>(random: Random, from: readonly T[]): T {
  const found = from[random.below(from.length)];
  if (found === undefined && from.length === 0) throw new RangeError('nothing to pick from');
  return found as T;
}

type Change = (text: string, random: Random) => string;

function splice(text: string, at: number, remove: number, insert: string): string {
  return text.slice(0, at) + insert + text.slice(at + remove);
}

/** Replaces one match of the pattern, whichever. */
function replaceOne(text: string, random: Random, pattern: RegExp, make: (found: string) => string): string {
  const all = [...text.matchAll(pattern)];
  if (all.length === 0) return text;
  const match = pick(random, all);
  return splice(text, match.index, match[0].length, make(match[0]));
}

function changeLine(text: string, random: Random, change: (lines: string[], at: number) => void): string {
  const lines = text.split('\r\n');
  change(lines, random.below(lines.length));
  return lines.join('\r\n');
}

const BYTE_CHANGES: readonly Change[] = [
  (text, random) => splice(text, random.below(text.length + 1), random.below(3), pick(random, BYTES)),
  (text, random) => splice(text, random.below(text.length + 1), 1, String.fromCharCode(random.below(256))),
  (text, random) => splice(text, random.below(text.length + 1), 1 + random.below(16), ''),
  (text, random) => {
    const at = random.below(text.length + 1);
    return splice(text, at, 0, text.slice(at, at + 1 + random.below(64)));
  },
  (text, random) => {
    const at = random.below(text.length + 1);
    const piece = text.slice(at, at + 1 + random.below(4));
    return splice(text, at, 0, piece.repeat(1 + random.below(random.below(20) === 0 ? 5000 : 20)));
  },
  (text, random) => text.slice(0, random.below(text.length + 1)),
];

const LINE_CHANGES: readonly Change[] = [
  (text, random) => changeLine(text, random, (lines, at) => lines.splice(at, 0, pick(random, LINES))),
  (text, random) => changeLine(text, random, (lines, at) => lines.splice(1, 0, lines[at] ?? '')),
  (text, random) => changeLine(text, random, (lines, at) => lines.splice(at, 1)),
  (text, random) => changeLine(text, random, (lines, at) => lines.splice(at, 0, lines[at] ?? '')),
  (text, random) =>
    changeLine(text, random, (lines, at) => {
      const other = random.below(lines.length);
      [lines[at], lines[other]] = [lines[other] ?? '', lines[at] ?? ''];
    }),
  (text, random) => replaceOne(text, random, /^[\w-]+(?=:)/gm, (name) => swapCase(name)),
  (text, random) =>
    replaceOne(text, random, /:[ \t]*/g, () => pick(random, [':', ' : ', ':\t', ':  ', ' :', '::'])),
  (text, random) =>
    replaceOne(text, random, /\r\n/g, () =>
      pick(random, ['\n', '\r', '\r\r\n', '\r\n\r\n', ' \r\n', '\r\n ']),
    ),
];

const MESSAGE_CHANGES: readonly Change[] = [
  (text, random) =>
    replaceOne(text, random, /(?<=^content-length:[ \t]*)\S*/gim, () => pick(random, NUMBERS)),
  (text, random) => replaceOne(text, random, /^[0-9a-fA-F]+(?=[;\r])/gm, () => pick(random, SIZES)),
  (text, random) => replaceOne(text, random, /(?<=^[A-Z]+ )\S+/gm, () => pick(random, TARGETS)),
  (text, random) => replaceOne(text, random, /^[A-Z]+(?= )/gm, () => pick(random, METHODS)),
  (text, random) => replaceOne(text, random, /HTTP\/\d\.\d/g, () => pick(random, VERSIONS)),
  (text, random) => replaceOne(text, random, /(?<=^HTTP\/1\.\d )\d{3}/gm, () => pick(random, STATUSES)),
  (text, random) => replaceOne(text, random, /\r\n\r\n/g, () => `\r\n${pick(random, LINES)}\r\n\r\n`),
  (text, random) => replaceOne(text, random, /0\r\n\r\n/g, () => `0\r\n${pick(random, LINES)}\r\n\r\n`),
];

function swapCase(text: string): string {
  return text === text.toLowerCase() ? text.toUpperCase() : text.toLowerCase();
}

/** Up to four changes of HTTP text, mostly of its parts, at times of its bytes. */
export function mutate(text: string, random: Random): string {
  let changed = text;
  for (let left = 1 + random.below(4); left > 0; left--) {
    const kind = random.below(10);
    const changes = kind < 3 ? BYTE_CHANGES : kind < 6 ? LINE_CHANGES : MESSAGE_CHANGES;
    changed = pick(random, changes)(changed, random);
  }
  return changed.slice(0, MAX_CHARS);
}

/** Up to four changes of nothing but bytes. */
export function mutateBytes(text: string, random: Random): string {
  let changed = text;
  for (let left = 1 + random.below(4); left > 0; left--)
    changed = pick(random, BYTE_CHANGES)(changed, random);
  return changed.slice(0, MAX_CHARS);
}

/** Messages one behind the other, or the start of one with the end of another. */
export function combine(corpus: readonly string[], random: Random): string {
  const first = pick(random, corpus);
  const way = random.below(6);
  if (way < 3) return first;
  const second = pick(random, corpus);
  if (way < 5) return first + second;
  return first.slice(0, random.below(first.length + 1)) + second.slice(random.below(second.length + 1));
}

/** Places to cut at: none, a few, or (in short texts) between all bytes. */
export function makeCuts(length: number, random: Random): number[] {
  if (length < 2) return [];
  const way = random.below(8);
  if (way === 0) return [];
  if (way === 1 && length < 600) return Array.from({ length: length - 1 }, (_, i) => i + 1);
  return Array.from({ length: 1 + random.below(6) }, () => 1 + random.below(length - 1)).sort(
    (a, b) => a - b,
  );
}
