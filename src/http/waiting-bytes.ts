/** Bytes kept before the client is held back. */
const MAX_BYTES = 64 * 1024;
/** More pieces than this are put together: each costs memory beside its bytes, and a client may send one byte a packet. */
const MAX_PIECES = 16;

/** What a client sent before its turn, in the order it came. */
export class WaitingBytes {
  #chunks: Buffer[] = [];
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#chunks.length === 0;
  }
  get sizeBytes(): number {
    return this.#bytes;
  }
  /** Whether no more should be read before some of it has had its turn. */
  get isTooMuch(): boolean {
    return this.#bytes > MAX_BYTES;
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#chunks.length > MAX_PIECES) this.#chunks = [Buffer.concat(this.#chunks)];
  }

  /** The rest of a chunk that was taken: it comes before all that waits. */
  putBack(rest: Buffer): void {
    this.#chunks.unshift(rest);
    this.#bytes += rest.length;
  }

  /** The first chunk; only when there is one. */
  take(): Buffer {
    const chunk = this.#chunks.shift() as Buffer;
    this.#bytes -= chunk.length;
    return chunk;
  }

  takeAll(): Buffer[] {
    const all = this.#chunks;
    this.#chunks = [];
    this.#bytes = 0;
    return all;
  }
}
