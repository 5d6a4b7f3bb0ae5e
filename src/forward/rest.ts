/**
 * Between two requests on one connection: bytes that nobody asked for must not become the answer to the next one (response
 * queue poisoning). Idle, they end the connection as soon as they are read, so what has to be sure is that they were read:
 *
 *   answer complete ──▶ resting ──the event loop has looked at all sockets──▶ rested ──▶ next request
 *
 * What is read before the request was written had come before it: a request that waits for the end of its turn (write-batch.ts)
 * is taken back, one that was too large to wait knows in which batch of socket events it was written.
 * What is left is what comes after that and before the server has seen the request; HTTP/1.1 has no mark that would tell it
 * from an answer. Therefore a server that was caught at it once gets a connection for each request (connections.ts).
 *
 * Rejected: reading a byte from the socket's descriptor before each request (6 µs; under TLS it says nothing).
 */
import { afterNextLook, hasLookedSince, type LoopTurns, loopTurn } from '../kernel/loop-turn.ts';

export class Rest {
  readonly #turns: LoopTurns;
  /** The turn in which it began. */
  #turn = 0;
  #isOver = true;
  /** The batch of socket events in which the request was written; -1 if it waited for the end of its turn. */
  #writtenIn = -1;

  constructor(turns: LoopTurns) {
    this.#turns = turns;
  }

  /** The answer that was read just now is complete. */
  begin(): void {
    this.#turn = this.#turns.inRead();
  }

  /** Whether it would be over. @param turn that of `LoopTurns` */
  isOverBy(turn: number): boolean {
    return hasLookedSince(this.#turn, turn);
  }

  /** The connection is taken. @param turn that of `LoopTurns` */
  end(turn: number): void {
    this.#isOver = this.isOverBy(turn);
  }

  /** Whether the connection was taken when it was over. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Calls back as soon as it is over. */
  wait(callback: () => void): void {
    afterNextLook(callback);
  }

  /** A request was sent. @param isWaiting it is written at the end of this turn */
  sent(isWaiting: boolean): void {
    this.#writtenIn = isWaiting ? -1 : loopTurn();
  }

  /** Whether these bytes, which are read now, had come before the request was written. @param isWaiting it is not written yet */
  isTooEarly(isWaiting: boolean): boolean {
    return isWaiting || (this.#writtenIn >= 0 && this.#writtenIn === loopTurn());
  }
}
