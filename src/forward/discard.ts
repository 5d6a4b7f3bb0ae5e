import type { AttemptEvents } from './attempt.ts';

/** An answer that nobody wants is read to its end, so that its connection can be kept, if that is no more and takes no longer. */
export const DISCARD_BYTES = 64 * 1024;
export const DISCARD_MS = 1000;

/** Takes the rest of such an answer. */
export class Discard implements AttemptEvents {
  readonly #connection: { cancel(): void };
  #bytes = 0;

  constructor(connection: { cancel(): void }) {
    this.#connection = connection;
  }

  onAnswerData(_buffer: Buffer, from: number, to: number): void {
    this.#bytes += to - from;
    if (this.#bytes > DISCARD_BYTES) this.#connection.cancel();
  }

  onReady(): void {}
  onInterim(): void {}
  onAnswerHead(): void {}
  onAnswerEnd(): void {}
  onReadDone(): void {}
  onUpgrade(): void {}
  onFailed(): void {}
  onServerDown(): void {}
  onServerDrain(): void {}
}
