/**
 * Request heads (RFC 9112 sections 3, 5, 6), strict: a doubt is a fault, and a fault ends the connection.
 *
 * A head is read in two halves. The request line differs from request to request; the field block of a
 * keep-alive connection is often the same as the one before, so the connection keeps its last
 * `RequestFields` and asks for a new one only when the text differs.
 *
 * `RequestFields.forward` is what goes on to the server: the block without hop-by-hop, framing, identity and
 * look-alike fields, all else in its order, case and bytes. Host, framing and identity are appended by the
 * sender (forward/), so no `Connection: X` of a client can remove or double them.
 */
import { HttpFault } from './fault.ts';
import {
  ALIAS,
  CONNECTION,
  CONTENT_LENGTH,
  COOKIE,
  EXPECT,
  FORWARDED,
  HOP,
  HOST,
  INVALID,
  type NameTable,
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
import {
  eachListItem,
  hasForbiddenBytes,
  isAuthority,
  isOws,
  isTargetText,
  isToken,
  parseDecimal,
  trimOws,
} from './syntax.ts';

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

/** How the body of a message is delimited; `length` is -1 unless `kind` is 'length'. */
export type BodyKind = 'none' | 'length' | 'chunked';

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

export interface HeadLimits {
  /** Bytes of request line and fields together. */
  readonly maxHeadBytes: number;
  readonly maxFields: number;
  readonly maxTargetBytes: number;
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
  names: NameTable,
  isTrusted: boolean,
  maxFields: number,
): RequestFields | HttpFault {
  if (hasForbiddenBytes(text))
    return new HttpFault('bad_request', 'control byte, bare CR or bare LF in the fields');
  const fields = new RequestFields(text);
  const reader = new FieldReader(text, fields, names, isTrusted);
  const fault = reader.readAll(maxFields);
  if (fault) return fault;
  return fields;
}

/** One pass over the lines; an object only so that the parts share their state without closures. */
class FieldReader {
  readonly #text: string;
  readonly #fields: RequestFields;
  readonly #names: NameTable;
  readonly #isTrusted: boolean;
  /** Lower-case names that Connection lists beyond the usual ones. */
  #named: Set<string> | null = null;
  #hasTransferEncoding = false;

  constructor(text: string, fields: RequestFields, names: NameTable, isTrusted: boolean) {
    this.#text = text;
    this.#fields = fields;
    this.#names = names;
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
      const lineEnd = text.indexOf('\r\n', lineStart);
      if (++count > maxFields) return new HttpFault('head_too_large', `more than ${maxFields} fields`);
      const colon = text.indexOf(':', lineStart);
      if (colon < 0 || colon > lineEnd) return new HttpFault('bad_request', 'a field line without a colon');
      const kind = this.#names.classify(text.slice(lineStart, colon));
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

/** One request's head: the line is its own, the fields may be shared with the requests before it. */
export class RequestHead {
  readonly method: string;
  /** What goes on to the server: origin-form or `*`. */
  readonly target: string;
  /** Minor version: HTTP/1.0 or HTTP/1.1. */
  readonly minor: 0 | 1;
  readonly fields: RequestFields;
  /** The authority that the client addressed: of an absolute-form target, else the Host field. */
  readonly authority: string;

  constructor(method: string, target: string, minor: 0 | 1, fields: RequestFields, authority: string) {
    this.method = method;
    this.target = target;
    this.minor = minor;
    this.fields = fields;
    this.authority = authority;
  }

  get bodyKind(): BodyKind {
    if (this.fields.isChunked) return 'chunked';
    return this.fields.contentLength >= 0 ? 'length' : 'none';
  }

  /** Whether the connection may carry another request after this one (RFC 9112 section 9.3). */
  get keepsAlive(): boolean {
    if (this.fields.hasClose) return false;
    return this.minor === 1 || this.fields.hasKeepAlive;
  }

  /**
   * `websocket` when a well-formed upgrade to it is asked for, without a body; else ''. Other protocols (`h2c` first
   * of all, which would tunnel requests past every rule here) are not upgraded to: their Upgrade is dropped.
   */
  get upgrade(): '' | 'websocket' {
    const fields = this.fields;
    if (fields.upgrade !== 'websocket' || !fields.hasUpgrade || this.minor === 0 || this.method !== 'GET')
      return '';
    return fields.isChunked || fields.contentLength > 0 ? '' : 'websocket';
  }
}

export interface RequestLine {
  readonly method: string;
  readonly target: string;
  readonly minor: 0 | 1;
}

const COMMON_METHODS: ReadonlySet<string> = new Set([
  'GET',
  'POST',
  'HEAD',
  'PUT',
  'DELETE',
  'PATCH',
  'OPTIONS',
]);

/** Reads `METHOD SP target SP HTTP/1.x`; the line comes without its CRLF. */
export function parseRequestLine(line: string, maxTargetBytes: number): RequestLine | HttpFault {
  const first = line.indexOf(' ');
  const last = line.length - 9;
  const method = line.slice(0, first);
  if (first < 1 || !(COMMON_METHODS.has(method) || isToken(method))) {
    return new HttpFault('bad_request', 'the method is not a token');
  }
  if (last <= first || line.charCodeAt(last) !== 0x20) return badVersion(line);
  const version = line.slice(last + 1);
  if (version !== 'HTTP/1.1' && version !== 'HTTP/1.0') return badVersion(line);
  const target = line.slice(first + 1, last);
  if (target.length > maxTargetBytes)
    return new HttpFault('target_too_long', `the target is longer than ${maxTargetBytes} bytes`);
  if (target === '' || !isTargetText(target))
    return new HttpFault('bad_request', 'white space, a control byte or # in the target');
  return { method, target, minor: version === 'HTTP/1.1' ? 1 : 0 };
}

function badVersion(line: string): HttpFault {
  const version = line.slice(line.lastIndexOf(' ') + 1);
  return /^HTTP\/[0-9]\.[0-9]$/.test(version)
    ? new HttpFault('version', `${version} is not spoken here`)
    : new HttpFault('bad_request', 'the request line does not end in HTTP/1.1 or HTTP/1.0');
}

const ABSOLUTE = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?]*)(.*)$/;

/** Puts line and fields together: target form (RFC 9112 section 3.2), Host, framing rules by version. */
export function buildRequestHead(line: RequestLine, fields: RequestFields): RequestHead | HttpFault {
  const { method, minor } = line;
  let { target } = line;
  if (method === 'CONNECT' || method === 'TRACE')
    return new HttpFault('method_refused', `${method} is not served by a reverse proxy`);
  if (fields.hostCount > 1) return new HttpFault('bad_request', 'more than one Host');
  if (fields.hostCount === 0 && minor === 1) return new HttpFault('bad_request', 'no Host');
  if (fields.hostCount === 1 && !isAuthority(fields.host))
    return new HttpFault('bad_request', 'Host is not a valid host');
  if (minor === 0 && fields.isChunked) return new HttpFault('bad_request', 'Transfer-Encoding in HTTP/1.0');
  let authority = fields.host;
  if (target.charCodeAt(0) !== 0x2f) {
    if (target === '*') {
      if (method !== 'OPTIONS') return new HttpFault('bad_request', 'the target * is for OPTIONS only');
    } else {
      const match = ABSOLUTE.exec(target);
      if (!match) return new HttpFault('bad_request', 'the target does not start with a slash');
      const scheme = (match[1] as string).toLowerCase();
      authority = match[2] as string;
      if (scheme !== 'http' && scheme !== 'https')
        return new HttpFault('bad_request', 'a foreign scheme in the target');
      if (!isAuthority(authority)) return new HttpFault('bad_request', 'no valid authority in the target');
      if (fields.hostCount === 1 && authority.toLowerCase() !== fields.host.toLowerCase()) {
        return new HttpFault('bad_request', 'Host differs from the authority of the target');
      }
      const rest = match[3] as string;
      target = rest.startsWith('/') ? rest : `/${rest}`;
    }
  }
  return new RequestHead(method, target, minor, fields, authority);
}
