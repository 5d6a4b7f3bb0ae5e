/**
 * Between two requests on one connection: bytes that nobody asked for must not become the answer to the next one (response
 * queue poisoning). Idle, they end the connection as soon as they are read, so what has to be sure is that they were read:
 *
 *   answer complete ──▶ resting ──the event loop has looked at all sockets──▶ rested ──▶ next request
 *
 * And what is read in the very batch of socket events in which the request was written had come before it: no answer either.
 * What is left is what comes after that and before the server has seen the request; HTTP/1.1 has no mark that would tell it
 * from an answer. Therefore a server that was caught at it once gets a connection for each request (connections.ts).
 *
 * Rejected: reading a byte from the socket's descriptor before each request (6 µs; under TLS it says nothing).
 */
import { afterNextLook, hasLookedSince, loopTurn } from '../kernel/loop-turn.ts';

export class Rest {
  /** `loopTurn()` when it began, or when the connection was taken to be used again. */
  #turn = 0;
  #isOver = true;

  begin(): void {
    this.#turn = loopTurn();
  }

  /** Whether it would be over. @param turn `loopTurn()` */
  isOverBy(turn: number): boolean {
    return hasLookedSince(this.#turn, turn);
  }

  /** The connection is taken. @param turn `loopTurn()` */
  end(turn: number): void {
    this.#isOver = this.isOverBy(turn);
    this.#turn = turn;
  }

  /** Whether the connection was taken when it was over. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Calls back as soon as it is over. */
  wait(callback: () => void): void {
    afterNextLook(() => {
      this.#turn = loopTurn();
      callback();
    });
  }

  /** Whether these bytes, which are read now, had come before the request was written. */
  get isTooEarly(): boolean {
    return loopTurn() === this.#turn;
  }
}
