/** Bytes -> heads of answers, incrementally; the counterpart of head-reader.ts. */
import { flat } from '../kernel/flat.ts';
import { HttpFault } from './fault.ts';
import {
  parseResponseFields,
  parseStatusLine,
  type ResponseFields,
  ResponseHead,
  type StatusLine,
} from './response-head.ts';

/** A whole head, and where in the buffer the bytes after it begin. */
export interface WholeResponseHead {
  readonly head: ResponseHead;
  readonly bodyStart: number;
}

export class ResponseReader {
  readonly #maxHeadBytes: number;
  readonly #maxFields: number;
  #partial = '';
  /** The status line of the answer before, with its CRLF, and as it was read. */
  #lastLineText = '';
  #lastLine: StatusLine | null = null;
  /** The fields of the answer before: servers repeat them, at least within a second. */
  #lastFields: ResponseFields | null = null;

  constructor(limits: { readonly maxHeadBytes: number; readonly maxFields: number }) {
    this.#maxHeadBytes = limits.maxHeadBytes;
    this.#maxFields = limits.maxFields;
  }

  /** Reads `buffer[at, to)`. @returns a head, a fault, or null when all of it was taken and more is needed */
  push(buffer: Buffer, at: number, to: number): WholeResponseHead | HttpFault | null {
    const before = this.#partial.length;
    const room = this.#maxHeadBytes + 4 - before;
    const fresh = buffer.toString('latin1', at, Math.min(to, at + room));
    const text = before === 0 ? fresh : this.#partial + fresh;
    const end = text.indexOf('\r\n\r\n', Math.max(0, before - 3));
    if (end < 0) {
      if (!couldBeStatusLine(text)) return new HttpFault('bad_upstream', 'the answer is not HTTP/1.x');
      // A server that ends lines with LF only would never come to an end.
      if (hasBareLf(text, before)) return new HttpFault('bad_upstream', 'bare LF in the head');
      if (text.length > this.#maxHeadBytes)
        return new HttpFault('bad_upstream', `the head is larger than ${this.#maxHeadBytes} bytes`);
      this.#partial = text;
      return null;
    }
    this.#partial = '';
    const head = this.#parse(text, end);
    return head instanceof HttpFault ? head : { head, bodyStart: at + end + 4 - before };
  }

  #parse(text: string, end: number): ResponseHead | HttpFault {
    const line = this.#readLine(text);
    if (line instanceof HttpFault) return line;
    const lineEnd = this.#lastLineText.length - 2;
    const block = lineEnd === end ? '' : text.slice(lineEnd + 2, end + 2);
    let fields = this.#lastFields;
    if (fields === null || fields.text !== block) {
      const parsed = parseResponseFields(block, this.#maxFields);
      if (parsed instanceof HttpFault) return parsed;
      fields = parsed;
      this.#lastFields = parsed;
    }
    return new ResponseHead(line.status, line.minor, line.phrase, fields);
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
