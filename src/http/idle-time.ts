import type { Deadlines } from '../kernel/deadlines.ts';
import { LAST_REQUEST_MS } from './wire.ts';

/** What is remembered of the requests of a connection pays when the next one comes soon, and is mere memory in one that waits. */
const REMEMBER_MS = 5000;

/**
 * The time between two exchanges of a client connection, in two parts:
 *
 *   idle ──REMEMBER_MS──▶ forget ──up to idle_timeout──▶ over
 */
export class IdleTime {
  readonly #deadlines: Deadlines;
  readonly #timeoutMs: number;
  /** Since when it is idle; coarse. -Infinity until there was an exchange. */
  #sinceMs = Number.NEGATIVE_INFINITY;

  constructor(deadlines: Deadlines, timeoutMs: number) {
    this.#deadlines = deadlines;
    this.#timeoutMs = timeoutMs;
  }

  /** Whether there was an exchange. */
  get wasUsed(): boolean {
    return this.#sinceMs > Number.NEGATIVE_INFINITY;
  }

  get endMs(): number {
    return this.#sinceMs + this.#timeoutMs;
  }

  /** An exchange is over. @returns the first deadline */
  begin(): number {
    this.#sinceMs = this.#deadlines.after(0);
    return this.#sinceMs + Math.min(REMEMBER_MS, this.#timeoutMs);
  }

  /** Until when a last request may come to a connection that is asked to close. */
  lastRequestMs(nowMs: number): number {
    return LAST_REQUEST_MS + (this.wasUsed ? this.#sinceMs : nowMs);
  }
}
