/**
 * Which answers of a route are compressed, and what their heads say then. Pure.
 *
 * Left as they are: what has a coding already, what asks for it (`no-transform`), parts (206, Content-Range), what has no body,
 * what is too small to gain, and types that are not named: pictures, films and archives are compressed already.
 */
import { type AnswerHead, fieldValue, fieldValues } from '../http/index.ts';
import { negotiate } from './negotiate.ts';

export type Coding = 'zstd' | 'br' | 'gzip';

export interface CompressionOptions {
  /** `text/html`, `text/*`, or `*` for all, in lower case. */
  readonly types: readonly string[];
  /** Of bodies whose length is known. */
  readonly minSizeBytes: number;
  /** In the order of preference. */
  readonly algorithms: readonly Coding[];
  /** Answers that set cookies stay as they are: what a page repeats of a request cannot tell what else is in it (BREACH). */
  readonly skipsSetCookie: boolean;
}

export interface CompressionDecision {
  /** null = it stays as it is. */
  readonly coding: Coding | null;
  /** It is as it is because of what the client takes: caches have to know. */
  readonly varies: boolean;
}

const AS_IT_IS: CompressionDecision = { coding: null, varies: false };
/** Fields of bytes that are not sent any more. */
const GONE = /^(?:accept-ranges|content-md5|digest|content-digest|repr-digest):/i;

export class CompressionRule {
  readonly #options: CompressionOptions;
  readonly #exact: ReadonlySet<string>;
  readonly #families: readonly string[];

  constructor(options: CompressionOptions) {
    this.#options = options;
    this.#exact = new Set(options.types);
    this.#families = options.types.filter((it) => it.endsWith('/*')).map((it) => it.slice(0, -1));
  }

  /** In the order of preference. */
  get algorithms(): readonly Coding[] {
    return this.#options.algorithms;
  }

  /**
   * @param requestLines fields of the request as they came
   * @param isHead it answers HEAD: what is said of the answer to GET is to be said of it (RFC 9110 section 9.3.2)
   */
  decide(answer: AnswerHead, requestLines: string, isHead = false): CompressionDecision {
    if (!this.isFor(answer, isHead)) return AS_IT_IS;
    const accept = fieldValues(requestLines, 'accept-encoding').join();
    return { coding: negotiate(accept, this.#options.algorithms), varies: true };
  }

  /** Whether an answer is compressed for clients that take it. */
  isFor({ status, fields, framing, contentLength }: AnswerHead, isHead = false): boolean {
    const { minSizeBytes, skipsSetCookie } = this.#options;
    const hasBody = isHead ? contentLength !== 0 && !isBodiless(status) : framing !== 'none';
    if (!hasBody || status < 200 || status === 205 || status === 206) return false;
    if (contentLength >= 0 && contentLength < minSizeBytes) return false;
    if (!this.#hasType(fieldValue(fields, 'content-type') ?? '')) return false;
    const coding = fieldValues(fields, 'content-encoding').join();
    if (coding !== '' && coding.toLowerCase() !== 'identity') return false;
    if (/\bno-transform\b/i.test(fieldValues(fields, 'cache-control').join())) return false;
    if (fieldValue(fields, 'content-range') !== undefined) return false;
    return !skipsSetCookie || fieldValue(fields, 'set-cookie') === undefined;
  }

  #hasType(value: string): boolean {
    const end = value.indexOf(';');
    const type = (end < 0 ? value : value.slice(0, end)).trim().toLowerCase();
    if (type === '') return false;
    return (
      this.#exact.has(type) ||
      this.#exact.has('*') ||
      this.#families.some((family) => type.startsWith(family))
    );
  }
}

function isBodiless(status: number): boolean {
  return status === 204 || status === 304;
}

/** The head with `Vary` and, of an answer that is compressed, its coding, no length, and a tag that says "of the same meaning". */
export function codedHead(head: AnswerHead, coding: Coding | null): AnswerHead {
  const vary = fieldValues(head.fields, 'vary').join();
  const known = /(?:^|,)[ \t]*(?:\*|accept-encoding)[ \t]*(?:,|$)/i.test(vary);
  const varyLine = known ? '' : 'Vary: Accept-Encoding\r\n';
  if (coding === null) return { ...head, fields: head.fields + varyLine, memo: '' };
  const kept = head.fields
    .split('\r\n')
    // Ranges of this answer would be ranges of other bytes.
    .filter((line) => !GONE.test(line) && !/^content-encoding:/i.test(line))
    // RFC 9110 section 8.8.3.3: a strong tag promises the same bytes.
    .map((line) => line.replace(/^(etag:[ \t]*)(?=")/i, '$1W/'))
    .join('\r\n');
  const fields = `${kept}Content-Encoding: ${coding}\r\n${varyLine}`;
  return { ...head, fields, framing: 'chunked', contentLength: -1, memo: '' };
}
