/**
 * Heads of answers from servers, held to the same rules as requests (RFC 9112 sections 4, 6.3): what is doubtful
 * is a fault, the exchange gets a 502 and the connection is never used again.
 *
 * As with requests the field block is compared with the last one of the connection before it is read anew.
 */
import { HttpFault } from './fault.ts';
import { type BlockRules, CONNECTION_LOGIN, FieldBlock, FieldBlockReader } from './field-block.ts';
import { DATE, HOP, KEEP_ALIVE, TE, UPGRADE, WWW_AUTHENTICATE } from './names.ts';
import { parseDecimal } from './syntax.ts';
import type { AnswerHead } from './wire.ts';

export class ResponseFields extends FieldBlock {
  upgrade = '';
  /** From `Keep-Alive: timeout=N`: seconds the server keeps an idle connection; -1 when it does not say. */
  keepAliveTimeoutS = -1;
  hasDate = false;
}

const RULES: BlockRules = {
  fault: 'bad_upstream',
  tooManyFields: 'bad_upstream',
  unknownCoding: 'bad_upstream',
  unremovable: new Set([
    'content-length',
    'transfer-encoding',
    'connection',
    'close',
    'keep-alive',
    'upgrade',
    'set-cookie',
  ]),
};

/** Reads the field block of an answer; `text` holds each line with its CRLF. */
export function parseResponseFields(text: string, maxFields: number): ResponseFields | HttpFault {
  return new ResponseFieldReader(new ResponseFields(text), RULES).readAll(maxFields);
}

class ResponseFieldReader extends FieldBlockReader<ResponseFields> {
  protected override read(kind: number, value: string): boolean {
    const fields = this.block;
    switch (kind) {
      case UPGRADE:
        fields.upgrade = value.toLowerCase();
        return false;
      case KEEP_ALIVE: {
        const hint = /(?:^|[,;\s])timeout=(\d{1,6})/i.exec(value);
        if (hint) fields.keepAliveTimeoutS = Number(hint[1]);
        return false;
      }
      case WWW_AUTHENTICATE:
        fields.bindsConnection ||= CONNECTION_LOGIN.test(value);
        return true;
      case DATE:
        fields.hasDate = true;
        return true;
      case HOP:
      case TE:
        return false;
      default:
        // The rest means something in requests only.
        return true;
    }
  }
}

/** How an answer's body ends: at once, after `length` bytes, with the last chunk, or with the connection. */
export type AnswerFraming = 'none' | 'length' | 'chunked' | 'close';

/** One answer's head; answers that have the same share it. */
export class ResponseHead {
  readonly status: number;
  readonly minor: 0 | 1;
  /** The reason phrase, made of harmless characters only. */
  readonly phrase: string;
  readonly fields: ResponseFields;
  /** What the server is judged by: its status, but where a protocol inside of HTTP says otherwise (gRPC). */
  readonly judgedStatus: number;
  /** As it goes on to clients. */
  #answer: AnswerHead | null = null;

  constructor(status: number, minor: 0 | 1, phrase: string, fields: ResponseFields, judgedStatus = status) {
    this.status = status;
    this.judgedStatus = judgedStatus;
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

  /** What the client gets, which asked with this method. */
  answerTo(method: string): AnswerHead {
    if (method === 'HEAD') return this.#makeAnswer('none');
    this.#answer ??= this.#makeAnswer(this.framing(method));
    return this.#answer;
  }

  #makeAnswer(framing: AnswerFraming): AnswerHead {
    const { status, phrase, fields } = this;
    const { forward, contentLength, hasDate } = fields;
    return { status, phrase, fields: forward, framing, contentLength, hasDate, memo: '' };
  }

  /** Whether the server's connection may carry another exchange after this answer. */
  get keepsAlive(): boolean {
    const { hasClose, hasKeepAlive, isChunked, contentLength, bindsConnection } = this.fields;
    if (hasClose || bindsConnection) return false;
    // RFC 9112 section 6.1: chunks from who cannot know them are doubtful framing.
    if (this.minor === 0) return hasKeepAlive && !isChunked;
    // A body that must not be there may be on its way, and the next client would take it for its answer.
    return this.status !== 204 || (!isChunked && contentLength <= 0);
  }
}

export interface StatusLine {
  readonly status: number;
  readonly minor: 0 | 1;
  readonly phrase: string;
}

const ODD_PHRASE = /[^\t\x20-\x7e\x80-\xff]/g;

/** Reads `HTTP/1.x SP 3DIGIT SP phrase` without its CRLF; statuses 100–999 (RFC 9110 section 15 allows 100–599; more pass). */
export function parseStatusLine(line: string): StatusLine | HttpFault {
  if (!line.startsWith('HTTP/1.')) return new HttpFault('bad_upstream', 'the answer is not HTTP/1.x');
  const minor = line.charCodeAt(7) - 0x30;
  if ((minor !== 0 && minor !== 1) || line.charCodeAt(8) !== 0x20)
    return new HttpFault('bad_upstream', 'bad version in the status line');
  const status = line.length >= 12 ? parseDecimal(line.slice(9, 12)) : -1;
  if (status < 100 || (line.length > 12 && line.charCodeAt(12) !== 0x20)) {
    return new HttpFault('bad_upstream', 'bad status code in the status line');
  }
  const phrase = line.slice(13);
  // A server that ends lines with LF only: the fields behind it would be lost in the phrase.
  if (phrase.includes('\n')) return new HttpFault('bad_upstream', 'bare LF in the status line');
  return { status, minor, phrase: ODD_PHRASE.test(phrase) ? phrase.replace(ODD_PHRASE, '') : phrase };
}
