import { secretBytes } from '../kernel/random.ts';
import { DEFAULT_LIMITER_ENTRIES, DEFAULT_PLACE_ENTRIES, LimiterTable, PlaceTable } from '../limit/index.ts';

/** Main's side of what the limits of all data threads count in. */
export class LimitMemory {
  readonly limiter: LimiterTable;
  readonly places: PlaceTable;

  constructor(threads: number, nowMs: number) {
    this.limiter = LimiterTable.create({ entries: DEFAULT_LIMITER_ENTRIES, seed: secretBytes(16), nowMs });
    this.places = PlaceTable.create({ entries: DEFAULT_PLACE_ENTRIES, threads, seed: secretBytes(16) });
  }

  /** What a data thread attaches to. */
  get buffers(): { readonly limiter: SharedArrayBuffer; readonly places: SharedArrayBuffer } {
    return { limiter: this.limiter.buffer, places: this.places.buffer };
  }

  /** After a thread's end, before its heir starts: what it held is free. */
  releaseThread(thread: number): void {
    this.limiter.releaseThread(thread);
    this.places.releaseThread(thread);
  }
}
