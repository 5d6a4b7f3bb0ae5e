import type { HealthCheck, ProbeResult } from './options.ts';

/**
 * What one more result means for a server's health, and when to look again. Pure: the state goes in, the next
 * state comes out, with the reason that log, metric and admin API print.
 *
 *              success                     success × rise
 *   unknown ──────────────▶ healthy ◀──────────────────────┐
 *      │                       │  failure × fall           │
 *      └──────────────▶ unhealthy ◀── failure × fall ──────┘
 *         failure
 *
 * `unknown` is treated as unhealthy: a server takes no request before it has passed a check. But one result is
 * enough to leave it, either way, so that a start costs one check and not `rise` intervals.
 */
export type HealthStatus = 'unknown' | 'healthy' | 'unhealthy';

export interface HealthState {
  readonly status: HealthStatus;
  /** Monotonic time since when `status` stands. */
  readonly sinceMs: number;
  /** Results in a row, up to now; one of the two is 0. */
  readonly successes: number;
  readonly failures: number;
  /** Of the last check; undefined before the first. */
  readonly responseMs: number | undefined;
  /** Monotonic time of the last result; undefined before the first. */
  readonly checkedMs: number | undefined;
  /** Why the last failed check failed; '' when none has. Kept after recovery, for people. */
  readonly lastFailure: string;
}

export interface HealthDecision {
  readonly state: HealthState;
  /** Set when the status changed. */
  readonly transition: { readonly from: HealthStatus; readonly to: HealthStatus } | undefined;
  /** One sentence: what is so and why. */
  readonly why: string;
}

export function initialHealth(nowMs: number): HealthState {
  return {
    status: 'unknown',
    sinceMs: nowMs,
    successes: 0,
    failures: 0,
    responseMs: undefined,
    checkedMs: undefined,
    lastFailure: '',
  };
}

/** The state after a changed check: the verdict stands, so that a reload drops no traffic; the streaks begin anew. */
export function restartStreaks(state: HealthState): HealthState {
  return { ...state, successes: 0, failures: 0 };
}

export function decideHealth(
  state: HealthState,
  result: ProbeResult,
  rules: { readonly rise: number; readonly fall: number },
  nowMs: number,
): HealthDecision {
  // A server that nothing is known of yet stays out all the same: `unknown` must come to an end.
  if (!result.ok && result.isOurs === true && state.status !== 'unknown')
    return { state, transition: undefined, why: `no check could be made: ${result.why}` };
  const successes = result.ok ? state.successes + 1 : 0;
  const failures = result.ok ? 0 : state.failures + 1;
  const to = nextStatus(state.status, successes, failures, rules);
  const changed = to !== state.status;
  return {
    state: {
      status: to,
      sinceMs: changed ? nowMs : state.sinceMs,
      successes,
      failures,
      responseMs: result.responseMs,
      checkedMs: nowMs,
      lastFailure: result.ok ? state.lastFailure : result.why,
    },
    transition: changed ? { from: state.status, to } : undefined,
    why: sentence(state.status, to, result, successes, failures, rules),
  };
}

function nextStatus(
  status: HealthStatus,
  successes: number,
  failures: number,
  rules: { readonly rise: number; readonly fall: number },
): HealthStatus {
  switch (status) {
    case 'unknown':
      return successes > 0 ? 'healthy' : 'unhealthy';
    case 'healthy':
      return failures >= rules.fall ? 'unhealthy' : 'healthy';
    case 'unhealthy':
      return successes >= rules.rise ? 'healthy' : 'unhealthy';
    default:
      return status satisfies never;
  }
}

function sentence(
  from: HealthStatus,
  to: HealthStatus,
  result: ProbeResult,
  successes: number,
  failures: number,
  rules: { readonly rise: number; readonly fall: number },
): string {
  if (!result.ok) {
    if (to === 'healthy') return `check ${failures} of ${rules.fall} failed: ${result.why}`;
    if (from === 'healthy') return failures === 1 ? result.why : `${result.why} (${failures} times in a row)`;
    return result.why;
  }
  if (to === 'unhealthy') return `check ${successes} of ${rules.rise} passed`;
  if (from === 'unhealthy') return successes === 1 ? 'check passed' : `${successes} checks passed in a row`;
  return 'check passed';
}

/** While a change is under way the next look comes this soon, if the interval is longer. */
const TRANSITION_MS = 1000;

/** The pause is never shorter than this, whatever the check took: it bounds what a check may cost. */
const LEAST_PAUSE_MS = 20;

/**
 * How long to wait from the end of a check to the start of the next.
 * @param tookMs how long the check took; it counts as part of the interval
 * @param roll a random number in [0, 1), for the jitter
 */
export function nextCheckDelayMs(
  state: HealthState,
  check: Pick<HealthCheck, 'intervalMs' | 'jitterFraction'>,
  tookMs: number,
  roll: number,
): number {
  const periodMs = isInTransition(state) ? Math.min(check.intervalMs, TRANSITION_MS) : check.intervalMs;
  const jitteredMs = periodMs * (1 + check.jitterFraction * (2 * roll - 1));
  return Math.max(Math.min(LEAST_PAUSE_MS, periodMs), jitteredMs - tookMs);
}

/** True while the latest results point to another status than the one that stands. */
export function isInTransition(state: HealthState): boolean {
  switch (state.status) {
    case 'unknown':
      return false;
    case 'healthy':
      return state.failures > 0;
    case 'unhealthy':
      return state.successes > 0;
    default:
      return state.status satisfies never;
  }
}
