/**
 * Reading accepted sockets without a buffer a read. Node gives `onread` buffers to sockets that connect and none to those
 * that are accepted, which therefore get fresh memory for every read: on a busy proxy that is malloc, garbage and, in
 * uploads, tens of megabytes that wait for a collection. Here all sockets of a thread read into one buffer (what is idle
 * holds none), and a socket that brings a long body reads into one of its own.
 *
 * This uses what `net.connect({ onread })` sets up inside of Node: three symbols and `useUserBuffer`. Where a version of
 * Node has them not, the socket is read by 'data' events: slower, and the same to whoever receives the bytes.
 */
import type { Socket } from 'node:net';
import { constants } from 'node:os';

const BUFFER_BYTES = 64 * 1024;
/** What TLS hands over at once, at most (RFC 8446 section 5.1). */
const TLS_BUFFER_BYTES = 16 * 1024;

interface ReadSymbols {
  readonly buffer: symbol;
  readonly callback: symbol;
  readonly next: symbol;
}
type Inner = Record<symbol, unknown> & {
  readonly _handle?: {
    useUserBuffer?: (buffer: Uint8Array) => void;
    getpeername?: (out: object) => number;
  } | null;
};

/** What the readers of one thread share. */
export class ReadMemory {
  /** The buffer that all read into. */
  readonly shared = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #symbols: ReadSymbols | undefined;

  /** The inner names of a socket's read buffer; undefined where this Node has them not. */
  symbolsOf(socket: Socket): ReadSymbols | undefined {
    this.#symbols ??= findSymbols(socket);
    return this.#symbols !== undefined && this.#symbols.buffer in socket ? this.#symbols : undefined;
  }
}

export class SocketReader {
  readonly #memory: ReadMemory;
  readonly #socket: Socket;
  readonly #onBytes: (bytes: Buffer) => void;
  readonly #isTls: boolean;
  /** What is read into now, and from the next read on. */
  #buffer: Buffer;
  #next: Buffer;
  /** Bytes that came before there was a reader; taken out of the stream, which would drop them as soon as it flows. */
  #early: Buffer | null = null;
  /** In `onBytes`: whether the bytes are gone when it returns. Otherwise they stay until the socket is read again. */
  isBorrowed = true;

  constructor(socket: Socket, isTls: boolean, memory: ReadMemory, onBytes: (bytes: Buffer) => void) {
    const { shared } = memory;
    this.#memory = memory;
    this.#socket = socket;
    this.#onBytes = onBytes;
    this.#isTls = isTls;
    this.#buffer = this.#next = shared;
    if (!this.#attach()) {
      socket.on('data', (bytes: Buffer) => {
        this.isBorrowed = this.#next === shared;
        onBytes(bytes);
      });
      return;
    }
    if (socket.readableLength > 0) {
      // In this order: an end that is known already comes behind them.
      process.nextTick(() => this.#takeEarly());
      this.#early = socket.read() as Buffer | null;
    }
    socket.resume();
  }

  #attach(): boolean {
    const inner = this.#socket as unknown as Inner;
    const { shared } = this.#memory;
    const symbols = this.#memory.symbolsOf(this.#socket);
    if (symbols === undefined || !inner._handle?.useUserBuffer) return false;
    inner[symbols.buffer] = this.#buffer;
    inner[symbols.callback] = (size: number): boolean => {
      this.#takeEarly();
      this.isBorrowed = this.#buffer === shared;
      this.#onBytes(this.#buffer.subarray(0, size));
      return true;
    };
    // Asked after each read. Any other answer than a buffer means: the same one.
    inner[symbols.next] = (): Buffer | undefined => {
      if (this.#next === this.#buffer) return undefined;
      this.#buffer = this.#next;
      return this.#buffer;
    };
    inner._handle.useUserBuffer(this.#buffer);
    return true;
  }

  #takeEarly(): void {
    const bytes = this.#early;
    if (bytes === null) return;
    this.#early = null;
    this.isBorrowed = true;
    this.#onBytes(bytes);
  }

  /**
   * Whether the peer has reset the connection: a socket that is not read does not tell of it, but then has no peer any
   * more. (One that has ended its direction in good order is seen by reading only.)
   */
  get isReset(): boolean {
    const handle = (this.#socket as unknown as Inner)._handle;
    return handle?.getpeername?.({}) === -constants.errno.ENOTCONN;
  }

  /** From the next read on, in a buffer of this socket's own, no larger than what is to come. */
  own(expectedBytes: number): void {
    if (this.#next !== this.#memory.shared) return;
    this.#next = Buffer.allocUnsafeSlow(
      Math.min(expectedBytes, this.#isTls ? TLS_BUFFER_BYTES : BUFFER_BYTES),
    );
  }

  /** From the next read on, in the buffer of all. */
  share(): void {
    this.#next = this.#memory.shared;
  }

  /**
   * The bytes handed over last are still used. To be told whenever the socket is paused for that: TLS goes on with the
   * records of its last read, which must not be written over them.
   */
  keep(): void {
    if (this.#isTls && this.#next !== this.#memory.shared)
      this.#next = Buffer.allocUnsafeSlow(this.#next.length);
  }
}

function findSymbols(socket: Socket): ReadSymbols | undefined {
  const named = new Map(Object.getOwnPropertySymbols(socket).map((one) => [one.description, one]));
  const [buffer, callback, next] = ['kBuffer', 'kBufferCb', 'kBufferGen'].map((name) => named.get(name));
  return buffer && callback && next ? { buffer, callback, next } : undefined;
}
