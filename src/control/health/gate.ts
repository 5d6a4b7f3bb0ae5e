/** Lets a bounded number of jobs run at a time; the others wait in order. */
export class Gate {
  readonly #max: number;
  #running = 0;
  readonly #waiting = new Set<() => void>();

  constructor(max: number) {
    this.#max = max;
  }

  /** Runs `start` now or when there is room. The answer gives up the place in the queue, if it still waits there. */
  enter(start: () => void): () => void {
    if (this.#running < this.#max) {
      this.#running++;
      start();
      return () => {};
    }
    this.#waiting.add(start);
    return () => {
      this.#waiting.delete(start);
    };
  }

  /** Ends one job; each `start` that ran must be followed by one `leave`. */
  leave(): void {
    this.#running--;
    for (const start of this.#waiting) {
      this.#waiting.delete(start);
      this.#running++;
      start();
      return;
    }
  }
}
