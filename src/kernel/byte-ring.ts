/**
 * Bytes from one thread to another through shared memory, without a message: one writer, one reader.
 *
 *   cells  | head (writer) | tail (reader) | wrap (writer) | dropped (writer) | … 64 B |
 *   bytes  | ..... tail ######## head ..... |            or            | #### head ..... tail ##### wrap . |
 *
 * A piece is never split: one that does not fit before the end starts at the beginning, and `wrap` says where the
 * bytes before it end. The head never catches up with the tail, so head = tail means empty. What a writer that
 * died had put in stays readable. When there is no room the piece is dropped and counted: the writer never waits.
 */
const HEAD = 0;
const TAIL = 1;
const WRAP = 2;
const DROPPED = 3;
const CELLS_BYTES = 64;

export class ByteRing {
  readonly buffer: SharedArrayBuffer;
  readonly #cells: Int32Array<SharedArrayBuffer>;
  readonly #bytes: Buffer<SharedArrayBuffer>;

  /** @param buffer of `create`, or the same in the other thread */
  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.#cells = new Int32Array(buffer, 0, CELLS_BYTES / 4);
    this.#bytes = Buffer.from(buffer, CELLS_BYTES);
  }

  static create(sizeBytes: number): ByteRing {
    return new ByteRing(new SharedArrayBuffer(CELLS_BYTES + sizeBytes));
  }

  /** Pieces that found no room since the start. */
  get dropped(): number {
    return Atomics.load(this.#cells, DROPPED);
  }

  /** Writer: adds a text of one-byte characters. False when there was no room. */
  write(text: string): boolean {
    const cells = this.#cells;
    const size = this.#bytes.length;
    const { length } = text;
    const tail = Atomics.load(cells, TAIL);
    let head = cells[HEAD] as number;
    if (head >= tail) {
      // At the very end the head may only stop when that is not the place of the tail, which is 0 then.
      if (length < size - head || (length === size - head && tail > 0)) {
        // Fits before the end.
      } else if (length < tail) {
        Atomics.store(cells, WRAP, head);
        head = 0;
      } else return this.#drop();
    } else if (length >= tail - head) return this.#drop();
    this.#bytes.write(text, head, 'latin1');
    Atomics.store(cells, HEAD, head + length);
    return true;
  }

  #drop(): false {
    Atomics.add(this.#cells, DROPPED, 1);
    return false;
  }

  /** Writer: how much of the room is taken, 0–1. */
  get fill(): number {
    const used = (this.#cells[HEAD] as number) - Atomics.load(this.#cells, TAIL);
    return (used < 0 ? used + this.#bytes.length : used) / this.#bytes.length;
  }

  /**
   * Reader: takes everything, as a copy of its own; undefined when there is nothing.
   * @param room gives memory for so many bytes, or more
   */
  drain(room: (sizeBytes: number) => Buffer = Buffer.allocUnsafeSlow): Buffer | undefined {
    const cells = this.#cells;
    const head = Atomics.load(cells, HEAD);
    const tail = cells[TAIL] as number;
    if (head === tail) return undefined;
    const isWrapped = head < tail;
    const first = this.#bytes.subarray(tail, isWrapped ? Atomics.load(cells, WRAP) : head);
    const second = this.#bytes.subarray(0, isWrapped ? head : 0);
    const all = room(first.length + second.length);
    all.set(first);
    all.set(second, first.length);
    Atomics.store(cells, TAIL, head);
    return all.subarray(0, first.length + second.length);
  }
}
