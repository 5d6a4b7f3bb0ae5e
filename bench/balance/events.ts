/** What is to happen, in the order of its time: a binary heap. Equal times come in any order. */
export class EventQueue<T> {
  readonly #times: number[] = [];
  readonly #items: T[] = [];

  get size(): number {
    return this.#times.length;
  }

  /** When the first is due; Infinity when there is none. */
  get nextMs(): number {
    return this.#times[0] ?? Number.POSITIVE_INFINITY;
  }

  add(atMs: number, item: T): void {
    let at = this.#times.length;
    this.#times.push(atMs);
    this.#items.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((this.#times[parent] as number) <= atMs) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#times[at] = atMs;
    this.#items[at] = item;
  }

  /** Takes the first out. */
  take(): T | undefined {
    const first = this.#items[0];
    const lastMs = this.#times.pop();
    const last = this.#items.pop();
    const size = this.#times.length;
    if (lastMs === undefined || last === undefined || size === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && (this.#times[child + 1] as number) < (this.#times[child] as number)) child++;
      if ((this.#times[child] as number) >= lastMs) break;
      this.#move(child, at);
      at = child;
    }
    this.#times[at] = lastMs;
    this.#items[at] = last;
    return first;
  }

  #move(from: number, to: number): void {
    this.#times[to] = this.#times[from] as number;
    this.#items[to] = this.#items[from] as T;
  }
}
