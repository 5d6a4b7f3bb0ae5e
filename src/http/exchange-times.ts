/**
 * When something is due in an exchange of a client connection. The pace of the body counts only while we read it, and
 * not while the client has yet to take its answer: that is due by itself. Of a socket that is not read it is looked at
 * now and then whether there is still a client.
 */
import type { Deadlines } from '../kernel/deadlines.ts';
import type { SocketWriter } from '../kernel/socket-write.ts';
import type { BodyReader } from './body-reader.ts';
import type { ClientInput } from './client-input.ts';
import { HttpFault } from './fault.ts';
import { AnswerPace } from './pace.ts';
import type { WireLimits } from './wire.ts';

const STOPPED_LOOK_MS = 1000;
const NEVER = Number.POSITIVE_INFINITY;

export class ExchangeTimes {
  readonly #limits: WireLimits;
  readonly #deadlines: Deadlines;
  readonly #writer: SocketWriter;
  /** null until a client did not take an answer at once. */
  #answer: AnswerPace | null = null;
  /** When the body is due. */
  bodyDueMs = NEVER;

  constructor(limits: WireLimits, deadlines: Deadlines, writer: SocketWriter) {
    this.#limits = limits;
    this.#deadlines = deadlines;
    this.#writer = writer;
  }

  /** Whether some of the answer waits for the client. */
  get isTaking(): boolean {
    return this.#answer !== null && this.#answer.dueMs !== NEVER;
  }

  /** @param sentBytes of the answer so far */
  startTaking(sentBytes: number): void {
    this.#answer ??= new AnswerPace(this.#limits);
    this.#answer.begin(this.#deadlines.after(0), sentBytes - this.#writer.queuedBytes);
  }

  endTaking(): void {
    this.#answer?.end();
  }

  /** The next deadline. */
  next(body: BodyReader | null, input: ClientInput): number {
    if (this.#answer !== null && this.#answer.dueMs !== NEVER) return this.#answer.dueMs;
    if (input.isStopped) return this.#deadlines.after(STOPPED_LOOK_MS);
    return body === null || input.isPaused ? NEVER : this.bodyDueMs;
  }

  /** A deadline has passed. @returns the next one; what the client did wrong; or that it has gone */
  look(
    nowMs: number,
    body: BodyReader | null,
    input: ClientInput,
    sentBytes: number,
  ): number | HttpFault | 'gone' {
    if (this.#answer !== null && this.#answer.dueMs !== NEVER)
      return this.#answer.look(nowMs, sentBytes - this.#writer.queuedBytes) ?? this.#answer.dueMs;
    if (input.isStopped) return input.isReset ? 'gone' : this.next(body, input);
    if (body === null || input.isPaused) return NEVER;
    const next = body.look(nowMs);
    if (!(next instanceof HttpFault)) this.bodyDueMs = next;
    return next;
  }
}
