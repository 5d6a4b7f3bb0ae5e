import type { MemoryPressure } from './memory.ts';

/** One read of so much costs about half of four reads of 64 KiB and their writes (bench, 1 MiB); more saves little more. */
export const LARGE_BYTES = 256 * 1024;
/** Out at the same time, at most: 16 MiB a thread. Who gets none goes on with its own. */
const MOST_LENT = 64;
/** Kept for the next one, the last one given back first: it still lies in the processor's cache. */
const MOST_KEPT = 8;

/** Large read buffers of one thread, lent to connections while a long body passes. None are given out when memory is short. */
export class LargeBuffers {
  readonly #pressure: MemoryPressure;
  readonly #free: Buffer[] = [];
  #lent = 0;

  constructor(pressure: MemoryPressure) {
    this.#pressure = pressure;
  }

  get lent(): number {
    return this.#lent;
  }

  /** @returns null when there are enough of them */
  borrow(): Buffer | null {
    if (this.#lent >= MOST_LENT || this.#pressure.isTight) return null;
    this.#lent++;
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(LARGE_BYTES);
  }

  /** @param isUsed somebody may still read from it, nobody knows for how long: it is left to the garbage collector */
  giveBack(buffer: Buffer, isUsed: boolean): void {
    this.#lent--;
    if (!isUsed && this.#free.length < MOST_KEPT) this.#free.push(buffer);
  }
}
