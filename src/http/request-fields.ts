/**
 * The field block of a request (RFC 9110 section 5, RFC 9112 section 5): read once, in one pass, into what it means to
 * a proxy and what goes on to the server.
 *
 * `RequestFields.forward` is the block without hop-by-hop, framing, identity and look-alike fields, all else in its
 * order, case and bytes. Host, framing and identity are appended by the sender (proxy/request-text.ts), so no
 * `Connection: X` of a client can remove or double them.
 */
import { HttpFault } from './fault.ts';
import { type BlockRules, CONNECTION_LOGIN, FieldBlock, FieldBlockReader } from './field-block.ts';
import {
  ALIAS,
  AUTHORIZATION,
  COOKIE,
  DATE,
  EXPECT,
  FORWARDED,
  HOP,
  HOST,
  KEEP_ALIVE,
  TE,
  UPGRADE,
  USER_AGENT,
  WWW_AUTHENTICATE,
  X_FORWARDED_FOR,
  X_FORWARDED_HOST,
  X_FORWARDED_OTHER,
  X_FORWARDED_PORT,
  X_FORWARDED_PREFIX,
  X_FORWARDED_PROTO,
  X_REAL_IP,
  X_REQUEST_ID,
} from './names.ts';
import { isAuthority } from './syntax.ts';

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

export class RequestFields extends FieldBlock {
  host = '';
  hostCount = 0;
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
}

const RULES: BlockRules = {
  fault: 'bad_request',
  tooManyFields: 'head_too_large',
  unknownCoding: 'not_implemented',
  unremovable: new Set([
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
  ]),
};

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
  return new RequestFieldReader(new RequestFields(text), isTrusted).readAll(maxFields);
}

class RequestFieldReader extends FieldBlockReader<RequestFields> {
  readonly #isTrusted: boolean;

  constructor(fields: RequestFields, isTrusted: boolean) {
    super(fields, RULES);
    this.#isTrusted = isTrusted;
  }

  protected override read(kind: number, value: string): boolean | HttpFault {
    const fields = this.block;
    switch (kind) {
      case HOST:
        if (!isAuthority(value)) return new HttpFault('bad_request', 'Host is not a valid host');
        fields.hostCount++;
        fields.host = value;
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
      case AUTHORIZATION:
        fields.bindsConnection ||= CONNECTION_LOGIN.test(value);
        return true;
      case DATE:
      case WWW_AUTHENTICATE:
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

  /** A trusted peer's word about the client. Repeated lines of a list field are one list (RFC 9110 section 5.3). */
  #readForwarded(kind: number, value: string): void {
    this.block.incoming ??= {
      for: '',
      proto: '',
      host: '',
      port: '',
      prefix: '',
      forwarded: '',
      requestId: '',
    };
    const incoming = this.block.incoming;
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

  protected override onRemoved(named: ReadonlySet<string>): void {
    if (named.has('cookie')) this.block.cookie = '';
  }
}
