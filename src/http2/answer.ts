/** The fields of an answer, from the text lines of HTTP/1.1 to the names and values of HTTP/2 (RFC 9113 section 8.2). */
import type { AnswerHead, HttpDate } from '../http/index.ts';

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
}
