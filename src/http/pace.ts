/**
 * How fast bytes of a client move, in or out: never silent for too long, and never slower than a rate. The rate counts in
 * windows, one after the other: what was moved in one is not saved for the next, so that being fast first buys no right
 * to drip afterwards.
 */
import { HttpFault } from './fault.ts';
import type { WireLimits } from './wire.ts';

/** The first window of a body, and the shortest of all. */
const SHORT_WINDOW_MS = 10_000;
/** Whether anything has gone out is only seen by looking. */
const LOOK_MS = 1000;
const NEVER = Number.POSITIVE_INFINITY;

type Verdict = 'silent' | 'slow';

export class Pace {
  readonly #limits: WireLimits;
  #silentAtMs = 0;
  #windowStartMs = 0;
  #windowEndMs = 0;
  #windowBytes = 0;

  constructor(limits: WireLimits) {
    this.#limits = limits;
  }

  /** Later windows are no shorter than the silence that is allowed: who is silent for just so long may catch up. */
  get longWindowMs(): number {
    return Math.max(SHORT_WINDOW_MS, this.#limits.bodyTimeoutMs);
  }

  /** Time starts anew, with a window of this length. @returns the next deadline */
  begin(nowMs: number, windowMs: number): number {
    this.#openWindow(nowMs, windowMs);
    return this.moved(0, nowMs);
  }

  /** Bytes have moved. @returns the next deadline */
  moved(bytes: number, nowMs: number): number {
    this.#windowBytes += bytes;
    this.#silentAtMs = nowMs + this.#limits.bodyTimeoutMs;
    return this.#nextMs();
  }

  /** A deadline may have passed. @returns what is wrong, or the next deadline */
  look(nowMs: number): number | Verdict {
    if (nowMs >= this.#silentAtMs) return 'silent';
    if (nowMs >= this.#windowEndMs) {
      const elapsedMs = nowMs - this.#windowStartMs;
      if (this.#windowBytes < (elapsedMs / 1000) * this.#limits.minRate) return 'slow';
      this.#openWindow(nowMs, this.longWindowMs);
    }
    return this.#nextMs();
  }

  #openWindow(nowMs: number, windowMs: number): void {
    this.#windowStartMs = nowMs;
    this.#windowEndMs = nowMs + windowMs;
    this.#windowBytes = 0;
  }

  #nextMs(): number {
    return this.#limits.minRate === 0 ? this.#silentAtMs : Math.min(this.#silentAtMs, this.#windowEndMs);
  }
}

/** The pace of a request's body. It gets a short window first: a client that only drips is not kept for long. */
export class BodyPace {
  readonly #limits: WireLimits;
  readonly #pace: Pace;

  constructor(limits: WireLimits, nowMs: number) {
    this.#limits = limits;
    this.#pace = new Pace(limits);
    this.begin(nowMs);
  }

  /** The body begins, or flows again after we had stopped it. @returns the next deadline */
  begin(nowMs: number): number {
    return this.#pace.begin(nowMs, SHORT_WINDOW_MS);
  }

  moved(bytes: number, nowMs: number): number {
    return this.#pace.moved(bytes, nowMs);
  }

  look(nowMs: number): number | HttpFault {
    const found = this.#pace.look(nowMs);
    const { bodyTimeoutMs, minRate } = this.#limits;
    if (found === 'silent')
      return new HttpFault('body_timeout', `no byte of the body for ${bodyTimeoutMs} ms`);
    if (found === 'slow')
      return new HttpFault('body_timeout', `the body came slower than ${minRate} bytes a second`);
    return found;
  }
}

/**
 * The pace at which a client takes its answer, while some of it waits to be sent. The system takes bytes of a full socket
 * in lumps (a third of its buffer at a time), so only the long window is fair here.
 */
export class AnswerPace {
  readonly #limits: WireLimits;
  readonly #pace: Pace;
  #takenBytes = 0;
  /** When to look; Infinity = nothing waits. */
  dueMs = NEVER;

  constructor(limits: WireLimits) {
    this.#limits = limits;
    this.#pace = new Pace(limits);
  }

  /** @param takenBytes what the client's socket has taken of the answer so far */
  begin(nowMs: number, takenBytes: number): void {
    this.#takenBytes = takenBytes;
    this.#pace.begin(nowMs, this.#pace.longWindowMs);
    this.dueMs = this.#nextLookMs(nowMs);
  }

  end(): void {
    this.dueMs = NEVER;
  }

  /** @returns what is wrong; null = nothing, and `dueMs` has moved */
  look(nowMs: number, takenBytes: number): HttpFault | null {
    const bytes = takenBytes - this.#takenBytes;
    this.#takenBytes = takenBytes;
    if (bytes > 0) this.#pace.moved(bytes, nowMs);
    const found = this.#pace.look(nowMs);
    const { bodyTimeoutMs, minRate } = this.#limits;
    if (found === 'silent')
      return new HttpFault('answer_timeout', `nothing of the answer was taken for ${bodyTimeoutMs} ms`);
    if (found === 'slow')
      return new HttpFault('answer_timeout', `the answer was taken slower than ${minRate} bytes a second`);
    this.dueMs = Math.min(found, this.#nextLookMs(nowMs));
    return null;
  }

  #nextLookMs(nowMs: number): number {
    return nowMs + Math.min(LOOK_MS, this.#limits.bodyTimeoutMs);
  }
}
