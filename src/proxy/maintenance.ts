/** A route that is closed for a while: 503 for all but those who work on it. */
import { IpFilter } from '../limit/index.ts';
import { prefersHtml } from './answers.ts';
import { type ErrorPageOptions, pageAnswer } from './error-pages.ts';
import type { Exchange } from './exchange.ts';
import type { Gate } from './gate.ts';

export interface MaintenanceOptions {
  /** For clients that would rather see a page; null = as for any other error. */
  readonly page: ErrorPageOptions | null;
  readonly retryAfterS: number;
  /** Addresses and blocks that pass. */
  readonly allow: readonly string[];
}

export class MaintenanceGate implements Gate {
  readonly #options: MaintenanceOptions;
  readonly #passing: IpFilter | null;

  constructor(options: MaintenanceOptions) {
    this.#options = options;
    this.#passing = options.allow.length === 0 ? null : new IpFilter(options.allow, []);
  }

  check(exchange: Exchange): boolean {
    if (this.#passing?.decide(exchange.asker.address) === 'allowed') return true;
    const { page, retryAfterS } = this.#options;
    const fields = `Retry-After: ${retryAfterS}\r\n`;
    if (page !== null && prefersHtml(exchange.stream.head.fields.forward)) {
      const facts = { requestId: exchange.requestId, status: 503, title: 'Down for maintenance' };
      exchange.answer(pageAnswer(page, facts, fields), 'maintenance');
    } else exchange.refuse('maintenance', '', fields);
    return false;
  }
}
