/**
 * Counters in shared memory. Each thread owns one row and is its only writer; everyone may read; the value of a
 * cell is the sum of its column.
 *
 *              block A        block B
 *   thread 0 | a0 a1 a2 .. | b0 b1 b2 .. | …     <- written by thread 0 only
 *   thread 1 | a0 a1 a2 .. | b0 b1 b2 .. | …     <- written by thread 1 only
 *              sum of column a0 over all rows = the counter a0
 *
 * No Atomics: with one writer a cell there is nothing to lose, and an aligned 64-bit store is not torn on the
 * processors Node runs on. A reader may see a value that is some nanoseconds old. Float64 counts exactly to 2^53.
 * The memory is zero pages of the system until touched: a large table costs address space, not RAM.
 */
export interface CellTableHandle {
  readonly buffer: SharedArrayBuffer;
  readonly threads: number;
  readonly cells: number;
}

export class CellTable {
  readonly threads: number;
  /** Cells in a row. */
  readonly cells: number;
  readonly #buffer: SharedArrayBuffer;
  readonly #all: Float64Array<SharedArrayBuffer>;

  /** @param handle of another thread's table; without `buffer` a new one is made. */
  constructor(shape: { threads: number; cells: number; buffer?: SharedArrayBuffer }) {
    this.threads = shape.threads;
    this.cells = shape.cells;
    this.#buffer = shape.buffer ?? new SharedArrayBuffer(shape.threads * shape.cells * 8);
    this.#all = new Float64Array(this.#buffer, 0, shape.threads * shape.cells);
  }

  /** What to post to a thread, for `new CellTable(handle)` there. */
  get handle(): CellTableHandle {
    return { buffer: this.#buffer, threads: this.threads, cells: this.cells };
  }

  /** The row that thread `thread` (from 0) writes. */
  row(thread: number): Float64Array {
    if (!Number.isInteger(thread) || thread < 0 || thread >= this.threads)
      throw new RangeError(`no thread ${thread} in a table of ${this.threads}`);
    return this.#all.subarray(thread * this.cells, (thread + 1) * this.cells);
  }

  /** The value of one cell over all threads. */
  sum(cell: number): number {
    let total = 0;
    for (let at = cell; at < this.#all.length; at += this.cells) total += this.#all[at] ?? 0;
    return total;
  }

  /** The values of the `length` cells from `offset`, over all threads. */
  sums(offset: number, length: number): Float64Array {
    const totals = new Float64Array(length);
    for (let thread = 0; thread < this.threads; thread++) {
      const start = thread * this.cells + offset;
      for (let i = 0; i < length; i++) totals[i] = (totals[i] ?? 0) + (this.#all[start + i] ?? 0);
    }
    return totals;
  }

  /** Sets a range to zero in all rows; only for ranges that no thread writes. */
  clear(offset: number, length: number): void {
    for (let thread = 0; thread < this.threads; thread++) {
      const start = thread * this.cells + offset;
      this.#all.fill(0, start, start + length);
    }
  }
}
