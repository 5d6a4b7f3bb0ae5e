/**
 * What an exchange may cost in time and bytes, for wires that get bodies decoded: the size and the pace of the request's
 * body, and the pace at which the client takes its answer. The body's counts only while we read it, and not while the
 * client has yet to take what was sent: that is due by itself.
 */
import type { Clock } from '../kernel/clock.ts';
import type { Deadlines, Expiring } from '../kernel/deadlines.ts';
import { HttpFault } from './fault.ts';
import { AnswerPace, BodyPace } from './pace.ts';
import type { WireLimits } from './wire.ts';

const NEVER = Number.POSITIVE_INFINITY;

export interface ExchangePaceOptions {
  readonly limits: WireLimits;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly hasBody: boolean;
  /** Bytes of the answer that the system has taken so far. */
  takenBytes(): number;
  /** The client broke a limit. Called once. */
  onFault(fault: HttpFault): void;
}

export class ExchangePace implements Expiring {
  deadlineMs = NEVER;
  deadlineIndex = -1;
  readonly #options: ExchangePaceOptions;
  readonly #answer: AnswerPace;
  /** null when no more of the body is wanted. */
  #body: BodyPace | null = null;
  #bodyDueMs = NEVER;
  #bodyBytes = 0;
  #isPaused = false;

  constructor(options: ExchangePaceOptions) {
    this.#options = options;
    this.#answer = new AnswerPace(options.limits);
    options.deadlines.add(this);
    if (!options.hasBody) return;
    this.#body = new BodyPace(options.limits, options.clock.nowMs());
    this.#restartBody();
  }

  /** The exchange is over. */
  stop(): void {
    this.#options.deadlines.remove(this);
  }

  // ---- the body of the request

  /** Whether bytes of the body are wanted. */
  get takesBody(): boolean {
    return this.#body !== null;
  }

  /** Bytes of the body came. @returns false when they are too many */
  bodyMoved(bytes: number): boolean {
    const { limits, clock } = this.#options;
    this.#bodyBytes += bytes;
    if (limits.maxBodyBytes > 0 && this.#bodyBytes > limits.maxBodyBytes) {
      this.fail(new HttpFault('too_large', `the body is larger than ${limits.maxBodyBytes} bytes`));
      return false;
    }
    if (this.#body) this.#bodyDueMs = this.#body.moved(bytes, clock.nowMs());
    this.#arm();
    return true;
  }

  pauseBody(): void {
    this.#isPaused = true;
    this.#arm();
  }

  resumeBody(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#restartBody();
  }

  endBody(): void {
    this.#body = null;
    this.#arm();
  }

  /** Time that was not the client's to use is forgotten. */
  #restartBody(): void {
    if (this.#body) this.#bodyDueMs = this.#body.begin(this.#options.clock.nowMs());
    this.#arm();
  }

  // ---- the answer

  /** Whether some of the answer waits for the client. */
  get isTaking(): boolean {
    return this.#answer.dueMs !== NEVER;
  }

  startTaking(): void {
    if (!this.isTaking) this.#answer.begin(this.#options.clock.nowMs(), this.#options.takenBytes());
    this.#arm();
  }

  endTaking(): void {
    this.#answer.end();
    this.#restartBody();
  }

  // ---- ends

  /** The exchange cannot go on by a fault of its client: nothing is due any more. */
  fail(fault: HttpFault): void {
    this.#body = null;
    this.#answer.end();
    this.#arm();
    this.#options.onFault(fault);
  }

  #arm(): void {
    if (this.isTaking) this.deadlineMs = this.#answer.dueMs;
    else this.deadlineMs = this.#body === null || this.#isPaused ? NEVER : this.#bodyDueMs;
  }

  onDeadline(nowMs: number): void {
    let found: HttpFault | number | null = null;
    if (this.isTaking) found = this.#answer.look(nowMs, this.#options.takenBytes());
    else if (this.#body) found = this.#body.look(nowMs);
    if (found instanceof HttpFault) {
      this.fail(found);
      return;
    }
    if (found !== null) this.#bodyDueMs = found;
    this.#arm();
  }
}
