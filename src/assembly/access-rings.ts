import { ByteRing } from '../kernel/byte-ring.ts';
import type { Clock, Timer } from '../kernel/clock.ts';

/** Room for a second of the busiest thread; memory that is not used costs address space only. */
const RING_BYTES = 4 * 1024 * 1024;
const EMPTY_EVERY_MS = 100;

/** Main's side of the access log: a ring for each data thread, emptied into the writer. */
export class AccessRings {
  readonly #rings: readonly ByteRing[];
  readonly #clock: Clock;
  readonly #write: (lines: Uint8Array) => void;
  #ticker: Timer | undefined;

  /** @param write takes whole lines; the bytes are its own */
  constructor(threads: number, clock: Clock, write: (lines: Uint8Array) => void) {
    this.#rings = Array.from({ length: threads }, () => ByteRing.create(RING_BYTES));
    this.#clock = clock;
    this.#write = write;
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
      const lines = ring.drain();
      if (lines) this.#write(lines);
    }
  }

  /** Empties the rings a last time. */
  stop(): void {
    this.#ticker?.cancel();
    this.empty();
  }
}
