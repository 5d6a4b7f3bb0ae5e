/**
 * What each field name means to a proxy. The table is asked once a line, with the name as it came; spellings
 * seen are remembered (bounded), so that the usual ones cost one look-up and no new string.
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
/** Not a token: the message is refused. */
export const INVALID = -1;

export type NameClass = number;

const KNOWN: Readonly<Record<string, NameClass>> = {
  __proto__: null as never,
  host: HOST,
  'content-length': CONTENT_LENGTH,
  'transfer-encoding': TRANSFER_ENCODING,
  connection: CONNECTION,
  'proxy-connection': HOP,
  'keep-alive': HOP,
  trailer: HOP,
  'proxy-authorization': HOP,
  'proxy-authenticate': HOP,
  'http2-settings': HOP,
  proxy: HOP,
  upgrade: UPGRADE,
  expect: EXPECT,
  te: TE,
  cookie: COOKIE,
  'user-agent': USER_AGENT,
  forwarded: FORWARDED,
  'x-forwarded-for': X_FORWARDED_FOR,
  'x-forwarded-proto': X_FORWARDED_PROTO,
  'x-forwarded-host': X_FORWARDED_HOST,
  'x-forwarded-port': X_FORWARDED_PORT,
  'x-forwarded-prefix': X_FORWARDED_PREFIX,
  'x-real-ip': X_REAL_IP,
  'x-request-id': X_REQUEST_ID,
};

const TCHAR = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** The meaning of a name in lower case; names that only look like an important one are `ALIAS`. */
export function classifyLowerName(lower: string): NameClass {
  const known = KNOWN[lower];
  if (known !== undefined) return known;
  if (lower.startsWith('x-forwarded-')) return X_FORWARDED_OTHER;
  if (lower.includes('_') || lower.includes('.')) {
    const folded = lower.replace(/[_.]/g, '-');
    const twin = KNOWN[folded];
    if (folded.startsWith('x-forwarded-')) return ALIAS;
    if (twin !== undefined && twin !== COOKIE && twin !== USER_AGENT) return ALIAS;
  }
  return PASS;
}

const MAX_REMEMBERED = 2048;
const MAX_REMEMBERED_LENGTH = 64;

/** One per thread. Remembers at most 2 048 spellings of at most 64 bytes; past that it just computes. */
export class NameTable {
  readonly #spellings = new Map<string, NameClass>();

  classify(name: string): NameClass {
    const remembered = this.#spellings.get(name);
    return remembered === undefined ? this.#learn(name) : remembered;
  }

  #learn(name: string): NameClass {
    const kind = TCHAR.test(name) ? classifyLowerName(name.toLowerCase()) : INVALID;
    if (this.#spellings.size < MAX_REMEMBERED && name.length <= MAX_REMEMBERED_LENGTH) {
      this.#spellings.set(name, kind);
    }
    return kind;
  }
}
