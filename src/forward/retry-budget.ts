/**
 * How many attempts may be repeated: when every server fails, retries would be a second load on top of the one that they
 * fail under. In any ten seconds there are at most `share` of the requests, and `perS` a second, more attempts than
 * requests (after Finagle's RetryBudget). One for each pool and thread.
 */
export interface RetryBudgetOptions {
  /** Of the requests of the last ten seconds, 0 to 1. */
  readonly share: number;
  /** Always allowed, so that a quiet pool can repeat at all; of this thread. */
  readonly perS: number;
}

const SECONDS = 10;

export class RetryBudget {
  #options: RetryBudgetOptions;
  /** By second: which one it is, and what was counted in it. */
  readonly #second = new Float64Array(SECONDS).fill(-1);
  readonly #requests = new Float64Array(SECONDS);
  readonly #retries = new Float64Array(SECONDS);

  constructor(options: RetryBudgetOptions) {
    this.#options = options;
  }

  /** A reload may change how much is allowed; what was counted stays. */
  adjust(options: RetryBudgetOptions): void {
    this.#options = options;
  }

  /** Once for each request. @param nowMs `Clock.nowMs` */
  countRequest(nowMs: number): void {
    const at = this.#at(nowMs);
    this.#requests[at] = (this.#requests[at] ?? 0) + 1;
  }

  /** Whether one more may be made. */
  hasLeft(nowMs: number): boolean {
    const now = Math.floor(nowMs / 1000);
    let requests = 0;
    let retries = 0;
    for (let i = 0; i < SECONDS; i++) {
      if (now - (this.#second[i] ?? -1) >= SECONDS) continue;
      requests += this.#requests[i] ?? 0;
      retries += this.#retries[i] ?? 0;
    }
    const { share, perS } = this.#options;
    return retries < share * requests + perS * SECONDS;
  }

  /** One was made. */
  spend(nowMs: number): void {
    const at = this.#at(nowMs);
    this.#retries[at] = (this.#retries[at] ?? 0) + 1;
  }

  #at(nowMs: number): number {
    const second = Math.floor(nowMs / 1000);
    const at = second % SECONDS;
    if (this.#second[at] !== second) {
      this.#second[at] = second;
      this.#requests[at] = this.#retries[at] = 0;
    }
    return at;
  }
}
