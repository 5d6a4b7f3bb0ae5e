import { hasLookedSince } from '../kernel/loop-turn.ts';
import type { ServerConnection } from './connection.ts';

/**
 * The idle connections to one server: those that rested (rest.ts), last used first, and those that became idle in this turn
 * of the event loop and have yet to. Kept apart, so that taking one means looking at one.
 */
export class IdleConnections {
  /** In the order in which they became idle. */
  readonly #rested: ServerConnection[] = [];
  readonly #resting: ServerConnection[] = [];
  /** The turn in which those of `#resting` became idle. */
  #turn = -1;

  get size(): number {
    return this.#rested.length + this.#resting.length;
  }

  /** @param turn that of `LoopTurns` */
  add(connection: ServerConnection, turn: number): void {
    this.#moveOn(turn);
    this.#resting.push(connection);
  }

  /**
   * Takes out the one used last that has rested, else one that has not, of those that `fits` lets have; null for none.
   * @param turn that of `LoopTurns`
   */
  take(turn: number, fits: (connection: ServerConnection) => boolean): ServerConnection | null {
    this.#moveOn(turn);
    return takeLast(this.#rested, fits) ?? takeLast(this.#resting, fits);
  }

  /** Takes out the one that is idle for longest. */
  takeOldest(): ServerConnection | undefined {
    return this.#rested.shift() ?? this.#resting.shift();
  }

  /** The last of those that would go if only the `count` used last were kept; undefined if there are no more than that. */
  oldestBut(count: number): ServerConnection | undefined {
    const index = this.size - count - 1;
    // A place before the first would be looked for by its name, which takes longer than all the rest of this.
    if (index < 0) return undefined;
    return this.#rested[index] ?? this.#resting[index - this.#rested.length];
  }

  remove(connection: ServerConnection): void {
    takeLast(this.#resting, (it) => it === connection) ?? takeLast(this.#rested, (it) => it === connection);
  }

  /** Takes out all. */
  clear(): ServerConnection[] {
    return [...this.#rested.splice(0), ...this.#resting.splice(0)];
  }

  #moveOn(turn: number): void {
    if (!hasLookedSince(this.#turn, turn)) return;
    this.#turn = turn;
    const { length } = this.#resting;
    for (let i = 0; i < length; i++) this.#rested.push(this.#resting[i] as ServerConnection);
    // Not by its length: that gives its memory back, to be asked for again in the same turn.
    for (let i = 0; i < length; i++) this.#resting.pop();
  }
}

function takeLast(
  list: ServerConnection[],
  fits: (connection: ServerConnection) => boolean,
): ServerConnection | null {
  for (let i = list.length - 1; i >= 0; i--) {
    const connection = list[i] as ServerConnection;
    if (!fits(connection)) continue;
    if (i === list.length - 1) list.pop();
    else list.splice(i, 1);
    return connection;
  }
  return null;
}
