import { fieldValues, type RequestHead } from '../http/index.ts';
import type { RequestFacts } from '../route/index.ts';

/** What routes may ask of a request beyond host and path; looked up when a route does. */
export class HeadFacts implements RequestFacts {
  readonly #head: RequestHead;

  constructor(head: RequestHead) {
    this.#head = head;
  }

  get method(): string {
    return this.#head.method;
  }

  headers(name: string): readonly string[] {
    return fieldValues(this.#head.fields.text, name);
  }

  queries(name: string): readonly string[] {
    const { target } = this.#head;
    const mark = target.indexOf('?');
    return mark < 0 ? [] : new URLSearchParams(target.slice(mark + 1)).getAll(name);
  }
}
