import { type AttemptFailure, decideRetry, type RetryDecision } from '../forward/index.ts';
import type { Pool, PoolServer } from '../pool/index.ts';

/** What an exchange has tried so far, and what may come next. */
export class Tries {
  /** Servers that are not picked again. */
  readonly servers: PoolServer[] = [];
  /** Attempts, those on stale connections too. */
  count = 0;
  /** Attempts that met a stale connection: no failures of their server. */
  #staleCount = 0;
  #hasRetriedStale = false;

  decide(
    failure: AttemptFailure,
    request: { method: string; isBodyAtHand: boolean; isAnswerStarted: boolean; maxAttempts: number },
  ): RetryDecision {
    return decideRetry({
      ...request,
      failure,
      attempts: this.count - this.#staleCount,
      hasRetriedStale: this.#hasRetriedStale,
    });
  }

  /** The last attempt met a stale connection; the next goes to the same server. */
  noteStale(): void {
    this.#staleCount++;
    this.#hasRetriedStale = true;
  }

  /** The last attempt was the last on this server. */
  leave(server: PoolServer): void {
    if (!this.servers.includes(server)) this.servers.push(server);
    this.#hasRetriedStale = false;
  }

  /** Looks for another server than this one, which has not failed yet; what `find` did to `servers` stays if it found one. */
  besides<T>(server: PoolServer, find: () => T | null): T | null {
    const known = [...this.servers];
    this.servers.push(server);
    const found = find();
    if (found === null) this.servers.splice(0, this.servers.length, ...known);
    return found;
  }

  /** A newer snapshot of the same pool has servers of its own for what was tried. */
  moveTo(pool: Pool): void {
    const tried = this.servers.splice(0);
    for (const server of pool.servers)
      if (tried.some((it) => it.slot === server.slot && it.generation === server.generation))
        this.servers.push(server);
  }
}
