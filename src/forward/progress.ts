import type { AttemptFailure } from './attempt.ts';
import type { ConnectionLimits } from './options.ts';
import type { RequestWriter, ServerRequest } from './request-writer.ts';

/** More interim answers than this before the final one is a server gone mad. */
export const MAX_INTERIM = 32;

/** How far the attempt that a connection serves now has come. One for each connection, begun anew by each attempt. */
export class Progress {
  readonly #writer: RequestWriter;
  /** Attempts whose request was sent on this connection, the present one included. */
  exchanges = 0;
  method = '';
  /** A 101 is an answer to it. */
  wantsUpgrade = false;
  /** The request's head was given to the writer. */
  wasSent = false;
  isRequestDone = false;
  /** The socket holds as much of the request as it should. */
  isFull = false;
  hadAnswer = false;
  #interims = 0;

  constructor(writer: RequestWriter) {
    this.#writer = writer;
  }

  begin(): void {
    this.wasSent = false;
    this.isRequestDone = false;
    this.isFull = false;
    this.hadAnswer = false;
    this.#interims = 0;
    this.wantsUpgrade = false;
  }

  send(request: ServerRequest): void {
    this.method = request.method;
    this.wantsUpgrade = request.wantsUpgrade;
    this.exchanges++;
    this.wasSent = true;
    this.isRequestDone = request.isComplete;
  }

  /** @returns how many there were, this one included */
  countInterim(): number {
    return ++this.#interims;
  }

  /** Whether anything of the request was handed to the system: otherwise nobody can have seen it. */
  get isOut(): boolean {
    return this.wasSent && !this.#writer.isWaiting;
  }

  /** Whether the connection had served another attempt before. */
  get isReused(): boolean {
    return this.exchanges > (this.wasSent ? 1 : 0);
  }

  /**
   * How long the server may be silent now. While the request is incomplete its pace is the client's affair (its own deadlines
   * run); from then on, or when it stops reading, the server has `first_byte_timeout` for the head of its answer. Interim
   * answers begin that time anew, single bytes do not: dripping a head must not last longer than sending it. Within the
   * answer's body a silent server is let be as long as it takes more of the request.
   */
  silenceMs(limits: ConnectionLimits, hasHead: boolean): number {
    if (hasHead) return limits.bodyTimeoutMs;
    return this.isRequestDone || this.isFull ? limits.firstByteTimeoutMs : Number.POSITIVE_INFINITY;
  }

  failure(kind: AttemptFailure['kind'], detail: string): AttemptFailure {
    return { kind, detail, wasSent: this.isOut, hadAnswer: this.hadAnswer, wasReused: this.isReused };
  }
}
