/**
 * The body of a request as far as it has been read, and the part of it that might have to be sent again. Kept whole up to
 * 64 KiB; a larger one passes on and is forgotten as soon as a byte of it is on its way, and its attempt becomes the only one.
 * A route may keep more (body-buffer.ts).
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
  /** Pieces at the front that are large enough to stay as they are. */
  #sealed = 0;
  readonly #maxBytes: number;

  /** @param maxBytes what is kept at most once a byte is on its way */
  constructor(maxBytes = KEEP_BYTES) {
    this.#maxBytes = maxBytes;
  }

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
    return this.#bytes >= this.#maxBytes;
  }

  add(chunk: Buffer): void {
    if (!this.#isWhole) return;
    this.#chunks.push(Buffer.from(chunk));
    this.#bytes += chunk.length;
    if (this.#chunks.length - this.#sealed <= MAX_PIECES) return;
    const joined = Buffer.concat(this.#chunks.splice(this.#sealed));
    this.#chunks.push(joined);
    if (joined.length >= KEEP_BYTES) this.#sealed++;
  }

  end(trailers: string, nowMs: number): void {
    this.isComplete = true;
    this.endMs = nowMs;
    this.trailers = trailers;
  }

  /** A byte is on its way: what is too large is not kept any longer. */
  trim(): void {
    if (this.#bytes > this.#maxBytes) this.drop();
  }

  /** Nothing will be sent again. */
  drop(): void {
    this.#isWhole = false;
    this.#chunks = [];
    this.#bytes = 0;
  }
}
