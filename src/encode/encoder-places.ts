import type { MemoryPressure } from '../kernel/memory.ts';

/** Encoders at one time in a thread: at most 128 MiB of windows and tables. Further answers go as they are. */
const MOST = 128;

/** How many answers a thread compresses at one time: each costs up to a megabyte. */
export class EncoderPlaces {
  readonly #pressure: MemoryPressure;
  #taken = 0;

  constructor(pressure: MemoryPressure) {
    this.#pressure = pressure;
  }

  get taken(): number {
    return this.#taken;
  }

  /** @returns false when there is none, or memory is short */
  take(): boolean {
    if (this.#taken >= MOST || this.#pressure.isTight) return false;
    this.#taken++;
    return true;
  }

  giveBack(): void {
    this.#taken--;
  }
}
