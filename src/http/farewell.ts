import type { Socket } from 'node:net';
import type { Clock } from '../kernel/clock.ts';
import type { Expiring } from '../kernel/deadlines.ts';

/** How long and how much is read and thrown away after our FIN: many clients look for an early answer but now and then. */
const LINGER_MS = 2000;
const LINGER_BYTES = 64 * 1024 * 1024;

/** Whose end it is. */
export interface Leaving extends Expiring {
  readonly socket: Socket;
  destroy(): void;
}

/**
 * The end of a client connection that may have sent more than was read: FIN now, but what comes is still read, and thrown
 * away, for a moment (RFC 9112 section 9.6). A RST for unread input could overtake the answer.
 */
export class Farewell {
  readonly #leaving: Leaving;
  #bytes = 0;

  /** @param sendTimeoutMs what is still to be sent has this time; the short while begins when the last of it has gone */
  constructor(leaving: Leaving, clock: Clock, sendTimeoutMs: number) {
    this.#leaving = leaving;
    const { socket } = leaving;
    leaving.deadlineMs = clock.nowMs() + (socket.writableLength > 0 ? sendTimeoutMs : LINGER_MS);
    socket.end(() => {
      leaving.deadlineMs = clock.nowMs() + LINGER_MS;
    });
  }

  onBytes(count: number): void {
    this.#bytes += count;
    if (this.#bytes > LINGER_BYTES) this.#leaving.destroy();
  }
}
