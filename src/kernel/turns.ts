/** One at a time, in the order of asking: for work that must not overlap though each part of it waits. */
export class Turns {
  #last: Promise<void> = Promise.resolve();

  /** Resolves when it is the caller's turn, with what ends it; ending it twice is harmless. */
  async take(): Promise<() => void> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    await before;
    return resolve;
  }

  /** Runs a task in a turn of its own. Its error is the caller's. */
  async run<T>(task: () => Promise<T> | T): Promise<T> {
    const end = await this.take();
    try {
      return await task();
    } finally {
      end();
    }
  }

  /** Resolves when all that was asked for until now is over. */
  idle(): Promise<void> {
    return this.#last;
  }
}
