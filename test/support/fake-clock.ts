import type { Clock, Timer } from '../../src/kernel/clock.ts';

interface Entry {
  atMs: number;
  readonly order: number;
  readonly everyMs: number | undefined;
  readonly fire: () => void;
}

/** A clock that stands still until a test moves it. Timers fire in order of their time, then of their making. */
export class FakeClock implements Clock {
  #nowMs: number;
  readonly #wallAtZeroMs: number;
  #made = 0;
  readonly #entries = new Set<Entry>();
  #onAdded: (() => void) | null = null;

  /** @param wallMs the Unix time that it starts at */
  constructor(wallMs = Date.UTC(2026, 0, 2, 3, 4, 5)) {
    this.#nowMs = 1000;
    this.#wallAtZeroMs = wallMs - this.#nowMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#wallAtZeroMs + this.#nowMs;
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    return this.#add(delayMs, undefined, fire);
  }

  setTicker(periodMs: number, fire: () => void): Timer {
    return this.#add(periodMs, periodMs, fire);
  }

  /** Timers and tickers that are set: 0 after a clean stop. */
  get pending(): number {
    return this.#entries.size;
  }

  /** Waits for something to be waited for: what comes over a socket sets its timer when it is there. */
  async untilPending(count: number): Promise<void> {
    while (this.#entries.size !== count)
      await new Promise<void>((resolve) => {
        this.#onAdded = resolve;
      });
  }

  /** Moves time on and fires what falls due, each at its own time. Synchronous: promises settle after it. */
  advance(byMs: number): void {
    const endMs = this.#nowMs + byMs;
    for (let next = this.#next(endMs); next; next = this.#next(endMs)) {
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      if (next.everyMs === undefined) this.#entries.delete(next);
      else next.atMs += next.everyMs;
      next.fire();
    }
    this.#nowMs = endMs;
  }

  /** As `advance`, but lets promises settle before each timer and at the end. */
  async run(byMs: number): Promise<void> {
    const endMs = this.#nowMs + byMs;
    await settled();
    for (let next = this.#next(endMs); next; next = this.#next(endMs)) {
      this.advance(Math.max(0, next.atMs - this.#nowMs));
      await settled();
    }
    this.#nowMs = endMs;
  }

  #add(delayMs: number, everyMs: number | undefined, fire: () => void): Timer {
    const entry: Entry = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#made++, everyMs, fire };
    this.#entries.add(entry);
    this.#onAdded?.();
    return { cancel: () => void this.#entries.delete(entry) };
  }

  #next(untilMs: number): Entry | undefined {
    let first: Entry | undefined;
    for (const entry of this.#entries) {
      if (entry.atMs > untilMs) continue;
      if (!first || entry.atMs < first.atMs || (entry.atMs === first.atMs && entry.order < first.order))
        first = entry;
    }
    return first;
  }
}

/** Lets every promise that can settle do so. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
