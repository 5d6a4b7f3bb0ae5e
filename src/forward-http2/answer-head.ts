/**
 * Heads of answers that come over HTTP/2, as those of HTTP/1.1 that they are to the phases: the same reader, the same rules
 * (http/response-head.ts). What is doubtful is a fault, and the exchange gets a 502.
 */
import { STATUS_CODES } from 'node:http';
import { HttpFault, parseResponseFields, ResponseHead } from '../http/index.ts';

/** Control bytes, or white space at an end (RFC 9113 section 8.2.1). */
const BAD_VALUE = /[\x00-\x08\x0a-\x1f\x7f]|^[ \t]|[ \t]$/;

/** Fields of one HTTP/1.1 connection: a message of HTTP/2 with one is malformed (RFC 9113 section 8.2.2). */
const OF_CONNECTION: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

/** gRPC's UNAVAILABLE (https://github.com/grpc/grpc/blob/master/doc/statuscodes.md): what a 503 is without gRPC. */
const UNAVAILABLE = '14';

/** Of the answer to HEAD; without a body; with one. */
type Form = 'head' | 'complete' | 'open';

function bad(detail: string): HttpFault {
  return new HttpFault('bad_upstream', detail);
}

/** Reads the heads of one connection. */
export class AnswerHeads {
  readonly #maxFields: number;
  #lastRaw: readonly string[] = [];
  #lastForm: Form = 'open';
  #last: ResponseHead | null = null;

  constructor(maxFields: number) {
    this.#maxFields = maxFields;
  }

  /**
   * @param raw names and values by turns, as they came
   * @param isComplete nothing comes after the fields (END_STREAM)
   * @param method of the request: the answer to HEAD is complete whatever its length
   */
  read(raw: readonly string[], isComplete: boolean, method: string): ResponseHead | HttpFault {
    const form: Form = method === 'HEAD' ? 'head' : isComplete ? 'complete' : 'open';
    // hot path: a server repeats its fields, at least within a second
    if (this.#last !== null && form === this.#lastForm && isSame(raw, this.#lastRaw)) return this.#last;
    const head = this.#readNew(raw, form);
    if (head instanceof HttpFault) return head;
    if (isComplete && head.framing(method) === 'length') return bad('a length, and no body');
    this.#lastRaw = raw;
    this.#lastForm = form;
    this.#last = head;
    return head;
  }

  /** An interim answer. */
  readInterim(raw: readonly string[]): ResponseHead | HttpFault {
    const head = this.#readNew(raw, 'complete');
    // RFC 9113 section 8.6
    return !(head instanceof HttpFault) && head.status === 101 ? bad('a 101, which HTTP/2 has not') : head;
  }

  #readNew(raw: readonly string[], form: Form): ResponseHead | HttpFault {
    const status = raw[0] === ':status' ? raw[1] : undefined;
    if (status === undefined || !/^[1-5]\d\d$/.test(status)) return bad(':status is missing or no status');
    let text = '';
    let hasLength = false;
    let grpcStatus = '';
    for (let at = 2; at < raw.length; at += 2) {
      const name = raw[at] as string;
      const value = raw[at + 1] as string;
      if (BAD_VALUE.test(value)) return bad('a control byte, or white space at an end, in a field');
      if (OF_CONNECTION.has(name)) return bad(`${name} means nothing in HTTP/2`);
      if (name === 'content-length') hasLength = true;
      else if (name === 'grpc-status') grpcStatus = value;
      text += `${name}: ${value}\r\n`;
    }
    const code = Number(status);
    // As HTTP/1.1 tells the end of a body that has no length.
    if (code >= 200 && code !== 204 && code !== 304 && !hasLength && form !== 'head')
      text += form === 'complete' ? 'content-length: 0\r\n' : 'transfer-encoding: chunked\r\n';
    const fields = parseResponseFields(text, this.#maxFields + 1);
    if (fields instanceof HttpFault) return fields;
    const judged = form === 'complete' && code === 200 && grpcStatus === UNAVAILABLE ? 503 : code;
    return new ResponseHead(code, 1, STATUS_CODES[code] ?? '', fields, judged);
  }
}

function isSame(raw: readonly string[], before: readonly string[]): boolean {
  if (raw.length !== before.length) return false;
  for (let i = 0; i < raw.length; i++) if (raw[i] !== before[i]) return false;
  return true;
}
