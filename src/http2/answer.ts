/** The fields of an answer, from the text lines of HTTP/1.1 to the names and values of HTTP/2 (RFC 9113 section 8.2). */
import type { ServerHttp2Stream } from 'node:http2';
import type { AnswerHead, HttpDate } from '../http/index.ts';
import { AnswerWay, type PackedFields, textBytes } from './answer-way.ts';

/** Of the connection, not of the answer (RFC 9113 section 8.2.2): node:http2 refuses to send them, and so it shall. */
const OF_CONNECTION =
  /^(?:connection|upgrade|http2-settings|keep-alive|proxy-connection|transfer-encoding|te):/im;

const way = new AnswerWay();

/** Names in lower case and values by turns, from well-formed lines with their CRLF. */
export function fieldPairs(lines: string): string[] {
  const pairs: string[] = [];
  for (let start = 0; start < lines.length; ) {
    const end = lines.indexOf('\r\n', start);
    const colon = lines.indexOf(':', start);
    pairs.push(lines.slice(start, colon).toLowerCase(), lines.slice(colon + 1, end).trim());
    start = end + 2;
  }
  return pairs;
}

/** The same as an object, which is what node:http2 takes for interim answers and trailers. */
export function fieldObject(lines: string): Record<string, string[]> {
  const fields: Record<string, string[]> = Object.create(null);
  const pairs = fieldPairs(lines);
  for (let at = 0; at < pairs.length; at += 2) {
    const name = pairs[at] as string;
    fields[name] ??= [];
    fields[name].push(pairs[at + 1] as string);
  }
  return fields;
}

/** Translates answers; the fields of the one before are at hand where a server repeats them. */
export class AnswerTranslator {
  readonly #date: HttpDate;
  #lines = '';
  #pairs: readonly string[] = [];
  /** The same packed, and how many they are; null = not to be had in that form. */
  #packedLines = '';
  #packed: string | null = '';
  #packedCount = 0;

  constructor(date: HttpDate) {
    this.#date = date;
  }

  /** All fields of an answer, :status first. */
  fieldsOf(answer: AnswerHead): string[] {
    if (answer.fields !== this.#lines) {
      this.#lines = answer.fields;
      this.#pairs = fieldPairs(answer.fields);
    }
    // HTTP/2 ends at 599 in Node; what is beyond means the same as any other error of a server (RFC 9110 section 15).
    const status = answer.status > 599 ? 502 : answer.status;
    const fields = [':status', String(status), ...this.#pairs];
    const { contentLength } = answer;
    const isTold =
      answer.framing === 'length' || (answer.framing === 'none' && contentLength >= 0 && status !== 204);
    if (isTold) fields.push('content-length', String(contentLength));
    if (!answer.hasDate) fields.push('date', this.#date.line().slice(6, -2));
    return fields;
  }

  /**
   * Sends an answer at once and ends it: of a stream that is open, with nothing sent, whose request is complete.
   * @param body nobody touches it any more
   * @returns the bytes of fields and body; 0 = nothing was done, send it by the stream
   */
  sendWhole(node: ServerHttp2Stream, answer: AnswerHead, body: Buffer): number {
    const fields = this.packedOf(answer);
    if (fields === null || !way.send(node, fields, body)) return 0;
    return textBytes(fields) + body.length;
  }

  /** What `fieldsOf` gives, of an answer with a body, packed; null = use those. */
  packedOf(answer: AnswerHead): PackedFields | null {
    if (answer.framing === 'none' || answer.status > 599) return null;
    if (answer.fields !== this.#packedLines) this.#pack(answer.fields);
    if (this.#packed === null) return null;
    let text = `:status\0${answer.status}\0\0${this.#packed}`;
    let count = this.#packedCount + 1;
    if (answer.framing === 'length') {
      text += `content-length\0${answer.contentLength}\0\0`;
      count++;
    }
    if (!answer.hasDate) {
      text += `date\0${this.#date.line().slice(6, -2)}\0\0`;
      count++;
    }
    return [text, count];
  }

  #pack(lines: string): void {
    this.#packedLines = lines;
    if (OF_CONNECTION.test(lines)) {
      this.#packed = null;
      return;
    }
    const pairs = fieldPairs(lines);
    let packed = '';
    for (let at = 0; at < pairs.length; at += 2) packed += `${pairs[at]}\0${pairs[at + 1]}\0\0`;
    this.#packed = packed;
    this.#packedCount = pairs.length / 2;
  }
}
