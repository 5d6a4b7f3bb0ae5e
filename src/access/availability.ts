import { errorText } from '../kernel/errors.ts';

export interface AccessLog {
  info(message: string, fields: Record<string, unknown>): void;
  warn(message: string, fields: Record<string, unknown>): void;
}

/** Whether somebody outside answers; a change is told to the log, once. */
export class Availability {
  readonly #what: string;
  readonly #url: string;
  readonly #log: AccessLog;
  #isDown = false;

  /** @param what `the key set` */
  constructor(what: string, url: string, log: AccessLog) {
    this.#what = what;
    this.#url = url;
    this.#log = log;
  }

  get isDown(): boolean {
    return this.#isDown;
  }

  up(): void {
    if (this.#isDown) this.#log.info(`${this.#what} answers again`, { url: this.#url });
    this.#isDown = false;
  }

  /** @param so what follows for requests */
  down(error: unknown, so: string): void {
    if (!this.#isDown)
      this.#log.warn(`${this.#what} gives no usable answer`, { url: this.#url, why: errorText(error), so });
    this.#isDown = true;
  }
}
