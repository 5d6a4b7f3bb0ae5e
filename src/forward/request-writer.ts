import type { Socket } from 'node:net';
import { chunkHead } from '../http/index.ts';
import { errorCode } from '../kernel/errors.ts';
import type { SocketWriter, Written } from '../kernel/socket-write.ts';

/** A request as it is handed to a connection. */
export interface ServerRequest {
  readonly method: string;
  /** The whole head with its empty line. */
  readonly text: string;
  /** What has come of the body so far. */
  readonly body: readonly Buffer[];
  /** Whether the body goes in chunks. */
  readonly isChunked: boolean;
  /** Whether the body is complete with `body`. */
  readonly isComplete: boolean;
  /** Field lines after the last chunk, '' for none. */
  readonly trailers: string;
  /** Whether a 101 is an answer to it. */
  readonly wantsUpgrade: boolean;
  /** It logs in to the connection (NTLM, Negotiate): whoever came next would be taken for this client. */
  readonly bindsConnection: boolean;
  /** Whoever gets the answer can do with large pieces of it. */
  readonly takesLargePieces: boolean;
  /** The longest silence within the answer's body, of a conversation over HTTP/2; 0 = as the limits of the connection say. */
  readonly silenceMs: number;
}

/** A body up to this size leaves in one write with its head. */
const JOIN_BELOW_BYTES = 8192;
/** A request up to this size, in one write to a socket that holds nothing, is taken by the system whole or not at all. */
const WHOLE_BYTES = 4096;

/** The sending side of a connection to a server: frames bodies and writes as few pieces as possible. */
export class RequestWriter {
  readonly #socket: Socket;
  readonly #writer: SocketWriter;
  readonly #onWritten: Written;
  #isChunked = false;
  /** Of the present request: its bytes so far, and the writes it was handed over in. */
  #requestBytes = 0;
  #pieces = 0;
  /** Bytes written in all, framing included. */
  bytes = 0;

  /** @param onWritten some of what was queued has gone out */
  constructor(socket: Socket, writer: SocketWriter, onWritten: Written) {
    this.#socket = socket;
    this.#writer = writer;
    this.#onWritten = onWritten;
  }

  begin(request: ServerRequest): void {
    const { text, body, isChunked, isComplete, trailers } = request;
    this.#isChunked = isChunked;
    this.#requestBytes = 0;
    this.#pieces = 0;
    if (body.length === 0 && !(isChunked && isComplete)) {
      this.#putOff(text);
      return;
    }
    // Large chunks are writes of their own; corked, all leave together.
    const hasLarge = body.some((chunk) => chunk.length > JOIN_BELOW_BYTES);
    if (hasLarge) this.#socket.cork();
    let held = text;
    for (const chunk of body) {
      if (chunk.length <= JOIN_BELOW_BYTES) {
        held += isChunked
          ? `${chunkHead(chunk.length)}${chunk.toString('latin1')}\r\n`
          : chunk.toString('latin1');
        continue;
      }
      this.#writeText(held);
      held = '';
      this.body(chunk);
    }
    if (isComplete && isChunked) held += `0\r\n${trailers}\r\n`;
    if (!hasLarge) {
      this.#putOff(held);
      return;
    }
    this.#writeText(held);
    this.#socket.uncork();
  }

  /** @returns false when the bytes must stay untouched, and no more be written, until the socket holds nothing */
  body(chunk: Buffer): boolean {
    const socket = this.#socket;
    this.#pieces++;
    this.#count(chunk.length);
    if (!this.#isChunked) return this.#writer.writeBorrowed(chunk, this.#onWritten);
    socket.cork();
    this.#writeText(chunkHead(chunk.length));
    this.#writer.writeBorrowed(chunk, this.#onWritten);
    this.#count(2);
    this.#writer.write('\r\n', this.#onWritten);
    socket.uncork();
    return this.#writer.isIdle;
  }

  end(trailers: string): void {
    if (this.#isChunked) this.#writeText(`0\r\n${trailers}\r\n`, this.#onWritten);
  }

  /**
   * Whether this error says that the system refused to take the request: the connection had ended before, so nothing of
   * it was on a wire. True only where it was one small write; of several the first may have gone.
   */
  wasRefused(error: Error): boolean {
    const isRefusal =
      'syscall' in error && error.syscall === 'write' && ['EPIPE', 'ECONNRESET'].includes(errorCode(error));
    return isRefusal && this.#pieces === 1 && this.#requestBytes <= WHOLE_BYTES;
  }

  /** Whether nothing of the request has been handed to the system yet. */
  get isWaiting(): boolean {
    return this.#writer.hasPutOff;
  }

  /** A whole request leaves at the end of this turn of the event loop (write-batch.ts). */
  #putOff(text: string): void {
    this.#pieces++;
    this.#count(text.length);
    this.#writer.putOff(text);
  }

  #writeText(text: string, onWritten?: Written): void {
    if (text === '') return;
    this.#pieces++;
    this.#count(text.length);
    this.#writer.write(text, onWritten);
  }

  #count(bytes: number): void {
    this.bytes += bytes;
    this.#requestBytes += bytes;
  }
}
