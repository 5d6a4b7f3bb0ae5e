import type { Clock, Timer } from '../kernel/clock.ts';
import type { Random } from '../kernel/random.ts';
import { AccessLine, type AccessRecord } from './access-line.ts';

/**
 * The access log as a data thread sees it: one JSON line an exchange (access-line.ts), handed to main in batches; main
 * writes (observe/main/line-writer.ts). Nothing here waits, and nothing is allocated but strings.
 *
 * Rejected: writing in the thread (threads would tear each other's lines on one pipe), a message a line (a
 * structured clone each), a Buffer a batch (a call into C++ for each field).
 */

/** A batch: whole lines, each ended by LF, ASCII only, and how many there are. */
export type AccessBatchSink = (text: string, lines: number) => void;

export interface AccessLogOptions {
  /** Fraction of the exchanges that get a line, 0–1. Answers with status >= 500 always get one. */
  readonly sampleFraction: number;
  /** A batch goes out when it has this many bytes … */
  readonly batchBytes?: number;
  /** … or when this much time has passed. */
  readonly batchMs?: number;
}

export class AccessLog {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #sink: AccessBatchSink;
  readonly #batchBytes: number;
  readonly #ticker: Timer;
  #sampleFraction: number;
  #batch = '';
  #lines = 0;
  readonly #line = new AccessLine();

  constructor(options: AccessLogOptions, deps: { clock: Clock; random: Random; sink: AccessBatchSink }) {
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.#sink = deps.sink;
    this.#batchBytes = options.batchBytes ?? 32 * 1024;
    this.#sampleFraction = options.sampleFraction;
    this.#ticker = this.#clock.setTicker(options.batchMs ?? 250, () => this.flush());
  }

  /** Changes the sampling; a reload may. */
  setSampleFraction(fraction: number): void {
    this.#sampleFraction = fraction;
  }

  /** Adds a line. The record is read at once and may be reused. */
  write(record: AccessRecord): void {
    // hot path: bench/micro/access-log.ts
    if (this.#sampleFraction < 1 && record.status < 500 && this.#random.next() >= this.#sampleFraction)
      return;
    this.#batch += this.#line.of(record);
    this.#lines++;
    if (this.#batch.length >= this.#batchBytes) this.flush();
  }

  /** Hands over what there is. */
  flush(): void {
    if (this.#lines === 0) return;
    const text = this.#batch;
    const lines = this.#lines;
    this.#batch = '';
    this.#lines = 0;
    this.#sink(text, lines);
  }

  /** Hands over the rest and stops the ticker; lines written later leave with the next `flush` only. */
  close(): void {
    this.#ticker.cancel();
    this.flush();
  }
}
