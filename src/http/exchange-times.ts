/**
 * The body that is read in an exchange of a client connection, and when something is due in it. The pace of the body
 * counts only while we read it, and not while the client has yet to take its answer: that is due by itself. Of a socket
 * that is not read it is looked at now and then whether there is still a client. A body for which there is no memory
 * waits for some as long as a client may be silent.
 */
import type { SocketWriter } from '../kernel/socket-write.ts';
import type { BodyReader } from './body-reader.ts';
import type { ClientInput } from './client-input.ts';
import { HttpFault } from './fault.ts';
import { AnswerPace } from './pace.ts';
import type { WireDeps, WireLimits } from './wire.ts';

const STOPPED_LOOK_MS = 1000;
const NEVER = Number.POSITIVE_INFINITY;

export class ExchangeTimes {
  readonly #limits: WireLimits;
  readonly #deps: WireDeps;
  readonly #input: ClientInput;
  readonly #writer: SocketWriter;
  /** null until a client did not take an answer at once. */
  #answer: AnswerPace | null = null;
  #bodyDueMs = NEVER;
  /** null when the request has no body, or has it all. */
  body: BodyReader | null = null;

  constructor(limits: WireLimits, deps: WireDeps, input: ClientInput, writer: SocketWriter) {
    this.#limits = limits;
    this.#deps = deps;
    this.#input = input;
    this.#writer = writer;
  }

  // ---- the body

  /** @param hereBytes how much of it came with the head */
  beginBody(body: BodyReader, hereBytes: number): void {
    this.body = body;
    if (this.#deps.memory.isTight) {
      this.#input.startShortage();
      this.#bodyDueMs = this.#deps.clock.nowMs() + this.#limits.bodyTimeoutMs;
      return;
    }
    this.bodyMoved();
    this.#input.expectBody(body.expectedBytes - hereBytes);
  }

  /** There is memory again. @returns whether a body had waited for that */
  releaseBody(): boolean {
    if (!this.#input.isShort) return false;
    this.#input.endShortage();
    if (this.body) this.#input.expectBody(this.body.expectedBytes);
    this.restartBody();
    return true;
  }

  bodyMoved(): void {
    if (this.body) this.#bodyDueMs = this.body.progress(this.#deps.clock.nowMs());
  }

  /** The time that was not the client's to use is forgotten. @returns the next deadline */
  restartBody(): number {
    if (this.body && !this.#input.isShort) this.#bodyDueMs = this.body.restart(this.#deps.clock.nowMs());
    return this.next();
  }

  // ---- the answer

  /** Whether some of the answer waits for the client. */
  get isTaking(): boolean {
    return this.#answer !== null && this.#answer.dueMs !== NEVER;
  }

  /** @param sentBytes of the answer so far */
  startTaking(sentBytes: number): void {
    this.#answer ??= new AnswerPace(this.#limits);
    this.#answer.begin(this.#deps.deadlines.after(0), sentBytes - this.#writer.queuedBytes);
  }

  endTaking(): void {
    this.#answer?.end();
  }

  // ---- what is due

  /** The next deadline. */
  next(): number {
    if (this.#answer !== null && this.#answer.dueMs !== NEVER) return this.#answer.dueMs;
    if (this.#input.isStopped) return this.#deps.deadlines.after(STOPPED_LOOK_MS);
    return this.body === null || this.#input.isPaused ? NEVER : this.#bodyDueMs;
  }

  /** A deadline has passed. @returns the next one; why the exchange must end; or that the client has gone */
  look(nowMs: number, sentBytes: number): number | HttpFault | 'gone' {
    if (this.#answer !== null && this.#answer.dueMs !== NEVER)
      return this.#answer.look(nowMs, sentBytes - this.#writer.queuedBytes) ?? this.#answer.dueMs;
    if (this.#input.isStopped) {
      if (this.#input.isReset) return 'gone';
      if (this.#input.isShort && nowMs >= this.#bodyDueMs)
        return new HttpFault('overloaded', 'there was no memory for the body');
      return this.next();
    }
    if (this.body === null || this.#input.isPaused) return NEVER;
    const next = this.body.look(nowMs);
    if (!(next instanceof HttpFault)) this.#bodyDueMs = next;
    return next;
  }
}
