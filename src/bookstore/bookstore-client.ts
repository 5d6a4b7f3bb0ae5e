/** A small typed client of the bookstore, straight to a server or through whatever stands in front of it. */
import { Agent, request } from 'undici';
import type { Book, BookInput, Genre } from './book.ts';
import type { FieldError } from './problem.ts';

export interface BookstoreClientOptions {
  /** `https://localhost:8443`: the shop, or a proxy in front of it. */
  readonly baseUrl: string;
  /** The certificate (PEM) of the authority that signed the proxy's; default: the system's trust. */
  readonly ca?: string | undefined;
  /** For each request, from its head to the head of the answer. Default 10 s. */
  readonly timeoutMs?: number;
}

/** What came back, and from which server. */
export interface Reply<T> {
  readonly status: number;
  /** The entity tag of the book's version, for `ifMatch`; undefined where the answer has none. */
  readonly etag: string | undefined;
  /** `X-Server` of the answer; undefined when something else answered. */
  readonly server: string | undefined;
  readonly value: T;
}

export interface Page {
  readonly items: readonly Book[];
  readonly nextCursor: string | null;
}

export interface SearchQuery {
  readonly q?: string;
  readonly genre?: Genre;
  /** `id`, `title`, `year`, `price`; with a leading `-` in reverse. */
  readonly sort?: string;
  readonly limit?: number;
  readonly cursor?: string;
}

export interface Sale {
  readonly bookId: number;
  readonly quantity: number;
  readonly total: { readonly cents: number; readonly currency: string };
  readonly stock: number;
}

/** An answer that is not 2xx. */
export class BookstoreError extends Error {
  readonly status: number;
  readonly server: string | undefined;
  /** `code` of the problem document, '' when the answer was none. */
  readonly code: string;
  readonly errors: readonly FieldError[];

  constructor(what: string, reply: Reply<unknown>) {
    const problem = (reply.value ?? {}) as { code?: string; detail?: string; errors?: readonly FieldError[] };
    super(`${what}: ${reply.status}${problem.detail === undefined ? '' : ` ${problem.detail}`}`);
    this.name = 'BookstoreError';
    this.status = reply.status;
    this.server = reply.server;
    this.code = problem.code ?? '';
    this.errors = problem.errors ?? [];
  }
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
type Headers = Record<string, string>;

function first(field: string | string[] | undefined): string | undefined {
  return Array.isArray(field) ? field[0] : field;
}

export class BookstoreClient {
  readonly #baseUrl: string;
  readonly #agent: Agent;

  constructor(options: BookstoreClientOptions) {
    this.#baseUrl = options.baseUrl.replace(/\/+$/, '');
    const timeoutMs = options.timeoutMs ?? 10_000;
    this.#agent = new Agent({
      connect: { timeout: timeoutMs, ...(options.ca === undefined ? {} : { ca: options.ca }) },
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    });
  }

  create(book: BookInput, options: { readonly idempotencyKey?: string } = {}): Promise<Reply<Book>> {
    return this.#call('POST', '/books', book, keyHeader(options.idempotencyKey));
  }

  read(id: number): Promise<Reply<Book>> {
    return this.#call('GET', `/books/${id}`);
  }

  /** Reads only when the book is not at `etag` any more; `value` is undefined when it is. */
  async readIfChanged(id: number, etag: string): Promise<Reply<Book | undefined>> {
    return this.#call<Book | undefined>('GET', `/books/${id}`, undefined, { 'if-none-match': etag });
  }

  /** @param ifMatch the tag of the version that was read, or `*` for any */
  replace(id: number, book: BookInput, ifMatch: string): Promise<Reply<Book>> {
    return this.#call('PUT', `/books/${id}`, book, { 'if-match': ifMatch });
  }

  /** Changes the named members; null removes the description. */
  update(
    id: number,
    patch: { readonly [K in keyof BookInput]?: BookInput[K] | null },
    ifMatch: string,
  ): Promise<Reply<Book>> {
    return this.#call('PATCH', `/books/${id}`, patch, { 'if-match': ifMatch });
  }

  delete(id: number, ifMatch?: string): Promise<Reply<undefined>> {
    return this.#call(
      'DELETE',
      `/books/${id}`,
      undefined,
      ifMatch === undefined ? {} : { 'if-match': ifMatch },
    );
  }

  /** One page; `nextCursor` of its value gets the next. */
  search(query: SearchQuery = {}): Promise<Reply<Page>> {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) parameters.set(name, String(value));
    }
    return this.#call('GET', parameters.size > 0 ? `/books?${parameters}` : '/books');
  }

  purchase(
    id: number,
    quantity: number,
    options: { readonly idempotencyKey?: string } = {},
  ): Promise<Reply<Sale>> {
    return this.#call('POST', `/books/${id}/purchase`, { quantity }, keyHeader(options.idempotencyKey));
  }

  restock(
    id: number,
    quantity: number,
    options: { readonly idempotencyKey?: string } = {},
  ): Promise<Reply<Omit<Sale, 'total'>>> {
    return this.#call('POST', `/books/${id}/restock`, { quantity }, keyHeader(options.idempotencyKey));
  }

  close(): Promise<void> {
    return this.#agent.close();
  }

  async #call<T>(method: Method, path: string, body?: unknown, headers: Headers = {}): Promise<Reply<T>> {
    const answer = await request(`${this.#baseUrl}${path}`, {
      method,
      dispatcher: this.#agent,
      headers: {
        accept: 'application/json, application/problem+json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.body.text();
    const isJson = /^application\/(problem\+)?json\b/.test(first(answer.headers['content-type']) ?? '');
    const reply: Reply<unknown> = {
      status: answer.statusCode,
      etag: first(answer.headers['etag']),
      server: first(answer.headers['x-server']),
      value: isJson && text !== '' ? JSON.parse(text) : undefined,
    };
    if (reply.status >= 300 && reply.status !== 304) throw new BookstoreError(`${method} ${path}`, reply);
    return reply as Reply<T>;
  }
}

function keyHeader(key: string | undefined): Headers {
  return key === undefined ? {} : { 'idempotency-key': key };
}
