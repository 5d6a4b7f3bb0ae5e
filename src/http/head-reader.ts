/**
 * Bytes -> request head, incrementally. What can never become a head is refused as soon as it is seen, not when the
 * deadline of the head passes; what was looked at is not looked at again, so dripping costs no more than sending.
 */
import { HttpFault } from './fault.ts';
import { parseRequestFields, type RequestFields } from './request-fields.ts';
import { buildRequestHead, parseRequestLine, type RequestHead, type RequestLine } from './request-head.ts';
import { hasForbiddenBytes } from './syntax.ts';
import type { WireLimits } from './wire.ts';

/** A whole head, perhaps shared with requests that were the same: its size, and where in the chunk the bytes after it begin. */
export interface WholeHead {
  readonly head: RequestHead;
  readonly sizeBytes: number;
  readonly bodyOffset: number;
}

export class HeadReader {
  readonly #limits: WireLimits;
  readonly #isTrusted: boolean;
  /** Bytes that are not a whole head yet. */
  #partial = '';
  /** The request line of `#partial` is whole, and nothing is wrong with it. */
  #isLineFine = false;
  /** The fields of the head before: a keep-alive connection often repeats them to the byte. */
  #lastFields: RequestFields | null = null;
  /** The last head that came in a read of its own, and that read: who polls repeats all of it. */
  #lastRead = '';
  #lastWhole: WholeHead | null = null;

  constructor(limits: WireLimits, isTrusted: boolean) {
    this.#limits = limits;
    this.#isTrusted = isTrusted;
  }

  /** Nothing but (half) an empty line has come. */
  get isBlank(): boolean {
    return this.#partial === '\r\n' || this.#partial === '\r';
  }

  /** What is kept of a head that is not whole. */
  get heldBytes(): number {
    return this.#partial.length;
  }

  /** What is wrong when the time of a head is over. */
  lateness(): HttpFault {
    return new HttpFault('header_timeout', `no complete head within ${this.#limits.headerTimeoutMs} ms`);
  }

  /** Forgets what is not a whole head. */
  clear(): void {
    this.#partial = '';
    this.#isLineFine = false;
  }

  /** Forgets the last head, which only makes reading one like it faster. */
  forget(): void {
    this.#lastFields = this.#lastWhole = null;
    this.#lastRead = '';
  }

  /** @returns a head, a fault, or null when more bytes are needed */
  push(chunk: Buffer): WholeHead | HttpFault | null {
    const { maxHeadBytes } = this.#limits;
    const before = this.#partial.length;
    const room = maxHeadBytes + 4 - before;
    let text = chunk.length <= room ? chunk.toString('latin1') : chunk.toString('latin1', 0, room);
    if (before > 0) text = this.#partial + text;
    else if (chunk.length <= maxHeadBytes && text.endsWith('\r\n\r\n')) {
      const whole = this.#tryAll(text);
      if (whole !== null) return whole;
    }
    // RFC 9112 section 2.2: an empty line before the request line is skipped.
    const start = text.charCodeAt(0) === 0x0d && text.startsWith('\r\n') ? 2 : 0;
    const end = text.indexOf('\r\n\r\n', Math.max(start, before - 3));
    if (end < 0) return this.#keepPartial(text, start, before);
    const sizeBytes = end + 4 - start;
    this.clear();
    const lineEnd = text.indexOf('\r\n', start);
    const line = this.#readLine(text.slice(start, lineEnd));
    if (line instanceof HttpFault) return line;
    const head = sizeBytes > maxHeadBytes ? this.#tooLarge() : this.#parse(line, text, lineEnd, end);
    if (head instanceof HttpFault) return worstOf(head, text.slice(start, end + 2));
    return { head, sizeBytes, bodyOffset: end + 4 - before };
  }

  /**
   * Most reads bring one head and nothing else: read as that, there is no need to look for its end first. An empty line within
   * would be a fault of the fields, and whatever is a fault is read again, from the start.
   */
  #tryAll(text: string): WholeHead | null {
    if (text === this.#lastRead) return this.#lastWhole;
    const end = text.length - 4;
    const lineEnd = text.indexOf('\r\n');
    if (lineEnd === 0) return null;
    const line = parseRequestLine(text.slice(0, lineEnd), this.#limits.maxTargetBytes);
    if (line instanceof HttpFault || lineEnd > this.#maxLineBytes) return null;
    const head = this.#parse(line, text, lineEnd, end);
    if (head instanceof HttpFault) return null;
    this.#lastRead = text;
    this.#lastWhole = { head, sizeBytes: text.length, bodyOffset: text.length };
    return this.#lastWhole;
  }

  #parse(line: RequestLine, text: string, lineEnd: number, end: number): RequestHead | HttpFault {
    const block = lineEnd === end ? '' : text.slice(lineEnd + 2, end + 2);
    let fields = this.#lastFields;
    if (fields === null || fields.text !== block) {
      const parsed = parseRequestFields(block, this.#isTrusted, this.#limits.maxFields);
      if (parsed instanceof HttpFault) return parsed;
      fields = parsed;
      this.#lastFields = parsed;
    }
    return buildRequestHead(line, fields);
  }

  #keepPartial(text: string, start: number, before: number): HttpFault | null {
    const fault = this.#isLineFine ? null : this.#lookAtLine(text, start, before);
    if (fault) return fault;
    const from = before - lineEndBytes(text, before);
    if (hasForbiddenBytes(text.slice(from))) return forbidden();
    if (text.length - start > this.#limits.maxHeadBytes) return this.#tooLarge();
    this.#partial = text;
    return null;
  }

  /** What is wrong with the request line need not wait for the fields. */
  #lookAtLine(text: string, start: number, before: number): HttpFault | null {
    const lineEnd = text.indexOf('\r\n', Math.max(start, before - 1));
    if (lineEnd >= 0) {
      const line = this.#readLine(text.slice(start, lineEnd));
      this.#isLineFine = true;
      return line instanceof HttpFault ? line : null;
    }
    // A CR at the end may be the line's own.
    const lineBytes = text.length - start - (text.charCodeAt(text.length - 1) === 0x0d ? 1 : 0);
    if (lineBytes <= this.#maxLineBytes) return null;
    const hasWorse = hasForbiddenBytes(text.slice(start, start + this.#maxLineBytes));
    return hasWorse ? forbidden() : this.#lineTooLong();
  }

  /** Of several faults the one that a line has which comes byte by byte. */
  #readLine(text: string): RequestLine | HttpFault {
    const line = parseRequestLine(text, this.#limits.maxTargetBytes);
    const isTooLong = text.length > this.#maxLineBytes;
    if (!(line instanceof HttpFault)) return isTooLong ? this.#lineTooLong() : line;
    if (hasForbiddenBytes(text.slice(0, this.#maxLineBytes))) return forbidden();
    return isTooLong ? this.#lineTooLong() : line;
  }

  /** The target with the longest method and version that anybody uses. */
  get #maxLineBytes(): number {
    return this.#limits.maxTargetBytes + 64;
  }

  #lineTooLong(): HttpFault {
    const { maxTargetBytes } = this.#limits;
    return new HttpFault('target_too_long', `the request line is longer than ${maxTargetBytes} bytes`);
  }

  #tooLarge(): HttpFault {
    return new HttpFault('head_too_large', `the head is larger than ${this.#limits.maxHeadBytes} bytes`);
  }
}

/**
 * How much of a line end stands before `at`, where what was looked at ends: with the next byte a CR is a line end or a fault,
 * and white space behind a CRLF folds the line.
 */
function lineEndBytes(text: string, at: number): 0 | 1 | 2 {
  const last = at > 0 ? text.charCodeAt(at - 1) : 0;
  if (last === 0x0d) return 1;
  return last === 0x0a && text.charCodeAt(at - 2) === 0x0d ? 2 : 0;
}

/**
 * The fault of a head that has several: bytes that no head may hold go first, since a head that comes in pieces is refused
 * for them before it is whole.
 */
function worstOf(fault: HttpFault, head: string): HttpFault {
  return fault.reason !== 'bad_request' && hasForbiddenBytes(head) ? forbidden() : fault;
}

function forbidden(): HttpFault {
  return new HttpFault('bad_request', 'control byte, bare CR or bare LF in the head');
}
