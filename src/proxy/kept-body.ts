/**
 * The body of a request as far as it has been read, and the part of it that might have to be sent again. Kept whole up to
 * 64 KiB; a larger one passes on and is forgotten as soon as a byte of it is on its way, and its attempt becomes the only one.
 */
import type { BodySoFar } from './request-text.ts';

const KEEP_BYTES = 64 * 1024;
/** More pieces than this are put together: each costs memory beside its bytes, and a client may send one byte a packet. */
const MAX_PIECES = 16;

/** Of a request without one. */
export const NO_BODY: BodySoFar = { chunks: [], isComplete: true, trailers: '' };

export class KeptBody implements BodySoFar {
  /** The client has sent all of it. */
  isComplete = false;
  /** When it had; 0 = not yet. */
  endMs = 0;
  trailers = '';
  #chunks: Buffer[] = [];
  #bytes = 0;
  #isWhole = true;

  /** What has come so far, as long as it is whole. */
  get chunks(): readonly Buffer[] {
    return this.#chunks;
  }
  get sizeBytes(): number {
    return this.#bytes;
  }
  /** Whether all that has come is still here. */
  get isWhole(): boolean {
    return this.#isWhole;
  }
  /** Whether no more should be read before some of it is sent. */
  get isFull(): boolean {
    return this.#bytes >= KEEP_BYTES;
  }

  add(chunk: Buffer): void {
    if (!this.#isWhole) return;
    this.#chunks.push(Buffer.from(chunk));
    this.#bytes += chunk.length;
    if (this.#chunks.length > MAX_PIECES) this.#chunks = [Buffer.concat(this.#chunks)];
  }

  end(trailers: string, nowMs: number): void {
    this.isComplete = true;
    this.endMs = nowMs;
    this.trailers = trailers;
  }

  /** A byte is on its way: what is too large is not kept any longer. */
  trim(): void {
    if (this.#bytes > KEEP_BYTES) this.drop();
  }

  /** Nothing will be sent again. */
  drop(): void {
    this.#isWhole = false;
    this.#chunks = [];
    this.#bytes = 0;
  }
}
