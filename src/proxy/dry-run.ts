import type { Exchange } from './exchange.ts';

/** Whom a dry run would have refused is logged so often at most, of each limit in each thread. */
const LOG_MS = 1000;

/** What a limit in dry run would have done: counted, and logged now and then. */
export class DryRun {
  readonly #limit: string;
  #loggedMs = Number.NEGATIVE_INFINITY;
  #unlogged = 0;

  constructor(limit: string) {
    this.#limit = limit;
  }

  note(exchange: Exchange): void {
    const { listener, deps, requestId, asker, stream } = exchange;
    listener.cells.countLimitedDryRun();
    this.#unlogged++;
    if (stream.startedMs - this.#loggedMs < LOG_MS) return;
    deps.log.info('a limit in dry run would have refused', {
      limit: this.#limit,
      request_id: requestId,
      client_ip: asker.identity.clientIp,
      requests: this.#unlogged,
    });
    this.#loggedMs = stream.startedMs;
    this.#unlogged = 0;
  }
}
