import { performance } from 'node:perf_hooks';

/** Polls of one turn that can be told apart; libuv makes 48 with up to 1024 events each. */
const EVENTS_OF_A_TURN = 2 ** 20;

/**
 * Which batch of socket events of this thread's event loop is being handled: the same number as long as it is the same
 * batch, another one for every later batch and for timers in between.
 *
 * Its use: bytes that are read in the batch in which a request was written had come before the request was written, so
 * they cannot be its answer. Costs about 0.15 µs.
 */
export function loopTurn(): number {
  const { loopCount, events } = performance.nodeTiming.uvMetricsInfo;
  return loopCount * EVENTS_OF_A_TURN + (events % EVENTS_OF_A_TURN);
}

/**
 * Which turn of the event loop it is: all batches of one look around (there is one, unless more than a thousand sockets have
 * something) count as one turn, which costs less than `loopTurn()` where many ask.
 */
export class LoopTurns {
  #ofThisTurn = -1;
  readonly #forget = (): void => {
    this.#ofThisTurn = -1;
  };

  /** To be asked in the callback of a read only: elsewhere the turn that it would keep the number for might be the next. */
  inRead(): number {
    if (this.#ofThisTurn < 0) {
      this.#ofThisTurn = loopTurn();
      setImmediate(this.#forget);
    }
    return this.#ofThisTurn;
  }

  /** To be asked anywhere. */
  now(): number {
    return this.#ofThisTurn < 0 ? loopTurn() : this.#ofThisTurn;
  }
}

/** Whether the event loop has looked at all sockets between the two (`loopTurn()`), and handled or begun to handle what it found. */
export function hasLookedSince(before: number, now: number): boolean {
  return Math.floor(now / EVENTS_OF_A_TURN) !== Math.floor(before / EVENTS_OF_A_TURN);
}

/** Calls back when what the event loop has found on sockets this time has been handled. */
export function afterThisLook(callback: () => void): void {
  setImmediate(callback);
}

/** Calls back when the event loop has looked at all sockets once more and handled what it found, without waiting for more. */
export function afterNextLook(callback: () => void): void {
  // The first comes after what was found last, and the look after it does not wait because of the second.
  setImmediate(() => setImmediate(callback));
}
