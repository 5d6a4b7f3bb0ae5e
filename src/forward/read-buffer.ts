import { LARGE_BYTES, type LargeBuffers } from '../kernel/large-buffers.ts';
import { SpareBuffers } from '../kernel/spare-buffers.ts';

export const HEADROOM_BYTES = 4096;
const READ_BYTES = 64 * 1024;
/** What one takes in memory as long as nothing large passes, at most. */
export const BUFFER_BYTES = HEADROOM_BYTES + READ_BYTES;
/** What TLS hands over at once, at most (RFC 8446 section 5.1). */
const TLS_READ_BYTES = 16 * 1024;
/** Reads that bring no more than this have no use for a large buffer. */
const SMALL_READ_BYTES = READ_BYTES / 4;
/** Who takes longer than this for what was read is slow. */
const SLOW_MS = 200;

/**
 * What a connection to a server reads into, again and again.
 *
 *   | headroom 4 KiB | 64 KiB, TLS 16 KiB |      the head of the answer to the client is written into the bytes
 *                                               before the body, so that both leave in one piece
 *
 * While a long body comes faster than that it is a large one, which the thread lends. What a client holds on to is read into by
 * nobody until it lets go. One that is slow to do so gets the rest of its answer out of the connection's own.
 */
export class ReadBuffer {
  /** With the headroom. */
  bytes: Buffer;
  /** What the last read brought. */
  readBytes = 0;
  readonly #own: Buffer;
  readonly #spare: SpareBuffers;
  readonly #lender: LargeBuffers;
  /** Whoever gets what is read can do with large pieces. */
  isLargeWelcome = false;
  /** Lent by the thread: read into now; and not any more, but used until `release`. */
  #large: Buffer | null = null;
  #left: Buffer | null = null;
  /** Since when what was read is used beyond its read; NaN = it is not. */
  #usedSinceMs = Number.NaN;
  /** The client of this answer is slow. */
  #isSlow = false;
  /** The last read was the last of an answer. */
  #isEnd = false;

  constructor(isTls: boolean, lender: LargeBuffers) {
    const sizeBytes = HEADROOM_BYTES + (isTls ? TLS_READ_BYTES : READ_BYTES);
    this.#spare = new SpareBuffers(sizeBytes);
    this.#lender = lender;
    this.#own = Buffer.allocUnsafeSlow(sizeBytes);
    this.bytes = this.#own;
  }

  /** Where the next read goes. */
  get room(): Buffer {
    return this.bytes.subarray(HEADROOM_BYTES);
  }

  /** What it takes in memory now, at most. */
  get heldBytes(): number {
    return BUFFER_BYTES + (this.#large === null && this.#left === null ? 0 : LARGE_BYTES);
  }

  /**
   * Behind each read of a plain connection, also when what it brought is used beyond it.
   * @param expectedBytes what is still to come of this body; Infinity = unknown, 0 = nothing
   * @returns where the next read goes; undefined = where the last one went
   */
  next(expectedBytes: number): Buffer | undefined {
    this.#isEnd = expectedBytes === 0;
    if (this.#isEnd && !this.#isUsed) this.#isSlow = false;
    const isLong = this.isLargeWelcome && expectedBytes > READ_BYTES && !this.#isSlow;
    if (this.#large === null)
      return isLong && !this.#isUsed && this.readBytes === READ_BYTES ? this.#grow() : undefined;
    return isLong && (this.#isUsed || this.readBytes > SMALL_READ_BYTES) ? undefined : this.#shrink();
  }

  #grow(): Buffer | undefined {
    this.#large = this.#lender.borrow();
    if (this.#large === null) return undefined;
    this.bytes = this.#large;
    return this.room;
  }

  #shrink(): Buffer {
    const large = this.#large as Buffer;
    if (this.#isUsed) this.#left = large;
    else this.#lender.giveBack(large, false);
    this.#large = null;
    this.bytes = this.#own;
    return this.room;
  }

  get #isUsed(): boolean {
    return !Number.isNaN(this.#usedSinceMs);
  }

  /** What was read is used until `release`. */
  hold(nowMs: number): void {
    this.#usedSinceMs = nowMs;
  }

  /** TLS: the next read goes elsewhere, while what was read is used. */
  turn(): void {
    this.bytes = this.#spare.swap(this.bytes);
  }

  /** What was read is not used any more. */
  release(nowMs: number): void {
    this.#isSlow = !this.#isEnd && (this.#isSlow || nowMs - this.#usedSinceMs > SLOW_MS);
    this.#usedSinceMs = Number.NaN;
    if (this.#left !== null) this.#lender.giveBack(this.#left, false);
    this.#left = null;
    this.#spare.release();
  }

  /** Nothing is read any more; what was read may still be used. */
  close(): void {
    for (const buffer of [this.#large, this.#left])
      if (buffer !== null) this.#lender.giveBack(buffer, this.#isUsed);
    this.#large = this.#left = null;
  }
}
