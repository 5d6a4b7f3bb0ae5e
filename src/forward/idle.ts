import { hasLookedSince } from '../kernel/loop-turn.ts';
import type { ServerConnection } from './connection.ts';

/**
 * The idle connections to one server, in the order in which they became idle: those that rested (rest.ts), and behind them
 * those that became idle in this turn of the event loop and have yet to.
 *
 *   | rested, last used last | resting | null … |        taken first: the last rested one
 *   0               restedCount     count
 *
 * One list that is filled and emptied by place: with a thousand servers each request meets other lists, none of which are in
 * the processor's caches, so there is one to a server and not one of each kind (take and add: 105 -> 66 ns).
 */
export class IdleConnections {
  readonly #list: (ServerConnection | null)[] = [];
  #count = 0;
  #restedCount = 0;
  /** The turn in which those that rest became idle. */
  #turn = -1;

  get size(): number {
    return this.#count;
  }

  /** @param turn that of `LoopTurns` */
  add(connection: ServerConnection, turn: number): void {
    this.#moveOn(turn);
    this.#list[this.#count++] = connection;
  }

  /**
   * Takes out the one used last that has rested, else one that has not, of those that `fits` lets have; null for none.
   * @param turn that of `LoopTurns`
   */
  take(turn: number, fits: (connection: ServerConnection) => boolean): ServerConnection | null {
    this.#moveOn(turn);
    return this.#takeLast(0, this.#restedCount, fits) ?? this.#takeLast(this.#restedCount, this.#count, fits);
  }

  /** Takes out the one that is idle for longest. */
  takeOldest(): ServerConnection | undefined {
    return this.#count === 0 ? undefined : this.#takeAt(0);
  }

  /** The last of those that would go if only the `count` used last were kept; undefined if there are no more than that. */
  oldestBut(count: number): ServerConnection | undefined {
    const index = this.#count - count - 1;
    // A place before the first would be looked for by its name, which takes longer than all the rest of this.
    return index < 0 ? undefined : (this.#list[index] as ServerConnection);
  }

  remove(connection: ServerConnection): void {
    for (let i = this.#count - 1; i >= 0; i--)
      if (this.#list[i] === connection) {
        this.#takeAt(i);
        return;
      }
  }

  /** Takes out all. */
  clear(): ServerConnection[] {
    const all = this.#list.slice(0, this.#count) as ServerConnection[];
    this.#list.fill(null);
    this.#count = this.#restedCount = 0;
    return all;
  }

  #moveOn(turn: number): void {
    if (!hasLookedSince(this.#turn, turn)) return;
    this.#turn = turn;
    this.#restedCount = this.#count;
  }

  /** Of the places from `from` on, before `to`. */
  #takeLast(
    from: number,
    to: number,
    fits: (connection: ServerConnection) => boolean,
  ): ServerConnection | null {
    for (let i = to - 1; i >= from; i--) if (fits(this.#list[i] as ServerConnection)) return this.#takeAt(i);
    return null;
  }

  #takeAt(index: number): ServerConnection {
    const list = this.#list;
    const connection = list[index] as ServerConnection;
    const last = --this.#count;
    for (let i = index; i < last; i++) list[i] = list[i + 1] as ServerConnection;
    list[last] = null;
    if (index < this.#restedCount) this.#restedCount--;
    return connection;
  }
}
