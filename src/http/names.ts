/**
 * What each field name means to a proxy, read where it stands in the head: one walk over its characters checks that
 * it is a token and finds it in a table, without cutting it out (a new string and a map look-up per line were
 * a tenth of the time of a request, bench/micro/head.ts).
 */
export const PASS = 0;
export const HOST = 1;
export const CONTENT_LENGTH = 2;
export const TRANSFER_ENCODING = 3;
export const CONNECTION = 4;
/** Dropped on every message: hop-by-hop fields (RFC 9110 section 7.6.1) and `Proxy` (httpoxy). */
export const HOP = 5;
export const UPGRADE = 6;
export const EXPECT = 7;
export const TE = 8;
export const COOKIE = 9;
export const USER_AGENT = 10;
/** Who the client is: dropped from strangers, extended from trusted proxies, always set by us. */
export const FORWARDED = 11;
export const X_FORWARDED_FOR = 12;
export const X_FORWARDED_PROTO = 13;
export const X_FORWARDED_HOST = 14;
export const X_FORWARDED_PORT = 15;
export const X_FORWARDED_PREFIX = 16;
export const X_FORWARDED_OTHER = 17;
export const X_REAL_IP = 18;
export const X_REQUEST_ID = 19;
/** A name that CGI-like servers fold onto a framing or identity field (`X_Forwarded_For`, `Content.Length`). */
export const ALIAS = 20;
/** `Keep-Alive`: hop-by-hop, but its timeout is of use. */
export const KEEP_ALIVE = 21;
export const DATE = 22;
export const AUTHORIZATION = 23;
export const WWW_AUTHENTICATE = 24;
/** Not a token: the message is refused. */
export const INVALID = -1;

export type NameClass = number;

const KNOWN: ReadonlyMap<string, NameClass> = new Map([
  ['host', HOST],
  ['content-length', CONTENT_LENGTH],
  ['transfer-encoding', TRANSFER_ENCODING],
  ['connection', CONNECTION],
  ['proxy-connection', HOP],
  ['keep-alive', KEEP_ALIVE],
  ['trailer', HOP],
  ['proxy-authorization', HOP],
  ['proxy-authenticate', HOP],
  ['http2-settings', HOP],
  ['proxy', HOP],
  ['upgrade', UPGRADE],
  ['expect', EXPECT],
  ['te', TE],
  ['date', DATE],
  ['authorization', AUTHORIZATION],
  ['www-authenticate', WWW_AUTHENTICATE],
  ['cookie', COOKIE],
  ['user-agent', USER_AGENT],
  ['forwarded', FORWARDED],
  ['x-forwarded-for', X_FORWARDED_FOR],
  ['x-forwarded-proto', X_FORWARDED_PROTO],
  ['x-forwarded-host', X_FORWARDED_HOST],
  ['x-forwarded-port', X_FORWARDED_PORT],
  ['x-forwarded-prefix', X_FORWARDED_PREFIX],
  ['x-real-ip', X_REAL_IP],
  ['x-request-id', X_REQUEST_ID],
]);

/** tchar (RFC 9110 section 5.6.2) to its lower case; 0 = no tchar. */
const LOWER = new Uint8Array(256);
for (const char of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")
  LOWER[char.charCodeAt(0)] = char.charCodeAt(0);
for (let code = 0x41; code <= 0x5a; code++) LOWER[code] = code | 0x20;

const TABLE_SIZE = 1024;
/** Known names by the hash of their lower case; no two of them share a place (checked below). */
const TABLE: ({ readonly name: string; readonly kind: NameClass } | undefined)[] = new Array(TABLE_SIZE).fill(
  undefined,
);

function step(hash: number, code: number): number {
  return (Math.imul(hash, 33) + code) | 0;
}

for (const [name, kind] of KNOWN) {
  let hash = 0;
  for (let i = 0; i < name.length; i++) hash = step(hash, name.charCodeAt(i));
  const place = hash & (TABLE_SIZE - 1);
  if (TABLE[place])
    throw new Error(`field names ${name} and ${TABLE[place].name} share a place in the table`);
  TABLE[place] = { name, kind };
}

const UNDERSCORE = 0x5f;
const DOT = 0x2e;
const X = 0x78;

/** The meaning of the name that stands in `text` from `start` up to (without) `end`. */
export function classifyName(text: string, start: number, end: number): NameClass {
  // hot path: bench/micro/head.ts
  let hash = 0;
  let isOdd = false;
  for (let i = start; i < end; i++) {
    const code = LOWER[text.charCodeAt(i)] as number;
    if (code === 0) return INVALID;
    if (code === UNDERSCORE || code === DOT) isOdd = true;
    hash = step(hash, code);
  }
  if (end === start) return INVALID;
  if (isOdd) return classifyOdd(text.slice(start, end).toLowerCase());
  const known = TABLE[hash & (TABLE_SIZE - 1)];
  if (known !== undefined && isSameName(text, start, end, known.name)) return known.kind;
  const isForwarded =
    LOWER[text.charCodeAt(start)] === X &&
    end - start > 12 &&
    isSameName(text, start, start + 12, 'x-forwarded-');
  return isForwarded ? X_FORWARDED_OTHER : PASS;
}

function isSameName(text: string, start: number, end: number, name: string): boolean {
  if (end - start !== name.length) return false;
  for (let i = 0; i < name.length; i++) {
    if (LOWER[text.charCodeAt(start + i)] !== name.charCodeAt(i)) return false;
  }
  return true;
}

/** A name with `_` or `.`: harmless, or the twin of a field that means something to us. */
function classifyOdd(lower: string): NameClass {
  const folded = lower.replace(/[_.]/g, '-');
  if (folded.startsWith('x-forwarded-'))
    return lower.startsWith('x-forwarded-') && !KNOWN.has(folded) ? X_FORWARDED_OTHER : ALIAS;
  const twin = KNOWN.get(folded);
  return twin === undefined || twin === COOKIE || twin === USER_AGENT ? PASS : ALIAS;
}
