import { SpareBuffers } from '../kernel/spare-buffers.ts';

export const HEADROOM_BYTES = 4096;
const READ_BYTES = 64 * 1024;
/** What one takes in memory, at most. */
export const BUFFER_BYTES = HEADROOM_BYTES + READ_BYTES;
/** What TLS hands over at once, at most (RFC 8446 section 5.1). */
const TLS_READ_BYTES = 16 * 1024;

/**
 * What a connection to a server reads into, again and again.
 *
 *   | headroom 4 KiB | 64 KiB, TLS 16 KiB |      the head of the answer to the client is written into the bytes
 *                                               before the body, so that both leave in one piece
 */
export class ReadBuffer {
  /** With the headroom. */
  bytes: Buffer;
  readonly #spare: SpareBuffers;

  constructor(isTls: boolean) {
    const sizeBytes = HEADROOM_BYTES + (isTls ? TLS_READ_BYTES : READ_BYTES);
    this.#spare = new SpareBuffers(sizeBytes);
    this.bytes = Buffer.allocUnsafeSlow(sizeBytes);
  }

  /** Where the next read goes. */
  get room(): Buffer {
    return this.bytes.subarray(HEADROOM_BYTES);
  }

  /** What was read is used until `release`; the next read goes elsewhere. */
  turn(): void {
    this.bytes = this.#spare.swap(this.bytes);
  }

  release(): void {
    this.#spare.release();
  }
}
