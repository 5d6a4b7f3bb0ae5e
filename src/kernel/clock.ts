/**
 * Time as an argument. Everything that waits or measures takes a `Clock`; only this file may touch the
 * timers and clocks of the platform, so that a test can own time (test/support/fake-clock.ts).
 *
 * Monotonic milliseconds are for durations and deadlines; wall-clock milliseconds (Unix epoch) are for
 * what people read: log lines, certificates, reports. The two must never be subtracted from each other.
 */
export interface Timer {
  /** Stops the timer; harmless when it has fired or was cancelled already. */
  cancel(): void;
}

export interface Clock {
  /** Monotonic time in milliseconds, with fractions; its zero has no meaning. The same zero in all threads. */
  nowMs(): number;
  /** Unix time in milliseconds. */
  wallMs(): number;
  /** Calls `fire` once after `delayMs`; any delay works (Node's own limit of 2^31-1 ms is bridged). */
  setTimer(delayMs: number, fire: () => void): Timer;
  /** Calls `fire` every `periodMs` until cancelled. Does not keep the process alive. */
  setTicker(periodMs: number, fire: () => void): Timer;
}

/** Node clamps longer delays to 1 ms, which would turn a far deadline into a busy loop. */
const MAX_DELAY_MS = 2 ** 31 - 1;

class SystemTimer implements Timer {
  #handle: NodeJS.Timeout | undefined;
  constructor(delayMs: number, fire: () => void) {
    this.#arm(delayMs, fire);
  }
  #arm(delayMs: number, fire: () => void): void {
    const step = Math.min(Math.max(0, delayMs), MAX_DELAY_MS);
    this.#handle = setTimeout(() => {
      if (delayMs > MAX_DELAY_MS) this.#arm(delayMs - step, fire);
      else fire();
    }, step);
  }
  cancel(): void {
    clearTimeout(this.#handle);
  }
}

// performance.now() counts from the start of each thread; adding the thread's origin gives all threads one zero.
const origin = performance.timeOrigin;

/** The machine's own clock. */
export const systemClock: Clock = {
  nowMs: () => origin + performance.now(),
  wallMs: () => Date.now(),
  setTimer: (delayMs, fire) => new SystemTimer(delayMs, fire),
  setTicker: (periodMs, fire) => {
    const handle = setInterval(fire, periodMs);
    handle.unref();
    return { cancel: () => clearInterval(handle) };
  },
};

/** Resolves after `delayMs` of the given clock. */
export function delay(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimer(delayMs, resolve);
  });
}
