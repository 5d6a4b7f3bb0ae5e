import type { Clock } from '../kernel/clock.ts';

/** Waits for what first health checks find, but not for ever: a server that hangs must hold up nothing. */
export class FirstChecks {
  readonly #clock: Clock;
  readonly #maxMs: number;
  readonly #looks = new Set<() => void>();

  /** @param maxMs the longest wait */
  constructor(clock: Clock, maxMs: number) {
    this.#clock = clock;
    this.#maxMs = maxMs;
  }

  /** Resolves when `holds`, asked now and after each check, or when the time is up. */
  until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = (): void => {
        this.#looks.delete(look);
        timer.cancel();
        resolve();
      };
      const look = (): void => {
        if (holds()) finish();
      };
      const timer = this.#clock.setTimer(this.#maxMs, finish);
      this.#looks.add(look);
    });
  }

  /** A check has ended and its result is known. */
  look(): void {
    for (const look of this.#looks) look();
  }
}
