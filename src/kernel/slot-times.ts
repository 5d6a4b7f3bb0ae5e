import { COUNTER, type SlotCounters } from './slot-counters.ts';

/** What a server showed counts for 1/e after so long without an answer of it. */
export const DECAY_MS = 10_000;

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
    const kept = seenMs === 0 ? 0 : fadeOver(nowMs - seenMs);
    const faded = peakMs * kept;
    floats[at + COUNTER.peakMs] = tookMs >= faded ? tookMs : faded + tookMs * (1 - kept);
    const steadyMs = (floats[at + COUNTER.steadyMs] ?? 0) * kept;
    floats[at + COUNTER.steadyMs] = seenMs === 0 ? tookMs : steadyMs + (tookMs - steadyMs) * STEADY_GAIN;
    floats[at + COUNTER.observedAtMs] = nowMs;
  }

  /** The peak-sensitive average; -1 = nothing was observed. */
  peakMs(slot: number, nowMs: number): number {
    return this.#worst(slot, nowMs, COUNTER.peakMs);
  }

  /** The average without jumps; -1 = nothing was observed. */
  steadyMs(slot: number, nowMs: number): number {
    return this.#worst(slot, nowMs, COUNTER.steadyMs);
  }

  #worst(slot: number, nowMs: number, counter: number): number {
    const { floats, threads } = this.#counters;
    let most = -1;
    for (let thread = 0; thread < threads; thread++) {
      const at = this.#counters.row(slot, thread);
      const seenMs = floats[at + COUNTER.observedAtMs] ?? 0;
      if (seenMs !== 0) most = Math.max(most, (floats[at + counter] ?? 0) * fadeOver(nowMs - seenMs));
    }
    return most;
  }
}

/** What is left of a weight of 1; a caller's time may be a little older than what it is compared with. */
function fadeOver(ms: number): number {
  return ms <= 0 ? 1 : Math.exp(-ms / DECAY_MS);
}
