/** More than this are not kept: a read of TLS brings four records, as a rule. */
const MAX_FREE = 4;

/**
 * Buffers of one connection that are read into in turn, where bytes may come while others are still used: TLS hands over
 * all records of its last read, also when it was told to stop. Together they are as many as one stop needed.
 */
export class SpareBuffers {
  readonly #sizeBytes: number;
  readonly #free: Buffer[] = [];
  readonly #used: Buffer[] = [];

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
  }

  /** @returns a buffer that nobody uses, in the place of one that is used until `release` */
  swap(used: Buffer): Buffer {
    this.#used.push(used);
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#sizeBytes);
  }

  /** Nothing is used any more. */
  release(): void {
    for (const buffer of this.#used.splice(0)) if (this.#free.length < MAX_FREE) this.#free.push(buffer);
  }
}
