/** Who takes what one side of a byte tunnel sends. */
export interface TunnelSink {
  onTunnelData(chunk: Buffer): void;
  /** The side sends no more (FIN). */
  onTunnelEnd(): void;
  /** The side takes more again. */
  onTunnelDrain(): void;
  /** The side is gone. */
  onTunnelClose(): void;
}

/** What a tunnel end needs of a connection: a socket, or a stream that stands for one. */
export interface TunnelSocket {
  /** Bytes that wait to be sent. */
  readonly writableLength: number;
  write(chunk: Buffer): boolean;
  pause(): void;
  resume(): void;
  end(): void;
  destroySoon(): void;
  destroy(): void;
}

/**
 * One side of a byte tunnel (after a 101). The connection that owned the socket keeps its listeners and passes
 * events on by the `deliver…` methods; what arrives before `open` is kept and comes first.
 */
export class TunnelEnd {
  readonly #socket: TunnelSocket;
  #sink: TunnelSink | null = null;
  #early: Buffer[];
  #isEnded = false;
  #isClosed = false;
  bytesRead = 0;
  bytesWritten = 0;

  constructor(socket: TunnelSocket, early: Buffer[]) {
    this.#socket = socket;
    this.#early = early;
  }

  /** Starts the flow towards `sink`. */
  open(sink: TunnelSink): void {
    this.#sink = sink;
    const early = this.#early;
    this.#early = [];
    for (const chunk of early) this.#pass(chunk);
    if (this.#isEnded) sink.onTunnelEnd();
    if (this.#isClosed) sink.onTunnelClose();
    else this.#socket.resume();
  }

  /** @param chunk bytes of a buffer that is read into again */
  deliver(chunk: Buffer): void {
    this.#pass(Buffer.from(chunk));
  }

  #pass(chunk: Buffer): void {
    if (!this.#sink) {
      this.#early.push(chunk);
      return;
    }
    this.bytesRead += chunk.length;
    this.#sink.onTunnelData(chunk);
  }

  deliverEnd(): void {
    this.#isEnded = true;
    this.#sink?.onTunnelEnd();
  }

  deliverDrain(): void {
    this.#sink?.onTunnelDrain();
  }

  deliverClose(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#sink?.onTunnelClose();
  }

  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  /** @returns false when the buffer is full; wait for `onTunnelDrain` of this end's sink */
  write(chunk: Buffer): boolean {
    this.bytesWritten += chunk.length;
    return this.#socket.write(chunk);
  }
  pause(): void {
    this.#socket.pause();
  }
  resume(): void {
    this.#socket.resume();
  }
  /** Half-close: sends FIN after what was written. */
  end(): void {
    this.#socket.end();
  }
  /** Ends the side after what was written has gone out. */
  finish(): void {
    this.#socket.destroySoon();
  }
  destroy(): void {
    this.#socket.destroy();
  }
}
