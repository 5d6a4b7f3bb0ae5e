import { ByteRing } from '../kernel/byte-ring.ts';
import type { Clock, Timer } from '../kernel/clock.ts';

/** Room for a second of the busiest thread; memory that is not used costs address space only. */
const RING_BYTES = 4 * 1024 * 1024;
const EMPTY_EVERY_MS = 100;
/** Memory for batches comes in steps of this, so that one that was used for a batch fits most others. */
const BATCH_STEP_BYTES = 256 * 1024;
/** So many batches have memory that is kept for the next (at most a ring's size each). More are under way only while the
 * disk is slow; they get what they need and no more, since the writer bounds the bytes that wait. */
const MAX_SPARE = 2;

/** Takes whole lines, however many; `done` is called when it needs the bytes no more. */
export interface LineTarget {
  write(bytes: Uint8Array, lines: undefined, done: () => void): void;
}

/**
 * Main's side of the access log: a ring for each data thread, emptied into the writer. The memory of a batch is used
 * again: fresh megabytes ten times a second made main collect its whole heap once a second, a microsecond a request.
 */
export class AccessRings {
  readonly #rings: readonly ByteRing[];
  readonly #clock: Clock;
  readonly #target: LineTarget;
  readonly #spare: Buffer[] = [];
  /** Batches under way whose memory comes back to be used again. */
  #lent = 0;
  #ticker: Timer | undefined;

  constructor(threads: number, clock: Clock, target: LineTarget) {
    this.#rings = Array.from({ length: threads }, () => ByteRing.create(RING_BYTES));
    this.#clock = clock;
    this.#target = target;
  }

  /** Lines that found no room in their ring. */
  get dropped(): number {
    return this.#rings.reduce((sum, ring) => sum + ring.dropped, 0);
  }

  /** The memory of a thread's ring. */
  bufferOf(thread: number): SharedArrayBuffer {
    return (this.#rings[thread] as ByteRing).buffer;
  }

  start(): void {
    this.#ticker = this.#clock.setTicker(EMPTY_EVERY_MS, () => this.empty());
  }

  empty(): void {
    for (const ring of this.#rings) {
      let memory: Buffer | undefined;
      const lines = ring.drain((sizeBytes) => {
        if (this.#lent >= MAX_SPARE) return Buffer.allocUnsafeSlow(sizeBytes);
        memory = this.#lend(sizeBytes);
        return memory;
      });
      if (!lines) continue;
      this.#target.write(lines, undefined, () => {
        if (memory) this.#takeBack(memory);
      });
    }
  }

  #lend(sizeBytes: number): Buffer {
    this.#lent++;
    const at = this.#spare.findIndex((memory) => memory.length >= sizeBytes);
    if (at >= 0) return this.#spare.splice(at, 1)[0] as Buffer;
    return Buffer.allocUnsafeSlow(Math.ceil(sizeBytes / BATCH_STEP_BYTES) * BATCH_STEP_BYTES);
  }

  /** Of too many the largest stay. */
  #takeBack(memory: Buffer): void {
    this.#lent--;
    this.#spare.push(memory);
    this.#spare.sort((a, b) => a.length - b.length);
    if (this.#spare.length > MAX_SPARE) this.#spare.shift();
  }

  /** Empties the rings a last time. */
  stop(): void {
    this.#ticker?.cancel();
    this.empty();
  }
}
