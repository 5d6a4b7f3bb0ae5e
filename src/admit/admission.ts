/**
 * Whether a pool takes a request at all, before a server is chosen: its breaker is not open, and it has not more requests than
 * it may have. Whoever is let in holds a ticket until the exchange is over.
 *
 *   enter ─▶ ticket ─▶ answered | failed (said once) ─▶ close        refused: `breaker_open`, `pool_full`
 *
 * Pools that ask for none of it have no admission. Places are requests in flight on slots of their own: exact over all
 * threads, kept by reloads, given back by a thread that dies.
 */
import type { SlotTable } from '../kernel/slots.ts';
import { Breaker } from './breaker.ts';
import type { BreakerMode, BreakerOptions } from './decide.ts';

export interface AdmissionOptions {
  /** null = the pool is always asked. */
  readonly breaker: (BreakerOptions & { readonly slot: number }) | null;
  /** Requests that it has at one time; null = as many as come. */
  readonly requests: { readonly slot: number; readonly max: number } | null;
  /** Requests that are made again at one time; null = as many as the budget allows. */
  readonly retries: { readonly slot: number; readonly max: number } | null;
}

export interface AdmissionDeps {
  readonly slots: SlotTable;
  readonly thread: number;
  onTurn(to: BreakerMode, why: string): void;
}

export interface Refusal {
  readonly kind: 'refused';
  readonly reason: 'breaker_open' | 'pool_full';
  /** Until it makes sense to ask again. */
  readonly retryMs: number;
}

const FULL: Refusal = { kind: 'refused', reason: 'pool_full', retryMs: 1000 };

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #slots: SlotTable;
  readonly #thread: number;
  readonly breaker: Breaker | null;

  constructor(options: AdmissionOptions, deps: AdmissionDeps) {
    this.#options = options;
    this.#slots = deps.slots;
    this.#thread = deps.thread;
    const { breaker } = options;
    this.breaker = breaker && new Breaker(breaker.slot, breaker, deps);
  }

  /** @param nowMs `Clock.nowMs` */
  enter(nowMs: number): Ticket | Refusal {
    const entry = this.breaker?.enter(nowMs) ?? 'pass';
    if (typeof entry === 'object') return { kind: 'refused', reason: 'breaker_open', retryMs: entry.retryMs };
    const wasProbe = entry === 'probe';
    if (this.#takePlace()) return new Ticket(this, wasProbe);
    if (wasProbe) this.breaker?.leave();
    return FULL;
  }

  #takePlace(): boolean {
    const { requests } = this.#options;
    if (requests === null) return true;
    return this.#slots.tryAcquire(requests.slot, this.#thread, requests.max);
  }

  leavePlace(): void {
    const { requests } = this.#options;
    if (requests !== null) this.#slots.release(requests.slot, this.#thread);
  }

  claimRetry(): boolean {
    const { retries } = this.#options;
    return retries === null || this.#slots.tryAcquire(retries.slot, this.#thread, retries.max);
  }

  leaveRetry(): void {
    const { retries } = this.#options;
    if (retries !== null) this.#slots.release(retries.slot, this.#thread);
  }
}

/** One request that was let in. */
export class Ticket {
  readonly kind = 'ticket';
  readonly #admission: Admission;
  readonly #wasProbe: boolean;
  #isJudged = false;
  #isRetrying = false;
  #isClosed = false;

  constructor(admission: Admission, wasProbe: boolean) {
    this.#admission = admission;
    this.#wasProbe = wasProbe;
  }

  /** The head of the answer that the client gets has come. */
  answered(status: number, nowMs: number): void {
    this.#judge(status >= 502 && status <= 504, nowMs);
  }

  /** No server has answered in time. */
  failed(nowMs: number): void {
    this.#judge(true, nowMs);
  }

  /** Whether the request may be made again now; if so, it holds its place among those until it ends. */
  claimRetry(): boolean {
    this.#isRetrying ||= this.#admission.claimRetry();
    return this.#isRetrying;
  }

  /** It is not made again after all. */
  dropRetry(): void {
    if (!this.#isRetrying) return;
    this.#isRetrying = false;
    this.#admission.leaveRetry();
  }

  /** The exchange is over. @param hasFailed no server answered, and none of that was the client's doing */
  close(hasFailed: boolean, nowMs: number): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (hasFailed) this.#judge(true, nowMs);
    else if (!this.#isJudged && this.#wasProbe) this.#admission.breaker?.leave();
    this.dropRetry();
    this.#admission.leavePlace();
  }

  #judge(hasFailed: boolean, nowMs: number): void {
    if (this.#isJudged) return;
    this.#isJudged = true;
    this.#admission.breaker?.judge(hasFailed, this.#wasProbe, nowMs);
  }
}
