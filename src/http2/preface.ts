/**
 * Which HTTP a client speaks on a plain listener that takes both: one with prior knowledge begins with the preface of
 * HTTP/2 (RFC 9113 section 3.4), which no request of HTTP/1.x can begin with. What was read to know it is put back.
 */
import type { Socket } from 'node:net';
import type { Deadlines, Expiring } from '../kernel/deadlines.ts';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

const LAST_REQUEST_MS = 500;

/** What begins like this: HTTP/2, HTTP/1.x, or too short to tell. */
export function speaksHttp2(start: Buffer): boolean | undefined {
  const length = Math.min(start.length, PREFACE.length);
  if (PREFACE.compare(start, 0, length, 0, length) !== 0) return false;
  return length === PREFACE.length ? true : undefined;
}

/** A connection that has a `close` and a `destroy`, whatever it speaks. */
export interface Wire {
  close(): void;
  destroy(): void;
}

/** Waits for the first bytes, then hands the socket to the wire that they call for. */
export class PrefaceReader implements Wire, Expiring {
  deadlineMs: number;
  deadlineIndex = -1;
  readonly #socket: Socket;
  readonly #deadlines: Deadlines;
  readonly #open: (isHttp2: boolean) => Wire;
  readonly #onClose: () => void;
  readonly #chunks: Buffer[] = [];
  #wire: Wire | null = null;
  #isClosing = false;

  /**
   * @param open makes the wire, which tells of its end itself
   * @param onClose the connection ended before there was one
   */
  constructor(
    socket: Socket,
    deadlineMs: number,
    deadlines: Deadlines,
    open: (isHttp2: boolean) => Wire,
    onClose: () => void,
  ) {
    this.#socket = socket;
    this.deadlineMs = deadlineMs;
    this.#deadlines = deadlines;
    this.#open = open;
    this.#onClose = onClose;
    socket.on('readable', this.#onReadable);
    socket.on('error', this.#onError);
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onGone);
    deadlines.add(this);
  }

  readonly #onReadable = (): void => {
    const chunk = this.#socket.read() as Buffer | null;
    if (chunk === null) return;
    this.#chunks.push(chunk);
    const start = Buffer.concat(this.#chunks);
    const isHttp2 = speaksHttp2(start);
    if (isHttp2 === undefined) return;
    this.#socket.off('readable', this.#onReadable);
    // The socket forgets in the next tick that it was read by hand; before that it would flow, and lose these bytes.
    process.nextTick(() => this.#handOver(start, isHttp2));
  };

  #handOver(start: Buffer, isHttp2: boolean): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    this.#deadlines.remove(this);
    socket.off('error', this.#onError);
    socket.off('end', this.#onEnd);
    socket.off('close', this.#onGone);
    socket.unshift(start);
    this.#wire = this.#open(isHttp2);
    if (this.#isClosing) this.#wire.close();
  }

  readonly #onError = (): void => {
    this.#socket.destroy();
  };

  /** It says nothing more, and has not said what it speaks. */
  readonly #onEnd = (): void => {
    this.#socket.destroy();
  };

  readonly #onGone = (): void => {
    this.#deadlines.remove(this);
    this.#onClose();
  };

  /** A connection that has said nothing may have a last request under way; its wire closes after that. */
  close(): void {
    this.#isClosing = true;
    this.deadlineMs = Math.min(this.deadlineMs, this.#deadlines.after(LAST_REQUEST_MS));
    this.#wire?.close();
  }

  destroy(): void {
    if (this.#wire) this.#wire.destroy();
    else this.#socket.destroy();
  }

  onDeadline(): void {
    this.#socket.destroy();
  }
}
