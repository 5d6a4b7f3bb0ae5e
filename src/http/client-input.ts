/**
 * The bytes of one client connection on their way in: read from the socket, kept in order while their turn has not come,
 * the socket paused while the phases want no more or too much is kept.
 *
 * Bytes that are handed over may lie in a buffer that all connections read into (`isBorrowed`): they are gone when the
 * receiver returns. While a body is expected they lie in a buffer of this connection, and stay until it reads again;
 * who needs them longer pauses it.
 */
import type { Socket } from 'node:net';
import type { SocketIo } from '../kernel/socket-io.ts';
import type { SocketReader } from '../kernel/socket-read.ts';
import { WaitingBytes } from './waiting-bytes.ts';

export const NOTHING = Buffer.alloc(0);

export class ClientInput {
  readonly #socket: Socket;
  readonly #reader: SocketReader;
  readonly #waiting = new WaitingBytes();
  /** The phases want no more for now. */
  #isPaused = false;
  /** What they have is used until they want more: nothing may be read. */
  #isInUse = false;
  /** Too much is kept. */
  #isHeld = false;
  /** There is no memory for more. */
  #isShort = false;

  constructor(socket: Socket, isTls: boolean, sockets: SocketIo, onBytes: (bytes: Buffer) => void) {
    this.#socket = socket;
    this.#reader = sockets.reader(socket, isTls, onBytes);
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }
  /** Whether what comes must wait. */
  get isHalted(): boolean {
    return this.#isPaused || this.#isShort;
  }
  /** Whether nothing is read now. */
  get isStopped(): boolean {
    return this.#isInUse || this.#isHeld || this.#isShort;
  }
  get isShort(): boolean {
    return this.#isShort;
  }
  /** What waits, and the buffer that is read into if it is this socket's own. */
  get heldBytes(): number {
    return this.#waiting.sizeBytes + this.#reader.heldBytes;
  }
  /** Whether the client has reset the connection. */
  get isReset(): boolean {
    return this.#reader.isReset;
  }
  /** Whether the bytes that are being handed over must be copied to be kept. */
  get isBorrowed(): boolean {
    return this.#reader.isBorrowed;
  }
  /** Whether nothing is kept. */
  get isEmpty(): boolean {
    return this.#waiting.isEmpty;
  }

  // ---- what waits

  /** Keeps bytes whose turn has not come. */
  keep(bytes: Buffer): void {
    this.#waiting.add(Buffer.from(bytes));
  }

  /** Keeps what is left of bytes that had their turn, before all else. They are the caller's own. */
  putBack(rest: Buffer): void {
    if (rest.length > 0) this.#waiting.putBack(rest);
  }

  /** The first bytes that wait; only when there are some. */
  take(): Buffer {
    return this.#waiting.take();
  }

  // ---- how it is read

  /** So many bytes of a body are still to come (or an unknown number: Infinity). */
  expectBody(bytes: number): void {
    if (bytes > 0) this.#reader.own(bytes);
  }

  /** The body has come: reading goes on, into the buffer of all, so that a client that leaves is seen. */
  endBody(): void {
    this.#reader.share();
    this.resume();
  }

  /**
   * The phases want no more for now. Reading goes on into memory, up to a limit, so that a client that leaves is seen.
   * @param isInUse the bytes that are being handed over are used until `resume`: nothing is read into their buffer
   * @returns false when it was paused already
   */
  pause(isInUse: boolean): boolean {
    if (this.#isPaused) return false;
    this.#isPaused = true;
    this.#isInUse = isInUse;
    if (!isInUse) return true;
    this.#socket.pause();
    this.#reader.keep();
    return true;
  }

  /** @returns false when it was not paused */
  resume(): boolean {
    if (!this.#isPaused) return false;
    this.#isPaused = this.#isInUse = false;
    this.#reader.release();
    if (!this.isStopped) this.#socket.resume();
    return true;
  }

  /** There is no memory for a body now. */
  startShortage(): void {
    this.#isShort = true;
    this.#socket.pause();
  }

  endShortage(): void {
    this.#isShort = false;
    if (!this.isStopped) this.#socket.resume();
  }

  /** Holds the client back while too much waits. @returns whether that has changed */
  balance(): boolean {
    if (this.#isHeld === this.#waiting.isTooMuch) return false;
    this.#isHeld = this.#waiting.isTooMuch;
    if (this.#isHeld) this.#socket.pause();
    else if (!this.isStopped) this.#socket.resume();
    return true;
  }

  /** Nothing that came before matters here any more; what comes is read. @returns what waited */
  clear(): Buffer[] {
    this.#reader.share();
    this.#isPaused = this.#isInUse = this.#isHeld = this.#isShort = false;
    this.#socket.resume();
    return this.#waiting.takeAll();
  }
}
