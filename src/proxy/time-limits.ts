import type { Clock } from '../kernel/clock.ts';
import type { Deadlines, Expiring } from '../kernel/deadlines.ts';

/** Whose time it is. */
export interface TimedOwner {
  /** The present attempt has taken too long; the exchange as a whole has not. */
  onAttemptLate(): void;
  onRouteLate(nowMs: number): void;
}

/** How long an exchange may take in all, and each attempt of it. One deadline serves both: the one that comes first. */
export class TimeLimits implements Expiring {
  deadlineMs: number;
  deadlineIndex = -1;
  readonly #owner: TimedOwner;
  readonly #deps: { readonly clock: Clock; readonly deadlines: Deadlines };
  readonly #routeDueMs: number;
  readonly #attemptMs: number;

  /** @param limits in ms, one of them finite */
  private constructor(
    owner: TimedOwner,
    deps: { readonly clock: Clock; readonly deadlines: Deadlines },
    limits: { readonly routeDueMs: number; readonly attemptMs: number },
  ) {
    this.#owner = owner;
    this.#deps = deps;
    this.#routeDueMs = limits.routeDueMs;
    this.#attemptMs = limits.attemptMs;
    this.deadlineMs = limits.routeDueMs;
    if (limits.routeDueMs !== Number.POSITIVE_INFINITY) deps.deadlines.add(this);
  }

  /**
   * @param timeoutMs of the whole, from `startedMs` on; 0 = none
   * @param attemptMs from the start of an attempt to the head of its answer; undefined = none
   * @returns null where there is no limit
   */
  static of(
    owner: TimedOwner,
    deps: { readonly clock: Clock; readonly deadlines: Deadlines },
    startedMs: number,
    timeoutMs: number,
    attemptMs: number | undefined,
  ): TimeLimits | null {
    if (timeoutMs === 0 && attemptMs === undefined) return null;
    return new TimeLimits(owner, deps, {
      routeDueMs: timeoutMs > 0 ? startedMs + timeoutMs : Number.POSITIVE_INFINITY,
      attemptMs: attemptMs ?? Number.POSITIVE_INFINITY,
    });
  }

  /** An attempt begins now. */
  beginAttempt(): void {
    if (this.#attemptMs === Number.POSITIVE_INFINITY) return;
    const { clock, deadlines } = this.#deps;
    this.deadlineMs = Math.min(this.#routeDueMs, clock.nowMs() + this.#attemptMs);
    deadlines.add(this);
  }

  /** It has answered, or failed: from here on only the whole is limited. */
  endAttempt(): void {
    this.deadlineMs = this.#routeDueMs;
  }

  stop(): void {
    this.#deps.deadlines.remove(this);
  }

  onDeadline(nowMs: number): void {
    if (nowMs < this.#routeDueMs) this.#owner.onAttemptLate();
    else this.#owner.onRouteLate(nowMs);
  }
}
