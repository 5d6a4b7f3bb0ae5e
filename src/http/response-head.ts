/**
 * Heads of answers from servers, held to the same rules as requests (RFC 9112 sections 4, 6.3): what is doubtful
 * is a fault, the exchange gets a 502 and the connection is never used again.
 *
 * As with requests the field block is compared with the last one of the connection before it is read anew.
 */
import { HttpFault } from './fault.ts';
import {
  CONNECTION,
  CONTENT_LENGTH,
  classifyName,
  HOP,
  INVALID,
  KEEP_ALIVE,
  PASS,
  TE,
  TRANSFER_ENCODING,
  UPGRADE,
} from './names.ts';
import { removeFields } from './request-fields.ts';
import { eachListItem, findLineEnd, isOws, parseDecimal, trimOws } from './syntax.ts';

export class ResponseFields {
  readonly text: string;
  /** The lines that go on to the client, framing left out, each with its CRLF. */
  forward = '';
  contentLength = -1;
  isChunked = false;
  hasClose = false;
  hasKeepAlive = false;
  upgrade = '';
  hasUpgrade = false;
  /** From `Keep-Alive: timeout=N`: seconds the server keeps an idle connection; -1 when it does not say. */
  keepAliveTimeoutS = -1;

  constructor(text: string) {
    this.text = text;
  }
}

/** What a server may not have removed by naming it in Connection. */
const UNREMOVABLE: ReadonlySet<string> = new Set([
  'content-length',
  'transfer-encoding',
  'connection',
  'close',
  'keep-alive',
  'upgrade',
  'set-cookie',
]);

/** Reads the field block of an answer; `text` holds each line with its CRLF. */
export function parseResponseFields(text: string, maxFields: number): ResponseFields | HttpFault {
  const reader = new FieldReader(text);
  return reader.readAll(maxFields) ?? reader.fields;
}

/** One pass over the lines. */
class FieldReader {
  readonly fields: ResponseFields;
  readonly #text: string;
  #named: Set<string> | null = null;
  #hasTransferEncoding = false;

  constructor(text: string) {
    this.#text = text;
    this.fields = new ResponseFields(text);
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
      if (lineEnd < 0) return new HttpFault('bad_upstream', 'control byte, bare CR or bare LF in the fields');
      const next = lineEnd + 2;
      const colon = text.indexOf(':', lineStart);
      if (++count > maxFields) return new HttpFault('bad_upstream', `more than ${maxFields} fields`);
      if (colon < 0 || colon > lineEnd) return new HttpFault('bad_upstream', 'a field line without a colon');
      const kind = classifyName(text, lineStart, colon);
      const isTidy =
        text.charCodeAt(colon + 1) === 0x20 &&
        !isOws(text.charCodeAt(colon + 2)) &&
        !isOws(text.charCodeAt(lineEnd - 1));
      if (kind !== PASS || !isTidy) {
        const value = trimOws(text.slice(colon + 1, lineEnd));
        const passes = kind === PASS ? true : this.#read(kind, value);
        if (passes instanceof HttpFault) return passes;
        if (!passes || !isTidy) {
          forward += text.slice(runStart, lineStart);
          if (passes) forward += `${text.slice(lineStart, colon)}: ${value}\r\n`;
          runStart = next;
        }
      }
      lineStart = next;
    }
    const { fields } = this;
    fields.forward = runStart === 0 ? text : forward + text.slice(runStart);
    if (this.#named) fields.forward = removeFields(fields.forward, this.#named);
    const isDoubtful = this.#hasTransferEncoding && fields.contentLength >= 0;
    return isDoubtful ? new HttpFault('bad_upstream', 'Content-Length beside Transfer-Encoding') : null;
  }

  /** Takes note of a field that means something to us. True: the line goes on to the client as well. */
  #read(kind: number, value: string): boolean | HttpFault {
    const { fields } = this;
    switch (kind) {
      case INVALID:
        return new HttpFault('bad_upstream', 'a field name is not a token');
      case CONTENT_LENGTH: {
        const length = parseDecimal(value);
        if (length < 0) return new HttpFault('bad_upstream', 'Content-Length is not a number');
        if (fields.contentLength >= 0) return new HttpFault('bad_upstream', 'two Content-Length fields');
        fields.contentLength = length;
        return false;
      }
      case TRANSFER_ENCODING:
        if (this.#hasTransferEncoding || value.toLowerCase() !== 'chunked') {
          return new HttpFault('bad_upstream', 'a transfer coding other than chunked');
        }
        this.#hasTransferEncoding = true;
        fields.isChunked = true;
        return false;
      case CONNECTION:
        this.#readConnection(value);
        return false;
      case UPGRADE:
        fields.upgrade = value.toLowerCase();
        return false;
      case KEEP_ALIVE: {
        const hint = /(?:^|[,;\s])timeout=(\d{1,6})/i.exec(value);
        if (hint) fields.keepAliveTimeoutS = Number(hint[1]);
        return false;
      }
      case HOP:
        return false;
      case TE:
        return false;
      default:
        // The rest means something in requests only.
        return true;
    }
  }

  #readConnection(value: string): void {
    const { fields } = this;
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
}

/** How an answer's body ends: at once, after `length` bytes, with the last chunk, or with the connection. */
export type AnswerFraming = 'none' | 'length' | 'chunked' | 'close';

export class ResponseHead {
  readonly status: number;
  readonly minor: 0 | 1;
  /** The reason phrase, made of harmless characters only. */
  readonly phrase: string;
  readonly fields: ResponseFields;

  constructor(status: number, minor: 0 | 1, phrase: string, fields: ResponseFields) {
    this.status = status;
    this.minor = minor;
    this.phrase = phrase;
    this.fields = fields;
  }

  get isInterim(): boolean {
    return this.status < 200;
  }

  /** RFC 9112 section 6.3: no body after HEAD, 1xx, 204, 304, whatever the fields say. */
  framing(method: string): AnswerFraming {
    if (method === 'HEAD' || this.status < 200 || this.status === 204 || this.status === 304) return 'none';
    if (this.fields.isChunked) return 'chunked';
    if (this.fields.contentLength >= 0) return this.fields.contentLength === 0 ? 'none' : 'length';
    return 'close';
  }

  /** Whether the server's connection may carry another exchange after this answer. */
  get keepsAlive(): boolean {
    if (this.fields.hasClose) return false;
    return this.minor === 1 || this.fields.hasKeepAlive;
  }
}

const ODD_PHRASE = /[^\t\x20-\x7e\x80-\xff]/g;

/** Reads `HTTP/1.x SP 3DIGIT SP phrase` without its CRLF; statuses 100–999 (RFC 9110 section 15 allows 100–599; more pass). */
export function parseStatusLine(line: string): { status: number; minor: 0 | 1; phrase: string } | HttpFault {
  if (!line.startsWith('HTTP/1.')) return new HttpFault('bad_upstream', 'the answer is not HTTP/1.x');
  const minor = line.charCodeAt(7) - 0x30;
  if ((minor !== 0 && minor !== 1) || line.charCodeAt(8) !== 0x20)
    return new HttpFault('bad_upstream', 'bad version in the status line');
  const status = line.length >= 12 ? parseDecimal(line.slice(9, 12)) : -1;
  if (status < 100 || (line.length > 12 && line.charCodeAt(12) !== 0x20)) {
    return new HttpFault('bad_upstream', 'bad status code in the status line');
  }
  const phrase = line.slice(13);
  return { status, minor, phrase: ODD_PHRASE.test(phrase) ? phrase.replace(ODD_PHRASE, '') : phrase };
}
