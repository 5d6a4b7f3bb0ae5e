import { fieldValues, type RequestHead } from '../http/index.ts';
import type { Address } from '../limit/index.ts';
import type { RequestFacts } from '../route/index.ts';

/** What routes may ask of a request beyond host and path; looked up when a route does. */
export class HeadFacts implements RequestFacts {
  readonly path: string;
  readonly client: Address | undefined;
  readonly #head: RequestHead;
  /** Looked up once: many routes may ask. */
  #query: URLSearchParams | null = null;
  readonly #fields = new Map<string, readonly string[]>();

  constructor(head: RequestHead, path: string, client: Address | undefined) {
    this.path = path;
    this.client = client;
    this.#head = head;
  }

  get method(): string {
    return this.#head.method;
  }

  headers(name: string): readonly string[] {
    let values = this.#fields.get(name);
    if (values === undefined) {
      values = fieldValues(this.#head.fields.text, name);
      this.#fields.set(name, values);
    }
    return values;
  }

  queries(name: string): readonly string[] {
    if (this.#query === null) {
      const { target } = this.#head;
      const mark = target.indexOf('?');
      this.#query = new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1));
    }
    return this.#query.getAll(name);
  }
}
