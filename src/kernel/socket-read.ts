/**
 * Reading accepted sockets without a buffer a read. Node gives `onread` buffers to sockets that connect and none to those
 * that are accepted, which therefore get fresh memory for every read: on a busy proxy that is malloc, garbage and, in
 * uploads, tens of megabytes that wait for a collection. Here all sockets of a thread read into one buffer (what is idle
 * holds none), and a socket that brings a long body reads into one of its own.
 *
 * Bytes that a reader hands over have one of two lives, which `isBorrowed` tells: until `onBytes` returns (they lie in the
 * buffer of all), or until the socket is read again (in its own). Who needs them longer copies them, or pauses the
 * socket. Which buffer is read into changes with the end of `onBytes`, and if it was asked for elsewhere, a read later.
 *
 * This uses what `net.connect({ onread })` sets up inside of Node: three symbols and `useUserBuffer`. Where a version of
 * Node has them not, the socket is read by 'data' events: slower, and the same to whoever receives the bytes.
 */
import type { Socket } from 'node:net';
import { readSymbolsOf } from './socket-internals.ts';
import { isReset } from './socket-reset.ts';
import { SpareBuffers } from './spare-buffers.ts';

const BUFFER_BYTES = 64 * 1024;
/** What TLS hands over at once, at most (RFC 8446 section 5.1). */
const TLS_BUFFER_BYTES = 16 * 1024;

/** Views on smaller reads than this are kept: some hundred bytes each. */
const VIEWS = 2048;

type Inner = Record<symbol, unknown> & {
  readonly _handle?: {
    useUserBuffer?: (buffer: Uint8Array) => void;
  } | null;
};

/** What the readers of one thread share. */
export class ReadMemory {
  /** The buffer that all read into. */
  readonly shared = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  /** Its beginnings, by their size, made once: nearly all requests are as small as that. */
  readonly #views: (Buffer | undefined)[] = new Array(VIEWS).fill(undefined);

  /** What a read of `size` bytes brought, in a buffer of anybody's. */
  view(buffer: Buffer, size: number): Buffer {
    if (size >= VIEWS || buffer !== this.shared) return buffer.subarray(0, size);
    const known = this.#views[size];
    if (known !== undefined) return known;
    const view = buffer.subarray(0, size);
    this.#views[size] = view;
    return view;
  }
}

/** Reads one accepted socket: `onBytes` gets what comes, in order. Throws nothing; ends and errors are the socket's own. */
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
  /** null until bytes were kept. */
  #spare: SpareBuffers | null = null;
  #isHandingOver = false;
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
      this.#early = readAll(socket);
    }
    socket.resume();
  }

  #attach(): boolean {
    const inner = this.#socket as unknown as Inner;
    const { shared } = this.#memory;
    const symbols = readSymbolsOf(this.#socket);
    if (symbols === undefined || !inner._handle?.useUserBuffer) return false;
    inner[symbols.buffer] = this.#buffer;
    const onRead = (size: number): boolean => {
      this.#takeEarly();
      this.isBorrowed = this.#buffer === shared;
      this.#isHandingOver = true;
      this.#onBytes(this.#memory.view(this.#buffer, size));
      this.#isHandingOver = false;
      return true;
    };
    // Asked after each read. Any other answer than a buffer means: the same one.
    const nextBuffer = (): Buffer | undefined => {
      if (this.#next === this.#buffer) return undefined;
      this.#buffer = this.#next;
      return this.#buffer;
    };
    // Not assigned as they are made (socket-internals.ts, `emptySocket`, tells why).
    inner[symbols.callback] = onRead;
    inner[symbols.next] = nextBuffer;
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

  /** Whether the peer has reset the connection, which may be asked while nothing is read. */
  get isReset(): boolean {
    return isReset(this.#socket);
  }

  /** The size of the buffer that this socket has to itself. */
  get heldBytes(): number {
    return this.#next === this.#memory.shared ? 0 : this.#next.length;
  }

  /** Reads into a buffer of this socket's own, no larger than what is to come. */
  own(expectedBytes: number): void {
    if (this.#next !== this.#memory.shared) return;
    // What TLS reads in turn has to be of one size.
    const size = this.#isTls ? TLS_BUFFER_BYTES : Math.min(expectedBytes, BUFFER_BYTES);
    this.#next = Buffer.allocUnsafeSlow(size);
  }

  /** Reads into the buffer of all. */
  share(): void {
    this.#next = this.#memory.shared;
  }

  /**
   * The bytes that are being handed over are used longer, until `release`. To be told when the socket is paused for that:
   * TLS goes on with the records of its last read, which must not be written over them.
   */
  keep(): void {
    if (!this.#isTls || !this.#isHandingOver || this.#next === this.#memory.shared) return;
    this.#spare ??= new SpareBuffers(TLS_BUFFER_BYTES);
    this.#next = this.#spare.swap(this.#next);
  }

  /** What was kept is not used any more. */
  release(): void {
    this.#spare?.release();
  }
}

function readAll(socket: Socket): Buffer {
  const chunks: Buffer[] = [];
  for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null)
    chunks.push(chunk);
  return Buffer.concat(chunks);
}
