/**
 * Request heads (RFC 9112 sections 3 and 6), strict: a doubt is a fault, and a fault ends the connection. The request line
 * differs from request to request; the field block of a keep-alive connection is often the same as the one before,
 * so it is an object of its own (request-fields.ts) that heads may share.
 */
import { HttpFault } from './fault.ts';
import type { RequestFields } from './request-fields.ts';
import { isAuthority, isTargetText, isToken } from './syntax.ts';

/** How the body of a message is delimited; `length` is -1 unless `kind` is 'length'. */
export type BodyKind = 'none' | 'length' | 'chunked';

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

const COMMON_METHODS: readonly string[] = ['GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'];

/** Reads `METHOD SP target SP HTTP/1.x`; the line comes without its CRLF. */
export function parseRequestLine(line: string, maxTargetBytes: number): RequestLine | HttpFault {
  // hot path: bench/micro/head.ts
  const method = methodOf(line);
  if (method === '') return new HttpFault('bad_request', 'the method is not a token');
  const first = method.length;
  const last = line.length - 9;
  const minor = line.endsWith(' HTTP/1.1') ? 1 : line.endsWith(' HTTP/1.0') ? 0 : -1;
  if (minor === -1 || last <= first) return badVersion(line);
  const target = line.slice(first + 1, last);
  if (target.length > maxTargetBytes) {
    return new HttpFault('target_too_long', `the target is longer than ${maxTargetBytes} bytes`);
  }
  if (target === '' || !isTargetText(target)) {
    return new HttpFault('bad_request', 'white space, a control byte or # in the target');
  }
  return { method, target, minor };
}

/** The method, one object for each of the usual ones; '' when it is not a token. */
function methodOf(line: string): string {
  for (const method of COMMON_METHODS) {
    if (line.startsWith(method) && line.charCodeAt(method.length) === 0x20) return method;
  }
  const method = line.slice(0, Math.max(0, line.indexOf(' ')));
  return isToken(method) ? method : '';
}

function badVersion(line: string): HttpFault {
  const version = line.slice(line.lastIndexOf(' ') + 1);
  if (version === 'HTTP/1.1' || version === 'HTTP/1.0') return new HttpFault('bad_request', 'no target');
  return /^HTTP\/[0-9]\.[0-9]$/.test(version)
    ? new HttpFault('version', `${version} is not spoken here`)
    : new HttpFault('bad_request', 'the request line does not end in HTTP/1.1 or HTTP/1.0');
}

const ABSOLUTE = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?]*)(.*)$/;

/** Puts line and fields together: target form (RFC 9112 section 3.2), Host, framing rules by version. */
export function buildRequestHead(line: RequestLine, fields: RequestFields): RequestHead | HttpFault {
  const { method, minor } = line;
  let { target } = line;
  // PRI is reserved (RFC 9113 section 11.6): a server that speaks both would take it for the start of HTTP/2.
  if (method === 'CONNECT' || method === 'TRACE' || method === 'PRI')
    return new HttpFault('method_refused', `${method} is not served by a reverse proxy`);
  if (fields.hostCount > 1) return new HttpFault('bad_request', 'more than one Host');
  if (fields.hostCount === 0 && minor === 1) return new HttpFault('bad_request', 'no Host');
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
