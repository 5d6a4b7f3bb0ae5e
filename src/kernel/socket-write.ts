/**
 * Writing to plain sockets past the stream layer. A stream's write costs more than handing the bytes to the system; what
 * it is there for (a queue, callbacks, ends) is needed only when the system does not take all at once. So the system is
 * asked first, and the stream learns of the write only when some of it is left over.
 *
 * This calls a method of Node's inner handle, in the form of Node 26: without a request object, which Node then makes
 * only for what is left over. Whether this Node has that form is seen from its own first write. With any other the
 * stream is used: slower, and the same to whoever writes.
 */
import type { Socket } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { CONNECTION_BYTES, TLS_CONNECTION_BYTES } from './memory.ts';
import type { Batched, WriteBatch } from './write-batch.ts';

/** More than this does not wait for the end of the turn. */
const PUT_OFF_CHARS = 16 * 1024;

/** A write that the system has not done yet. */
interface WriteRequest {
  handle: Handle;
  oncomplete: (this: WriteRequest, status: number) => void;
  /** Set where it was done before anybody could listen. */
  writeStatus: number | null;
  /** Keeps the bytes while the system reads from them. */
  buffer: unknown;
}
/** 0 = all was taken, below = an error number, otherwise there is something left. */
type WriteResult = number | WriteRequest;
interface Handle {
  writeLatin1String(request: null, text: string): WriteResult;
  writeBuffer(request: null, bytes: Uint8Array): WriteResult;
  /** Bytes that the system has not taken yet. */
  readonly writeQueueSize?: number;
}
interface Inner {
  /** Of a TLS socket the one below, which has the handle of the system. */
  readonly _parent?: { readonly _handle: Handle | null } | null;
  readonly _handle: Handle | null;
  _write: Socket['_write'];
}

/** Told that what was queued has gone out, or of the error that ended it. */
export type Written = (error?: Error | null) => void;

/** How this Node calls its handles, as the writers of one thread have seen it. */
export class WriteWay {
  #kind: 'unknown' | 'direct' | 'stream' = 'unknown';

  /**
   * Whether a handle takes writes without a request. Until that is known it looks at how Node itself writes, which it is
   * going to do at once: text or bytes.
   */
  isDirect(handle: Handle, method: 'writeLatin1String' | 'writeBuffer'): boolean {
    if (this.#kind === 'unknown' && !Object.hasOwn(handle, method)) this.#watchNextWrite(handle, method);
    return this.#kind === 'direct';
  }

  #watchNextWrite(handle: Handle, method: 'writeLatin1String' | 'writeBuffer'): void {
    const original = handle[method] as (request: unknown, data: unknown) => WriteResult;
    handle[method] = (request: unknown, data: unknown): WriteResult => {
      // Not deleted: that would make a slow object of the handle.
      handle[method] = original;
      const result = original.call(handle, request, data);
      const isKnown = typeof result === 'number' || 'writeStatus' in result;
      this.#kind = request === null && isKnown ? 'direct' : 'stream';
      return result;
    };
  }
}

/** Writes to one socket. Throws nothing: errors come as the socket's 'error', as those of its stream. */
export class SocketWriter implements Batched {
  readonly #way: WriteWay;
  readonly #batch: WriteBatch;
  readonly #socket: Socket;
  readonly #isTls: boolean;
  /** Text that is written at the end of this turn, and who is told of it. */
  #putOff = '';
  #putOffWritten: Written | undefined;
  #isClosing = false;

  constructor(socket: Socket, isTls: boolean, way: WriteWay, batch: WriteBatch) {
    this.#way = way;
    this.#batch = batch;
    this.#socket = socket;
    this.#isTls = isTls;
  }

  /**
   * Writes latin1 text at the end of this turn of the event loop, together with what others put off, and before whatever is
   * written to this socket by this writer. Who ends the socket or writes to it past the writer calls `flush` first;
   * who destroys it as well, unless that text is worth nothing any more.
   * @param onWritten as of `write`
   */
  putOff(text: string, onWritten?: Written): void {
    if (this.#putOff.length + text.length > PUT_OFF_CHARS || !isFree(this.#socket)) {
      this.write(text, onWritten);
      return;
    }
    if (this.#putOff === '') this.#batch.add(this);
    this.#putOff += text;
    this.#putOffWritten = onWritten;
  }

  /** Whether text that was put off has not been written yet: nothing of it can have reached anybody. */
  get hasPutOff(): boolean {
    return this.#putOff !== '';
  }

  /** Writes what was put off. */
  flush(): void {
    const text = this.#putOff;
    if (text === '') return;
    const onWritten = this.#putOffWritten;
    this.#putOff = '';
    this.#putOffWritten = undefined;
    if (this.#socket.destroyed) return;
    this.write(text, onWritten);
    if (this.#isClosing) this.#closeNow();
  }

  /** Closes the connection behind what was written and put off, without waiting for the peer to do the same. */
  close(): void {
    this.#isClosing = true;
    if (this.#putOff === '') this.#closeNow();
  }

  #closeNow(): void {
    if (this.isIdle) this.#socket.destroy();
    else this.#socket.destroySoon();
  }

  /**
   * Writes latin1 text, or bytes that nobody touches any more.
   * @param onWritten called when something was queued and has gone out; perhaps not when all was taken at once
   */
  write(data: string | Uint8Array, onWritten?: Written): void {
    if (this.#putOff !== '') this.flush();
    const socket = this.#socket;
    const inner = socket as unknown as Inner;
    const handle = inner._handle;
    const method = typeof data === 'string' ? 'writeLatin1String' : 'writeBuffer';
    if (handle && !this.#isTls && isFree(socket) && this.#way.isDirect(handle, method)) {
      const result =
        typeof data === 'string' ? handle.writeLatin1String(null, data) : handle.writeBuffer(null, data);
      if (result === 0) return;
      // An error is left to the stream: it gets the same from the system and knows whom to tell.
      if (typeof result === 'object') adoptNextWrite(inner, result);
    }
    if (typeof data === 'string') socket.write(data, 'latin1', onWritten);
    else socket.write(data, onWritten);
  }

  /**
   * Writes bytes that lie in a buffer which is read into again: while something is queued they stay in use. TLS enciphers
   * what it is given before its write returns (Node keeps a copy where it cannot), unless another write is under way: so
   * those bytes are in use only if the system has not taken the records, for then the sender should wait anyway.
   * @returns false = leave them alone until `onWritten` is called with nothing queued any more
   */
  writeBorrowed(bytes: Uint8Array, onWritten: Written): boolean {
    if (this.#putOff !== '') this.flush();
    const isEncipheredNow = this.#isTls && isFree(this.#socket);
    this.write(bytes, onWritten);
    return isEncipheredNow ? this.queuedBytes === 0 : this.isIdle;
  }

  /**
   * What the system has not taken yet of what was written (over TLS: of the records). Unlike the stream's count it falls
   * while a single large write goes out.
   */
  get queuedBytes(): number {
    const inner = this.#socket as unknown as Inner;
    const handle = this.#isTls ? inner._parent?._handle : inner._handle;
    return handle?.writeQueueSize ?? this.#socket.writableLength;
  }

  /**
   * What waits to be sent, in memory, together with `sourceBytes` out of which it may have been borrowed: over TLS it is
   * a copy, enciphered.
   */
  heldBytes(sourceBytes: number): number {
    const { writableLength } = this.#socket;
    return this.#isTls
      ? TLS_CONNECTION_BYTES + sourceBytes + writableLength
      : CONNECTION_BYTES + Math.max(sourceBytes, writableLength);
  }

  /** Nothing is queued: bytes that were borrowed for writing may be touched again. */
  get isIdle(): boolean {
    return this.#socket.writableLength === 0;
  }
}

/** Nothing is queued before, and nothing stands in the way. */
function isFree(socket: Socket): boolean {
  return (
    socket.writableLength === 0 &&
    socket.writableCorked === 0 &&
    !socket.connecting &&
    !socket.writableEnded &&
    socket.errored === null &&
    !socket.destroyed
  );
}

/**
 * Takes the place of the socket's `_write` for one write that was begun already: the stream counts it as its own, and
 * hears of its end.
 */
function adoptNextWrite(inner: Inner, request: WriteRequest): void {
  inner._write = (data, encoding, callback) => {
    const { _write } = Object.getPrototypeOf(inner) as Inner;
    inner._write = _write;
    if (inner._handle === null) {
      _write.call(inner as unknown as Socket, data, encoding, callback);
      return;
    }
    request.handle = inner._handle;
    request.buffer = data;
    request.oncomplete = (status) => callback(status < 0 ? writeError(status) : null);
    if (request.writeStatus === null) return;
    const status = request.writeStatus;
    request.writeStatus = null;
    request.oncomplete(status);
  };
}

/** As Node makes it. */
function writeError(errno: number): Error {
  const code = getSystemErrorName(errno);
  return Object.assign(new Error(`write ${code}`), { errno, code, syscall: 'write' });
}
