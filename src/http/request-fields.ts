/**
 * The field block of a request (RFC 9110 section 5, RFC 9112 section 5): read once, in one pass, into what it means to
 * a proxy and what goes on to the server.
 *
 * `RequestFields.forward` is the block without hop-by-hop, framing, identity and look-alike fields, all else in its
 * order, case and bytes. Host, framing and identity are appended by the sender (proxy/request-text.ts), so no
 * `Connection: X` of a client can remove or double them.
 */
import { HttpFault } from './fault.ts';
import {
  ALIAS,
  CONNECTION,
  CONTENT_LENGTH,
  COOKIE,
  classifyName,
  EXPECT,
  FORWARDED,
  HOP,
  HOST,
  INVALID,
  KEEP_ALIVE,
  PASS,
  TE,
  TRANSFER_ENCODING,
  UPGRADE,
  USER_AGENT,
  X_FORWARDED_FOR,
  X_FORWARDED_HOST,
  X_FORWARDED_OTHER,
  X_FORWARDED_PORT,
  X_FORWARDED_PREFIX,
  X_FORWARDED_PROTO,
  X_REAL_IP,
  X_REQUEST_ID,
} from './names.ts';
import { eachListItem, findLineEnd, isAuthority, isOws, parseDecimal, trimOws } from './syntax.ts';

/** What a trusted proxy in front of us said of the client; all empty for strangers. */
export interface ForwardedFields {
  for: string;
  proto: string;
  host: string;
  port: string;
  prefix: string;
  forwarded: string;
  requestId: string;
}

export class RequestFields {
  /** The block as received, with the CRLF of its last line: what a next head is compared with. */
  readonly text: string;
  /** The lines that go on to the server, each with its CRLF. */
  forward = '';
  host = '';
  hostCount = 0;
  contentLength = -1;
  isChunked = false;
  /** Connection options, for the persistence of this connection. */
  hasClose = false;
  hasKeepAlive = false;
  hasUpgrade = false;
  /** The single Upgrade token in lower case; '' for none, 'many' for several. */
  upgrade = '';
  /** The Expect value in lower case; '' for none. */
  expect = '';
  /** `TE: trailers` was sent: the client takes trailers. */
  takesTrailers = false;
  /** All Cookie lines joined with `; `, for sticky sessions; the lines themselves pass as they came. */
  cookie = '';
  userAgent = '';
  incoming: ForwardedFields | null = null;
  /** For the owner of the connection: anything computed from these fields once and used while they last. */
  memo: unknown = null;

  constructor(text: string) {
    this.text = text;
  }
}

/** Fields the client may not have removed by naming them in Connection: they frame or address the message. */
const UNREMOVABLE: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'te',
  'upgrade',
  'close',
  'keep-alive',
  'trailers',
  'cookie2',
]);

/**
 * Reads a field block.
 * @param text the lines between request line and empty line, each with its CRLF
 * @param isTrusted whether the peer is one of `trusted_proxies`
 */
export function parseRequestFields(
  text: string,
  isTrusted: boolean,
  maxFields: number,
): RequestFields | HttpFault {
  const fields = new RequestFields(text);
  const reader = new FieldReader(text, fields, isTrusted);
  const fault = reader.readAll(maxFields);
  if (fault) return fault;
  return fields;
}

/** One pass over the lines; an object only so that the parts share their state without closures. */
class FieldReader {
  readonly #text: string;
  readonly #fields: RequestFields;
  readonly #isTrusted: boolean;
  /** Lower-case names that Connection lists beyond the usual ones. */
  #named: Set<string> | null = null;
  #hasTransferEncoding = false;

  constructor(text: string, fields: RequestFields, isTrusted: boolean) {
    this.#text = text;
    this.#fields = fields;
    this.#isTrusted = isTrusted;
  }

  readAll(maxFields: number): HttpFault | null {
    const text = this.#text;
    const end = text.length;
    let forward = '';
    let runStart = 0;
    let lineStart = 0;
    let count = 0;
    while (lineStart < end) {
      const lineEnd = findLineEnd(text, lineStart);
      if (lineEnd < 0) return new HttpFault('bad_request', 'control byte, bare CR or bare LF in the fields');
      if (++count > maxFields) return new HttpFault('head_too_large', `more than ${maxFields} fields`);
      const colon = text.indexOf(':', lineStart);
      if (colon < 0 || colon > lineEnd) return new HttpFault('bad_request', 'a field line without a colon');
      const kind = classifyName(text, lineStart, colon);
      if (kind === INVALID) return new HttpFault('bad_request', 'a field name is not a token');
      const next = lineEnd + 2;
      const isTidy =
        text.charCodeAt(colon + 1) === 0x20 &&
        !isOws(text.charCodeAt(colon + 2)) &&
        !isOws(text.charCodeAt(lineEnd - 1));
      if (kind !== PASS || !isTidy) {
        const value = isTidy ? text.slice(colon + 2, lineEnd) : trimOws(text.slice(colon + 1, lineEnd));
        let passes = kind === PASS;
        if (!passes) {
          const outcome = this.#read(kind, value);
          if (outcome instanceof HttpFault) return outcome;
          passes = outcome;
        }
        if (!passes || !isTidy) {
          forward += text.slice(runStart, lineStart);
          if (passes) forward += `${text.slice(lineStart, colon)}: ${value}\r\n`;
          runStart = next;
        }
      }
      lineStart = next;
    }
    this.#fields.forward = runStart === 0 ? text : forward + text.slice(runStart);
    if (this.#named) this.#removeNamed(this.#named);
    return this.#hasTransferEncoding && this.#fields.contentLength >= 0
      ? new HttpFault('bad_request', 'Content-Length beside Transfer-Encoding')
      : null;
  }

  /** Takes note of a field that means something to us. True: the line goes on to the server as well. */
  #read(kind: number, value: string): boolean | HttpFault {
    const fields = this.#fields;
    switch (kind) {
      case HOST:
        if (!isAuthority(value)) return new HttpFault('bad_request', 'Host is not a valid host');
        fields.hostCount++;
        fields.host = value;
        return false;
      case CONTENT_LENGTH: {
        const length = parseDecimal(value);
        if (length < 0) return new HttpFault('bad_request', 'Content-Length is not a number');
        if (fields.contentLength >= 0) return new HttpFault('bad_request', 'two Content-Length fields');
        fields.contentLength = length;
        return false;
      }
      case TRANSFER_ENCODING:
        if (this.#hasTransferEncoding) return new HttpFault('bad_request', 'two Transfer-Encoding fields');
        this.#hasTransferEncoding = true;
        if (value.toLowerCase() !== 'chunked')
          return new HttpFault('not_implemented', 'a transfer coding other than chunked');
        fields.isChunked = true;
        return false;
      case CONNECTION:
        this.#readConnection(value);
        return false;
      case UPGRADE:
        fields.upgrade = fields.upgrade === '' && !value.includes(',') ? value.toLowerCase() : 'many';
        return false;
      case EXPECT:
        fields.expect = fields.expect === '' ? value.toLowerCase() : 'many';
        return false;
      case TE:
        if (/(?:^|,)[ \t]*trailers[ \t]*(?:,|;|$)/i.test(value)) fields.takesTrailers = true;
        return false;
      case COOKIE:
        fields.cookie = fields.cookie === '' ? value : `${fields.cookie}; ${value}`;
        return true;
      case USER_AGENT:
        fields.userAgent = value;
        return true;
      case HOP:
      case KEEP_ALIVE:
      case ALIAS:
        return false;
      default:
        if (this.#isTrusted) this.#readForwarded(kind, value);
        return false;
    }
  }

  #readConnection(value: string): void {
    const fields = this.#fields;
    eachListItem(value, (option) => {
      if (option === 'close') fields.hasClose = true;
      else if (option === 'keep-alive') fields.hasKeepAlive = true;
      else if (option === 'upgrade') fields.hasUpgrade = true;
      else if (!UNREMOVABLE.has(option)) {
        this.#named ??= new Set();
        this.#named.add(option);
      }
    });
  }

  /** A trusted peer's word about the client. Repeated lines of a list field are one list (RFC 9110 section 5.3). */
  #readForwarded(kind: number, value: string): void {
    this.#fields.incoming ??= {
      for: '',
      proto: '',
      host: '',
      port: '',
      prefix: '',
      forwarded: '',
      requestId: '',
    };
    const incoming = this.#fields.incoming;
    const join = (before: string): string => (before === '' ? value : `${before}, ${value}`);
    switch (kind) {
      case X_FORWARDED_FOR:
        incoming.for = join(incoming.for);
        break;
      case FORWARDED:
        incoming.forwarded = join(incoming.forwarded);
        break;
      case X_FORWARDED_PROTO:
        incoming.proto = value;
        break;
      case X_FORWARDED_HOST:
        incoming.host = value;
        break;
      case X_FORWARDED_PORT:
        incoming.port = value;
        break;
      case X_FORWARDED_PREFIX:
        incoming.prefix = value;
        break;
      case X_REQUEST_ID:
        incoming.requestId = value;
        break;
      case X_REAL_IP:
      case X_FORWARDED_OTHER:
        break;
    }
  }

  #removeNamed(named: ReadonlySet<string>): void {
    this.#fields.forward = removeFields(this.#fields.forward, named);
    if (named.has('cookie')) this.#fields.cookie = '';
  }
}

/** `block` without the lines whose lower-case name is in `named`. The block must be well-formed. */
export function removeFields(block: string, named: ReadonlySet<string>): string {
  let kept = '';
  for (let lineStart = 0; lineStart < block.length; ) {
    const next = block.indexOf('\r\n', lineStart) + 2;
    const name = block.slice(lineStart, block.indexOf(':', lineStart)).toLowerCase();
    if (!named.has(name)) kept += block.slice(lineStart, next);
    lineStart = next;
  }
  return kept;
}
