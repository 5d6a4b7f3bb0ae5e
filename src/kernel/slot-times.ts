import { COUNTER, type SlotCounters } from './slot-counters.ts';

/** The steady average counts for 1/e after so long without an answer of it. */
export const DECAY_MS = 10_000;

/**
 * And the peak after half of that: `peak_ewma` counts the time twice, so a server that was bad would else be left alone for longer than with
 * Finagle's ten seconds and single time. Exactly half, since the square of what is left of the one is what is left of the other.
 */
export const PEAK_DECAY_MS = DECAY_MS / 2;

/** How much one answer moves the steady average. */
const STEADY_GAIN = 1 / 16;

/**
 * How long servers take, for algorithms that choose by it: a moving average that follows a slow answer at once and comes down
 * with time, and a steady one, both fading while nothing is heard (Finagle's Peak EWMA). Lies in the counters of
 * the slot table, each thread in its own row; readers take the worst of the rows.
 */
export class SlotTimes {
  readonly #counters: SlotCounters;

  constructor(counters: SlotCounters) {
    this.#counters = counters;
  }

  /**
   * Notes how long a server took.
   * @param nowMs `Clock.nowMs`
   */
  observe(slot: number, thread: number, tookMs: number, nowMs: number): void {
    const { floats } = this.#counters;
    const at = this.#counters.row(slot, thread);
    const peakMs = floats[at + COUNTER.peakMs] ?? 0;
    const seenMs = floats[at + COUNTER.observedAtMs] ?? 0;
    const kept = seenMs === 0 ? 0 : fadeOver(nowMs - seenMs, DECAY_MS);
    const peakKept = kept * kept;
    const faded = peakMs * peakKept;
    floats[at + COUNTER.peakMs] = tookMs >= faded ? tookMs : faded + tookMs * (1 - peakKept);
    const steadyMs = (floats[at + COUNTER.steadyMs] ?? 0) * kept;
    floats[at + COUNTER.steadyMs] = seenMs === 0 ? tookMs : steadyMs + (tookMs - steadyMs) * STEADY_GAIN;
    floats[at + COUNTER.observedAtMs] = nowMs;
  }

  /** The peak-sensitive average; -1 = nothing was observed. */
  peakMs(slot: number, nowMs: number): number {
    return this.#worst(slot, nowMs, COUNTER.peakMs, PEAK_DECAY_MS);
  }

  /** The average without jumps; -1 = nothing was observed. */
  steadyMs(slot: number, nowMs: number): number {
    return this.#worst(slot, nowMs, COUNTER.steadyMs, DECAY_MS);
  }

  #worst(slot: number, nowMs: number, counter: number, decayMs: number): number {
    const { floats, threads } = this.#counters;
    let most = -1;
    for (let thread = 0; thread < threads; thread++) {
      const at = this.#counters.row(slot, thread);
      const seenMs = floats[at + COUNTER.observedAtMs] ?? 0;
      if (seenMs !== 0)
        most = Math.max(most, (floats[at + counter] ?? 0) * fadeOver(nowMs - seenMs, decayMs));
    }
    return most;
  }
}

/** What is left of a weight of 1; a caller's time may be a little older than what it is compared with. */
function fadeOver(ms: number, decayMs: number): number {
  return ms <= 0 ? 1 : Math.exp(-ms / decayMs);
}
