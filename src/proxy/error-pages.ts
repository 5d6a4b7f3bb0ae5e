/**
 * Pages of the user's own for errors, in the place of ours and, where it is wanted, of those of servers. Pure.
 *
 * A page of `text/html` goes to clients that would rather see one (browsers); programs keep the problem+json of ours, and what
 * servers say to them. Other types go to everybody.
 */
import type { AnswerHead } from '../http/index.ts';
import { type OwnAnswer, phraseOf, plainAnswer } from './answers.ts';
import { keptLines } from './field-rules.ts';

export interface ErrorPageOptions {
  /** `404`, or `5xx` for what has no page of its own. */
  readonly status: string;
  /** May have `{request_id}`, `{status}` and `{title}`; other braces are left alone, for styles and scripts have many. */
  readonly body: string;
  readonly contentType: string;
  /** Takes the place of answers of servers, too. */
  readonly intercepts: boolean;
}

/** What stands in a page. */
export interface PageFacts {
  readonly requestId: string;
  readonly status: number;
  readonly title: string;
}

/** Fields of a server's answer that speak of its body. */
const OF_BODY: ReadonlySet<string> = new Set([
  'content-type',
  'content-encoding',
  'content-language',
  'content-disposition',
  'content-location',
  'content-range',
  'content-md5',
  'content-digest',
  'repr-digest',
  'digest',
  'etag',
  'last-modified',
  'accept-ranges',
]);

export class ErrorPages {
  readonly #byStatus: ReadonlyMap<string, ErrorPageOptions>;
  readonly #others: ErrorPages | null;
  /** One of them takes the place of answers of servers. */
  readonly intercepts: boolean;

  /** @param others asked where these have none */
  constructor(pages: readonly ErrorPageOptions[], others: ErrorPages | null) {
    this.#byStatus = new Map(pages.map((page) => [page.status, page]));
    this.#others = others;
    this.intercepts = pages.some((page) => page.intercepts) || others?.intercepts === true;
  }

  /** The page for an error, or null. */
  pageFor(status: number, prefersHtml: boolean): ErrorPageOptions | null {
    const page = this.#byStatus.get(`${status}`) ?? this.#byStatus.get(`${Math.floor(status / 100)}xx`);
    if (page === undefined) return this.#others?.pageFor(status, prefersHtml) ?? null;
    return prefersHtml || !/^text\/html\b/i.test(page.contentType) ? page : null;
  }
}

/** null = there are none. @param others asked where these have none */
export function compileErrorPages(
  pages: readonly ErrorPageOptions[],
  others: ErrorPages | null,
): ErrorPages | null {
  return pages.length === 0 ? others : new ErrorPages(pages, others);
}

/** @param fields further lines */
export function pageAnswer(page: ErrorPageOptions, facts: PageFacts, fields: string): OwnAnswer {
  const body = fillPage(page, facts);
  return plainAnswer(facts.status, page.contentType, body, `Cache-Control: no-store\r\n${fields}`);
}

/** The head of a server's answer whose body is a page: cookies, challenges, Retry-After stay. */
export function interceptedHead(head: AnswerHead, page: ErrorPageOptions, length: number): AnswerHead {
  return {
    ...head,
    phrase: head.phrase === '' ? phraseOf(head.status) : head.phrase,
    fields: `${keptLines(head.fields, OF_BODY)}Content-Type: ${page.contentType}\r\n`,
    framing: head.framing === 'none' ? 'none' : 'length',
    contentLength: length,
    memo: '',
  };
}

export function fillPage({ body, contentType }: ErrorPageOptions, facts: PageFacts): string {
  const isMarkup = /[/+](?:html|xml)\b/i.test(contentType);
  const values: Readonly<Record<string, string>> = {
    request_id: facts.requestId,
    status: `${facts.status}`,
    title: facts.title,
  };
  return body.replace(/\{(request_id|status|title)\}/g, (_all, name: string) => {
    // A trusted proxy in front may have chosen the id.
    const value = values[name] ?? '';
    return isMarkup ? value.replace(/[^\w .:+/=@~-]/g, '') : value.replace(/[^\x20-\x7e]|["\\]/g, '');
  });
}
