import type { Socket } from 'node:net';
import type { Clock } from '../kernel/clock.ts';
import type { Expiring } from '../kernel/deadlines.ts';
import type { SocketWriter } from '../kernel/socket-write.ts';
import { hasBody } from './body-reader.ts';
import type { Http1Stream } from './http1-stream.ts';

/** How long and how much is read and thrown away after our FIN: many clients look for an early answer but now and then. */
const LINGER_MS = 2000;
const LINGER_BYTES = 64 * 1024 * 1024;

/** An answer of this size has arrived, as a rule, before its client could send anything more. */
const SMALL_BYTES = 16 * 1024;

/**
 * Whether the client of this exchange has nothing more to say, as it said itself: then there is nothing left for which a RST
 * could overtake the answer. Behind a body some send a CRLF too many; and the end of a TLS connection is more than a FIN.
 */
export function saysNothingMore({ client, head, bytesOut }: Http1Stream): boolean {
  return client.tlsVersion === '' && !head.keepsAlive && !hasBody(head.fields) && bytesOut <= SMALL_BYTES;
}

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

  constructor(leaving: Leaving) {
    this.#leaving = leaving;
  }

  /**
   * @param sendTimeoutMs what is still to be sent has this time; the short while begins when the last of it has gone
   * @param writer of the connection, if it has one
   * @param isLastWord the client has nothing more to say: closes right behind what was written
   */
  begin(clock: Clock, sendTimeoutMs: number, writer: SocketWriter | null, isLastWord: boolean): void {
    const leaving = this.#leaving;
    if (isLastWord && writer !== null) {
      leaving.deadlineMs = clock.nowMs() + sendTimeoutMs;
      writer.close();
      return;
    }
    writer?.flush();
    const { socket } = leaving;
    leaving.deadlineMs = clock.nowMs() + (socket.writableLength > 0 ? sendTimeoutMs : LINGER_MS);
    socket.end(() => {
      leaving.deadlineMs = clock.nowMs() + LINGER_MS;
    });
  }

  /** So many bytes have come that nobody wants. */
  onBytes(count: number): void {
    this.#bytes += count;
    if (this.#bytes > LINGER_BYTES) this.#leaving.destroy();
  }
}
