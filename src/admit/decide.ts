/**
 * Whether a pool is asked at all (circuit breaker), as a pure decision. The words are those of the field: closed = traffic flows.
 *
 *   closed ──failures──▶ open ──its time is over──▶ half_open ──`probes` answered──▶ closed
 *                         ▲                             │
 *                         └───────── a probe failed ────┘
 *
 * What is judged is a pool's answer to a request, repeats included: an ejection takes one server out and leaves the pool open, the
 * breaker refuses for the pool as a whole when asking any of its servers is no use. Results of requests that were let in before
 * the breaker opened say nothing any more.
 */
export const BREAKER_MODES = ['closed', 'open', 'half_open'] as const;
export type BreakerMode = (typeof BREAKER_MODES)[number];

export interface BreakerOptions {
  /** Part of the requests of the window that fail, 0 to 1; 0 = not looked at. */
  readonly failureRate: number;
  /** Fewer requests in the window say nothing of a rate. */
  readonly minRequests: number;
  readonly windowMs: number;
  /** Failed requests in a row; 0 = not looked at. */
  readonly consecutiveErrors: number;
  /** How long it stays open at first; times how often it opened in a row, at most `MAX_OPEN_MS`. */
  readonly openMs: number;
  /** Requests that are let in at one time when it is half open, and that have to be answered before it closes. */
  readonly probes: number;
}

export const MAX_OPEN_MS = 300_000;

export interface BreakerState {
  readonly mode: BreakerMode;
  /** How long it has been in it. */
  readonly forMs: number;
  /** How often it has opened since it last was closed. */
  readonly timesOpen: number;
  /** Of this half-open time. */
  readonly probesAnswered: number;
}

/** What the window and the row of failures show, this request included. */
export interface BreakerCounts {
  readonly requests: number;
  readonly failures: number;
  readonly inARow: number;
}

export type BreakerEvent =
  | { readonly kind: 'request' }
  | { readonly kind: 'answered'; readonly wasProbe: boolean }
  | { readonly kind: 'failed'; readonly wasProbe: boolean; readonly counts: BreakerCounts };

export type BreakerDecision =
  /** The request goes. */
  | { readonly kind: 'pass' }
  /** It goes if it is one of the few that may try. @property max how many of them may be under way */
  | { readonly kind: 'probe'; readonly max: number }
  /** @property retryMs until it may be asked again */
  | { readonly kind: 'refuse'; readonly retryMs: number }
  | { readonly kind: 'turn'; readonly to: BreakerMode; readonly why: string }
  | { readonly kind: 'stay' };

const PASS: BreakerDecision = { kind: 'pass' };
const STAY: BreakerDecision = { kind: 'stay' };

export function decideBreaker(
  state: BreakerState,
  event: BreakerEvent,
  options: BreakerOptions,
): BreakerDecision {
  switch (state.mode) {
    case 'closed':
      return event.kind === 'request'
        ? PASS
        : event.kind === 'answered'
          ? STAY
          : whenFailed(event.counts, options);
    case 'open':
      return event.kind === 'request' ? whenAsked(state, options) : STAY;
    case 'half_open':
      if (event.kind === 'request') return { kind: 'probe', max: probesAtOnce(state.forMs, options) };
      if (!event.wasProbe) return STAY;
      if (event.kind === 'failed') return { kind: 'turn', to: 'open', why: 'a probe failed' };
      // (This one is not among them yet.)
      return state.probesAnswered + 1 >= options.probes
        ? { kind: 'turn', to: 'closed', why: `${options.probes} of ${options.probes} probes were answered` }
        : STAY;
    default:
      return state.mode satisfies never;
  }
}

/** How long it stays open this time. */
export function openTimeMs(timesOpen: number, { openMs }: BreakerOptions): number {
  return Math.min(Math.max(MAX_OPEN_MS, openMs), openMs * Math.max(1, timesOpen));
}

/**
 * Probes that are under way for longer than `open_time` say nothing of the pool, such as an upload that its client drips: others
 * get their chance beside them, or whoever holds these few would hold up everybody.
 */
export function probesAtOnce(forMs: number, { probes, openMs }: BreakerOptions): number {
  return probes * (1 + Math.floor(forMs / openMs));
}

function whenAsked({ forMs, timesOpen }: BreakerState, options: BreakerOptions): BreakerDecision {
  const leftMs = openTimeMs(timesOpen, options) - forMs;
  return leftMs > 0
    ? { kind: 'refuse', retryMs: leftMs }
    : { kind: 'turn', to: 'half_open', why: 'its time is over' };
}

function whenFailed({ requests, failures, inARow }: BreakerCounts, options: BreakerOptions): BreakerDecision {
  const { consecutiveErrors, failureRate, minRequests, windowMs } = options;
  if (consecutiveErrors > 0 && inARow >= consecutiveErrors)
    return { kind: 'turn', to: 'open', why: `${inARow} failed requests in a row` };
  if (failureRate === 0 || requests < minRequests || failures < failureRate * requests) return STAY;
  const percent = Math.round((failures / requests) * 100);
  return { kind: 'turn', to: 'open', why: `${percent} % of ${requests} requests in ${windowMs} ms failed` };
}
