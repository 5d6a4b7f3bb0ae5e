/**
 * How many requests the servers of a pool can do at one time, found by how long they take: a pure step for each window of
 * samples. By Little's law requests in flight = rate × time. Up to what servers can do, more in flight is more rate; beyond it
 * each further one only waits, and the time grows instead. So the limit follows the ratio of the least time and the time now
 * (the gradient of Netflix concurrency-limits, with Envoy's remeasured least time instead of a long average):
 *
 *   limit' = limit × clamp(tolerance × least / now, 1/2, 1) + √limit      half of the way in each window
 *
 * √limit is the queue that probes for more. In balance the servers always have a little queue, so that the least time seen
 * lately would creep up with it: once a minute the limit is halved for two windows, the first to drain that queue, the second to
 * measure the least time anew. A pool whose clients want less than half of the limit shows it without that.
 */
export interface GradientOptions {
  readonly min: number;
  readonly max: number;
  /** How much longer than the least time is no sign of a queue, above 1. */
  readonly tolerance: number;
}

export interface GradientState {
  /** Whole; what may be in flight. */
  readonly limit: number;
  /** Infinity = nothing is known yet. */
  readonly leastMs: number;
  /** Windows until the least time is measured anew; below 0 it is being measured. */
  readonly windowsLeft: number;
  /** What the limit is again after that. */
  readonly keptLimit: number;
}

/** What one window showed. */
export interface GradientWindow {
  /** Average time of the answers. */
  readonly tookMs: number;
  /** Most that were in flight. */
  readonly inFlight: number;
}

export const WINDOW_MS = 500;
/** Fewer answers in a window say nothing; it goes on. */
export const MIN_ANSWERS = 10;
const START = 50;
const REMEASURE_WINDOWS = 120;
const LEAST_GRADIENT = 0.5;
const SMOOTHING = 0.5;

export function startGradient(options: GradientOptions): GradientState {
  const limit = clamp(START, options);
  return { limit, leastMs: Number.POSITIVE_INFINITY, windowsLeft: REMEASURE_WINDOWS, keptLimit: limit };
}

export function stepGradient(
  state: GradientState,
  { tookMs, inFlight }: GradientWindow,
  options: GradientOptions,
): GradientState {
  const limit = clamp(state.limit, options);
  // Nobody waits for a place: time says what a request takes, and nothing of the limit.
  if (inFlight < limit / 2 && state.windowsLeft >= 0) {
    const leastMs = state.windowsLeft === 0 ? tookMs : Math.min(state.leastMs, tookMs);
    return {
      ...state,
      limit,
      leastMs,
      windowsLeft: state.windowsLeft === 0 ? REMEASURE_WINDOWS : state.windowsLeft - 1,
    };
  }
  switch (state.windowsLeft) {
    case 0:
      return { ...state, limit: clamp(limit / 2, options), keptLimit: limit, windowsLeft: -1 };
    case -1:
      return { ...state, windowsLeft: -2 };
    case -2:
      return {
        limit: clamp(state.keptLimit, options),
        keptLimit: state.keptLimit,
        leastMs: tookMs,
        windowsLeft: REMEASURE_WINDOWS,
      };
    default: {
      const leastMs = Math.min(state.leastMs, tookMs);
      const gradient = Math.max(LEAST_GRADIENT, Math.min(1, (options.tolerance * leastMs) / tookMs));
      const wanted = limit * gradient + Math.sqrt(limit);
      const next = limit + (wanted - limit) * SMOOTHING;
      // (Towards where it goes: rounding must not hold it.)
      const whole = wanted > limit ? Math.ceil(next) : Math.floor(next);
      return { ...state, limit: clamp(whole, options), leastMs, windowsLeft: state.windowsLeft - 1 };
    }
  }
}

function clamp(limit: number, { min, max }: GradientOptions): number {
  return Math.round(Math.max(min, Math.min(max, limit)));
}
