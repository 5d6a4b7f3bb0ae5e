import type { ByteRing } from '../kernel/byte-ring.ts';
import type { Random } from '../kernel/random.ts';
import { AccessLine, type AccessRecord } from './access-line.ts';

/**
 * The access log as a data thread sees it: one JSON line an exchange (access-line.ts), put into a ring of bytes in
 * shared memory that main empties now and then into the file (observe/main/line-writer.ts). Nothing here waits or
 * sends a message; a line that finds no room is dropped and counted; lines of a thread that died are still written.
 *
 * Rejected: writing in the thread (threads would tear each other's lines on one pipe); batches by message, as text
 * (a rope of thousands of pieces to flatten) or as bytes (each wakes main, and their memory its garbage collector:
 * together 2 microseconds a request).
 */
export interface AccessLogOptions {
  /** Fraction of the exchanges that get a line, 0–1. Answers with status >= 500 always get one. */
  readonly sampleFraction: number;
}

export interface AccessLogDeps {
  readonly random: Random;
  readonly ring: ByteRing;
  /** Asks the reader to come early: the ring is half full. */
  readonly onHalfFull: () => void;
}

/** How often the ring's fill is looked at, in lines. */
const LOOK_EVERY = 256;

export class AccessLog {
  readonly #deps: AccessLogDeps;
  readonly #line = new AccessLine();
  #sampleFraction: number;
  #sinceLook = 0;

  constructor(options: AccessLogOptions, deps: AccessLogDeps) {
    this.#deps = deps;
    this.#sampleFraction = options.sampleFraction;
  }

  /** Changes the sampling; a reload may. */
  setSampleFraction(fraction: number): void {
    this.#sampleFraction = fraction;
  }

  /** Adds a line. The record is read at once and may be reused. */
  write(record: AccessRecord): void {
    // hot path: bench/micro/access-log.ts
    const { ring, random } = this.#deps;
    if (this.#sampleFraction < 1 && record.status < 500 && random.next() >= this.#sampleFraction) return;
    ring.write(this.#line.of(record));
    if (++this.#sinceLook < LOOK_EVERY) return;
    this.#sinceLook = 0;
    if (ring.fill > 0.5) this.#deps.onHalfFull();
  }
}
