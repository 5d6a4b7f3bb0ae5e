/** Bytes -> heads of answers, incrementally; the counterpart of head-reader.ts. */
import { flat } from '../kernel/flat.ts';
import { HttpFault } from './fault.ts';
import { parseResponseFields, parseStatusLine, ResponseHead, type StatusLine } from './response-head.ts';

/** A whole head, and where in the buffer the bytes after it begin. */
export interface WholeResponseHead {
  readonly head: ResponseHead;
  readonly bodyStart: number;
}

/**
 * The last head that any connection of a pool has read. Servers of a pool are mostly alike, so what one says the others say
 * within the same second (`Date`): then it is read once, and what a thousand idle connections remember is one object. With
 * one for each, all of them outlived the young generation, for nothing.
 */
export class SharedHead {
  text = '';
  head: ResponseHead | null = null;
  #isFlat = false;

  set(text: string, head: ResponseHead): void {
    this.text = text;
    this.head = head;
    this.#isFlat = false;
  }

  /** The head with this text, if it is the one. */
  find(text: string): ResponseHead | null {
    if (text !== this.text) return null;
    if (!this.#isFlat) this.text = flat(text);
    this.#isFlat = true;
    return this.head;
  }
}

/** After so many heads in a row that nobody had said before, the next is not expected to be like its last. */
const VARYING = 3;

/** What is looked at first: nearly every head is shorter, and what stands behind it is a body, which no text is made of. */
const LIKELY_BYTES = 2048;

export class ResponseReader {
  readonly #maxHeadBytes: number;
  readonly #maxFields: number;
  #partial = '';
  /** The status line of the answer before, with its CRLF, and as it was read. */
  #lastLineText = '';
  #lastLine: StatusLine | null = null;
  /** The head before, with its empty line: servers repeat theirs, at least within a second. */
  #lastText = '';
  #last: ResponseHead | null = null;
  /** The last two were the same: the next one is expected to be so, too. */
  #isRepeating = false;
  /** How many heads in a row were new. */
  #newInARow = 0;
  readonly #shared: SharedHead;

  constructor(
    limits: { readonly maxHeadBytes: number; readonly maxFields: number },
    shared: SharedHead = new SharedHead(),
  ) {
    this.#shared = shared;
    this.#maxHeadBytes = limits.maxHeadBytes;
    this.#maxFields = limits.maxFields;
  }

  /** Reads `buffer[at, to)`. @returns a head, a fault, or null when all of it was taken and more is needed */
  push(buffer: Buffer, at: number, to: number): WholeResponseHead | HttpFault | null {
    if (this.#partial !== '') return this.#search(buffer, at, to, this.#maxHeadBytes) ?? null;
    if (this.#isRepeating && this.#last !== null && this.#isLast(buffer, at, to))
      return { head: this.#last, bodyStart: at + this.#lastText.length };
    const likely = this.#search(buffer, at, to, LIKELY_BYTES);
    return likely === undefined ? (this.#search(buffer, at, to, this.#maxHeadBytes) ?? null) : likely;
  }

  #isLast(buffer: Buffer, at: number, to: number): boolean {
    const end = at + this.#lastText.length;
    this.#isRepeating = end <= to && buffer.toString('latin1', at, end) === this.#lastText;
    return this.#isRepeating;
  }

  /**
   * As `push`, in a head of up to `atMost` bytes.
   * @returns undefined when it is longer than that, and nothing was taken
   */
  #search(
    buffer: Buffer,
    at: number,
    to: number,
    atMost: number,
  ): WholeResponseHead | HttpFault | null | undefined {
    const before = this.#partial.length;
    const room = Math.min(atMost, this.#maxHeadBytes) + 4 - before;
    const fresh = buffer.toString('latin1', at, Math.min(to, at + room));
    const text = before === 0 ? fresh : this.#partial + fresh;
    const end = text.indexOf('\r\n\r\n', Math.max(0, before - 3));
    if (end < 0) {
      if (at + room < to && atMost < this.#maxHeadBytes) return undefined;
      return this.#keepPartial(text, before);
    }
    this.#partial = '';
    const head = this.#parse(text, end);
    return head instanceof HttpFault ? head : { head, bodyStart: at + end + 4 - before };
  }

  #keepPartial(text: string, before: number): HttpFault | null {
    if (!couldBeStatusLine(text)) return new HttpFault('bad_upstream', 'the answer is not HTTP/1.x');
    // A server that ends lines with LF only would never come to an end.
    if (hasBareLf(text, before)) return new HttpFault('bad_upstream', 'bare LF in the head');
    if (text.length > this.#maxHeadBytes)
      return new HttpFault('bad_upstream', `the head is larger than ${this.#maxHeadBytes} bytes`);
    this.#partial = text;
    return null;
  }

  #parse(text: string, end: number): ResponseHead | HttpFault {
    const whole = text.slice(0, end + 4);
    if (this.#last !== null && whole === this.#lastText) {
      this.#isRepeating = true;
      this.#newInARow = 0;
      this.#lastText = flat(whole);
      return this.#last;
    }
    const known = this.#shared.find(whole);
    if (known !== null) {
      this.#isRepeating = true;
      this.#newInARow = 0;
      this.#lastText = this.#shared.text;
      this.#last = known;
      return known;
    }
    const line = this.#readLine(text);
    if (line instanceof HttpFault) return line;
    const lineEnd = this.#lastLineText.length - 2;
    const block = lineEnd === end ? '' : text.slice(lineEnd + 2, end + 2);
    const fields = parseResponseFields(block, this.#maxFields);
    if (fields instanceof HttpFault) return fields;
    const head = new ResponseHead(line.status, line.minor, line.phrase, fields);
    this.#shared.set(whole, head);
    this.#keep(whole, head);
    return head;
  }

  /** Of a server whose heads all differ only the text is kept, to see when they do not any more. */
  #keep(text: string, head: ResponseHead): void {
    this.#newInARow = text === this.#lastText ? 0 : this.#newInARow + 1;
    this.#lastText = text;
    this.#last = this.#newInARow > VARYING ? null : head;
  }

  #readLine(text: string): StatusLine | HttpFault {
    if (this.#lastLine !== null && text.startsWith(this.#lastLineText)) return this.#lastLine;
    const lineText = text.slice(0, text.indexOf('\r\n') + 2);
    const line = parseStatusLine(lineText.slice(0, -2));
    if (line instanceof HttpFault) return line;
    this.#lastLineText = flat(lineText);
    this.#lastLine = line;
    return line;
  }
}

/** Whether more bytes could still make this a status line; tells another protocol from a slow answer. */
function couldBeStatusLine(text: string): boolean {
  const start = 'HTTP/1.';
  return text.length < start.length ? start.startsWith(text) : text.startsWith(start);
}

/** Whether an LF at or after `from` has no CR before it. */
function hasBareLf(text: string, from: number): boolean {
  for (let at = text.indexOf('\n', from); at >= 0; at = text.indexOf('\n', at + 1)) {
    if (text.charCodeAt(at - 1) !== 0x0d) return true;
  }
  return false;
}
