/**
 * A request of HTTP/2 as the one of HTTP/1.1 that it is to the phases and to the server (RFC 9113 section 8). What would
 * read as something else there is refused here, before anything of it goes on: pseudo-fields that are missing, doubled,
 * unknown or late, fields of the connection, bytes that end lines, a length that the stream does not keep. nghttp2
 * refuses most of it before us; this does not depend on it.
 *
 * The fields become a block of text lines and go through the same reader as those of HTTP/1.1 (http/request-fields.ts),
 * so that identity, look-alikes and limits are one piece of code. A block like the one before it is not read again.
 */
import {
  announcedFault,
  buildRequestHead,
  HttpFault,
  isTargetText,
  isToken,
  parseRequestFields,
  type RequestFields,
  type RequestHead,
  type WireLimits,
} from '../http/index.ts';
import { makeWebSocketKey } from './websocket.ts';

/** What each field costs beside its name and value, in the size of a list of fields (RFC 9113 section 10.5.1). */
const FIELD_OVERHEAD_BYTES = 32;
/** Lines that are ours: Host, framing, the upgrade. */
const OWN_LINES = 4;

export interface ReadHead {
  readonly head: RequestHead;
  /** Names and values as they came, unpacked. */
  readonly sizeBytes: number;
  /** The key that the server's 101 has to prove; '' where no switch was asked for. */
  readonly webSocketKey: string;
}

/** Control bytes other than HTAB, or white space at an end (RFC 9113 section 8.2.1). */
const BAD_VALUE = /[\x00-\x08\x0a-\x1f\x7f]|^[ \t]|[ \t]$/;
const UPPER_CASE = /[A-Z]/;

/** Fields of one HTTP/1.1 connection: a message of HTTP/2 with one is malformed (RFC 9113 section 8.2.2). */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);
const PSEUDO_NAMES: ReadonlySet<string> = new Set(['method', 'scheme', 'authority', 'path', 'protocol']);
const METHODS_WITH_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

interface Pseudo {
  method: string | undefined;
  scheme: string | undefined;
  authority: string | undefined;
  path: string | undefined;
  protocol: string | undefined;
}

/** What the pass over the fields found out. */
interface Lines {
  text: string;
  count: number;
  sizeBytes: number;
  host: string | undefined;
  hasLength: boolean;
  cookies: string;
}

function bad(detail: string): HttpFault {
  return new HttpFault('bad_request', detail);
}

/** The size of a list of fields, as the limit counts it. @param raw names and values by turns */
export function listSizeBytes(raw: readonly string[]): number {
  let size = 0;
  for (const text of raw) size += text.length;
  return size + (raw.length / 2) * FIELD_OVERHEAD_BYTES;
}

/** Reads the heads of one connection. */
export class RequestTranslator {
  readonly #limits: WireLimits;
  readonly #isTrusted: boolean;
  #lastFields: RequestFields | null = null;
  /** The request before, for the one that differs in its path only. */
  #last: {
    readonly raw: readonly string[];
    readonly isComplete: boolean;
    readonly sizeBytes: number;
  } | null = null;

  constructor(limits: WireLimits, isTrusted: boolean) {
    this.#limits = limits;
    this.#isTrusted = isTrusted;
  }

  /**
   * @param raw names and values by turns, in the order they came
   * @param isComplete nothing comes after the fields (END_STREAM)
   */
  read(raw: readonly string[], isComplete: boolean): ReadHead | HttpFault {
    // hot path: a client repeats its fields
    const like =
      this.#last !== null && this.#last.isComplete === isComplete ? likeBut(raw, this.#last.raw) : -1;
    if (like >= 0 && this.#last !== null) return this.#repeat(raw, like, this.#last.sizeBytes);
    if (listSizeBytes(raw) > this.#limits.maxHeadBytes)
      return new HttpFault('head_too_large', `the fields are larger than ${this.#limits.maxHeadBytes} bytes`);
    const pseudo: Pseudo = {
      method: undefined,
      scheme: undefined,
      authority: undefined,
      path: undefined,
      protocol: undefined,
    };
    const first = readPseudo(raw, pseudo);
    if (first instanceof HttpFault) return first;
    const lines: Lines = { text: '', count: 0, sizeBytes: 0, host: undefined, hasLength: false, cookies: '' };
    const fault =
      readFields(raw, first, isComplete, pseudo, lines) ?? checkPseudo(pseudo, lines, this.#limits);
    if (fault) return fault;
    const read = this.#build(pseudo, lines, isComplete);
    const isRepeatable = !(read instanceof HttpFault) && read.webSocketKey === '';
    this.#last = isRepeatable ? { raw, isComplete, sizeBytes: lines.sizeBytes } : null;
    return read;
  }

  /** A request like the one before but for its path, which is `raw[at]`. */
  #repeat(raw: readonly string[], at: number, lastSizeBytes: number): ReadHead | HttpFault {
    const last = this.#last?.raw as readonly string[];
    const path = raw[at] as string;
    const grown = path.length - (last[at] as string).length;
    if (listSizeBytes(raw) > this.#limits.maxHeadBytes)
      return new HttpFault('head_too_large', `the fields are larger than ${this.#limits.maxHeadBytes} bytes`);
    const fault = checkPath(path, this.#limits);
    if (fault) return fault;
    const method = last[last.indexOf(':method') + 1] as string;
    const head = buildRequestHead({ method, target: path, minor: 1 }, this.#lastFields as RequestFields);
    if (head instanceof HttpFault) return head;
    return { head, sizeBytes: lastSizeBytes + grown, webSocketKey: '' };
  }

  #build(pseudo: Pseudo, lines: Lines, isComplete: boolean): ReadHead | HttpFault {
    const { maxFields } = this.#limits;
    if (lines.count > maxFields) return new HttpFault('head_too_large', `more than ${maxFields} fields`);
    let method = pseudo.method as string;
    let webSocketKey = '';
    let text = `host: ${pseudo.authority ?? lines.host}\r\n${lines.text}`;
    if (lines.cookies !== '') text += `cookie: ${lines.cookies}\r\n`;
    if (pseudo.protocol !== undefined) {
      const refused = checkConnect(pseudo, lines, isComplete);
      if (refused) return refused;
      method = 'GET';
      webSocketKey = makeWebSocketKey();
      text += `upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-key: ${webSocketKey}\r\n`;
    } else if (!lines.hasLength) {
      if (!isComplete) text += 'transfer-encoding: chunked\r\n';
      // RFC 9110 section 8.6: a server may insist on the length of what could have been a body.
      else if (METHODS_WITH_BODY.has(method)) text += 'content-length: 0\r\n';
    }
    let fields = this.#lastFields;
    if (fields === null || fields.text !== text) {
      const parsed = parseRequestFields(text, this.#isTrusted, maxFields + OWN_LINES);
      if (parsed instanceof HttpFault) return parsed;
      fields = parsed;
      this.#lastFields = parsed;
    }
    const head = buildRequestHead({ method, target: pseudo.path as string, minor: 1 }, fields);
    if (head instanceof HttpFault) return head;
    return announcedFault(head, this.#limits) ?? { head, sizeBytes: lines.sizeBytes, webSocketKey };
  }
}

/** Reads the fields with a colon, which stand first. @returns where the others begin */
function readPseudo(raw: readonly string[], pseudo: Pseudo): number | HttpFault {
  let at = 0;
  for (; at < raw.length; at += 2) {
    const name = raw[at] as string;
    if (name.charCodeAt(0) !== 0x3a) break;
    const key = name.slice(1);
    if (!PSEUDO_NAMES.has(key)) return bad('an unknown pseudo-field');
    if (pseudo[key as keyof Pseudo] !== undefined) return bad(`two ${name} fields`);
    pseudo[key as keyof Pseudo] = raw[at + 1] as string;
  }
  return at;
}

function readFields(
  raw: readonly string[],
  first: number,
  isComplete: boolean,
  pseudo: Pseudo,
  lines: Lines,
): HttpFault | null {
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] as string;
    const value = raw[at + 1] as string;
    lines.sizeBytes += name.length + value.length;
    if (BAD_VALUE.test(value)) return bad('a control byte, or white space at an end, in a field');
    if (at < first) continue;
    if (name.charCodeAt(0) === 0x3a) return bad('a pseudo-field behind the others');
    if (!isToken(name) || UPPER_CASE.test(name)) return bad('a field name is not a token in lower case');
    if (CONNECTION_FIELDS.has(name)) return bad(`${name} means nothing in HTTP/2`);
    switch (name) {
      case 'te':
        if (value !== 'trailers') return bad('TE other than trailers');
        break;
      case 'host':
        if (lines.host !== undefined) return bad('two host fields');
        lines.host = value;
        continue;
      case 'cookie':
        lines.cookies = lines.cookies === '' ? value : `${lines.cookies}; ${value}`;
        continue;
      case 'content-length':
        // A message that ends with its fields and has a length would take the next one's bytes for its own.
        if (isComplete && !/^0+$/.test(value)) return bad('a length, and no body');
        lines.hasLength = true;
        break;
      case 'sec-websocket-key':
        // Of a switch over HTTP/2 it says nothing; without a switch it passes as any other field.
        if (pseudo.protocol !== undefined) continue;
        break;
      default:
    }
    lines.count++;
    lines.text += `${name}: ${value}\r\n`;
  }
  return null;
}

/** RFC 9113 section 8.3.1. */
function checkPseudo(pseudo: Pseudo, lines: Lines, limits: WireLimits): HttpFault | null {
  const { method, scheme, authority, path } = pseudo;
  if (method === undefined || !isToken(method)) return bad(':method is missing or not a token');
  if (method === 'CONNECT' && pseudo.protocol === undefined)
    return new HttpFault('method_refused', 'CONNECT is not served by a reverse proxy');
  if (scheme !== 'http' && scheme !== 'https') return bad(':scheme is neither http nor https');
  const badPath = path === undefined ? bad(':path is missing') : checkPath(path, limits);
  if (badPath) return badPath;
  if (authority === undefined && lines.host === undefined) return bad('neither :authority nor host');
  const isOther = authority !== undefined && lines.host !== undefined && !sameHost(authority, lines.host);
  return isOther ? bad('host differs from :authority') : null;
}

function checkPath(path: string, limits: WireLimits): HttpFault | null {
  if (path === '') return bad(':path is missing');
  if (path.length > limits.maxTargetBytes)
    return new HttpFault('target_too_long', `the target is longer than ${limits.maxTargetBytes} bytes`);
  if (!isTargetText(path)) return bad('white space, a control byte or # in :path');
  return path !== '*' && path.charCodeAt(0) !== 0x2f ? bad(':path does not start with a slash') : null;
}

/** Where the value of :path stands, if the fields are the same as those before but for that; else -1. */
function likeBut(raw: readonly string[], before: readonly string[]): number {
  if (raw.length !== before.length) return -1;
  let at = -1;
  for (let i = 0; i < raw.length; i++) {
    if (i % 2 === 1 && raw[i - 1] === ':path') at = i;
    else if (raw[i] !== before[i]) return -1;
  }
  return at;
}

function sameHost(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** Extended CONNECT (RFC 8441 section 4). */
function checkConnect(pseudo: Pseudo, lines: Lines, isComplete: boolean): HttpFault | null {
  if (pseudo.method !== 'CONNECT') return bad(':protocol without CONNECT');
  if (pseudo.protocol !== 'websocket')
    return new HttpFault('not_implemented', 'a :protocol other than websocket');
  if (isComplete || lines.hasLength) return bad('a WebSocket needs a stream that is open at its end');
  return null;
}
