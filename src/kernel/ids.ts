import { secretBytes } from './random.ts';

/**
 * Request ids: 12 random characters of this thread, then a counter; unique over threads and restarts, short to
 * read, cheap to make. They identify, they do not authenticate.
 */
export class RequestIds {
  readonly #prefix = secretBytes(9).toString('base64url').replace(/[-_]/g, '0');
  #count = 0;

  next(): string {
    this.#count++;
    return `${this.#prefix}${this.#count.toString(36).padStart(6, '0')}`;
  }
}
