import { flat } from './flat.ts';
import { secretBytes } from './random.ts';

/** '00' … 'zz'. */
const LAST_TWO: readonly string[] = Array.from({ length: 36 ** 2 }, (_, n) =>
  n.toString(36).padStart(2, '0'),
);

/**
 * Request ids: 12 random characters of this thread, then a counter; unique over threads and restarts, short to
 * read, cheap to make. They identify, they do not authenticate.
 */
export class RequestIds {
  readonly #prefix = secretBytes(9).toString('base64url').replace(/[-_]/g, '0');
  #hundreds = 0;
  #last = 0;
  /** All but the last two characters. */
  #start = this.#startOf(0);

  next(): string {
    if (++this.#last === LAST_TWO.length) {
      this.#last = 0;
      this.#start = this.#startOf(++this.#hundreds);
    }
    return this.#start + LAST_TWO[this.#last];
  }

  #startOf(hundreds: number): string {
    return flat(this.#prefix + hundreds.toString(36).padStart(4, '0'));
  }
}
