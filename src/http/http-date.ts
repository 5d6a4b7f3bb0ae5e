import type { Clock } from '../kernel/clock.ts';

/** The Date field (RFC 9110 section 6.6.1), made once a second. One per thread. */
export class HttpDate {
  readonly #clock: Clock;
  #second = Number.NaN;
  #line = '';

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `Date: Sun, 06 Nov 1994 08:49:37 GMT` with its CRLF, for now. */
  line(): string {
    const second = Math.floor(this.#clock.wallMs() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#line = `Date: ${new Date(second * 1000).toUTCString()}\r\n`;
    }
    return this.#line;
  }
}
