import type { Deadlines, Expiring } from '../kernel/deadlines.ts';
import { LinkedSet } from '../kernel/linked-set.ts';
import type { ServerSession } from './session.ts';
import { ServerStream } from './stream.ts';

const NEVER = Number.POSITIVE_INFINITY;

/**
 * Attempts on a server that lets no stream be opened for now (MAX_CONCURRENT_STREAMS 0), in the order in which they came. They
 * wait as for a connection, and as long.
 */
export class WaitingRoom implements Expiring, Iterable<ServerStream> {
  deadlineMs = NEVER;
  deadlineIndex = -1;
  readonly #timeoutMs: number;
  readonly #deadlines: Deadlines;
  readonly #streams = new LinkedSet<ServerStream>();

  constructor(timeoutMs: number, deadlines: Deadlines) {
    this.#timeoutMs = timeoutMs;
    this.#deadlines = deadlines;
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Those that are here now, but for who leaves before its turn. */
  [Symbol.iterator](): Iterator<ServerStream> {
    return this.#streams[Symbol.iterator]();
  }

  /** @param session whose server it is that it waits for */
  take(session: ServerSession): ServerStream {
    const stream = new ServerStream(session);
    stream.isWaiting = true;
    stream.dueMs = this.#deadlines.after(this.#timeoutMs);
    this.#streams.add(stream);
    this.#plan();
    return stream;
  }

  delete(stream: ServerStream): void {
    this.#streams.delete(stream);
    this.#plan();
  }

  onDeadline(nowMs: number): void {
    for (const stream of this.#streams) if (stream.dueMs <= nowMs) stream.onDue();
  }

  /** All wait equally long: who came first is the next. */
  #plan(): void {
    this.deadlineMs = this.#streams.first?.dueMs ?? NEVER;
    if (this.#streams.size > 0) this.#deadlines.add(this);
    else this.#deadlines.remove(this);
  }
}
