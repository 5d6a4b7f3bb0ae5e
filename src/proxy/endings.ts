import type { AttemptFailure } from '../forward/index.ts';
import type { Reason } from '../kernel/reason.ts';
import type { PickResult } from '../pool/index.ts';

/** What an exchange that no server has answered ends with. */
export interface Ending {
  readonly reason: Reason;
  readonly detail: string;
  /** Further lines of our own answer. */
  readonly fields: string;
}

const REASON_OF: Readonly<Record<AttemptFailure['kind'], Reason>> = {
  connect_error: 'connect_error',
  reset: 'upstream_reset',
  timeout: 'upstream_timeout',
  bad_answer: 'bad_upstream',
  shortage: 'overloaded',
  full: 'queue_full',
};

export const ROUTE_TIMEOUT: Ending = {
  reason: 'route_timeout',
  detail: 'the timeout of the route has passed',
  fields: '',
};

/** Of an attempt whose time is over. What was given to its connection may have reached the server. */
export function lateFailure(wasSent: boolean, limitMs: number | undefined): AttemptFailure {
  const kind = wasSent ? 'timeout' : 'connect_error';
  const detail = `no answer within ${limitMs} ms (per_attempt_timeout)`;
  return { kind, detail, wasSent, hadAnswer: false, wasReused: false };
}

export function failureEnding({ kind, detail }: AttemptFailure): Ending {
  const isPassing = kind === 'shortage' || kind === 'full';
  return { reason: REASON_OF[kind], detail, fields: isPassing ? 'Retry-After: 1\r\n' : '' };
}

/** Nobody could be picked; where somebody had been tried before, the client learns how that went. */
export function refusalEnding(
  why: Extract<PickResult, { kind: 'none' }>['reason'],
  lastFailure: AttemptFailure | null,
): Ending {
  if (lastFailure !== null) return failureEnding(lastFailure);
  const later = (reason: Reason): Ending => ({ reason, detail: '', fields: 'Retry-After: 1\r\n' });
  switch (why) {
    case 'no_server':
    case 'tried_all':
      return later('no_server');
    case 'busy':
    case 'queue_full':
      return later('queue_full');
    case 'queue_displaced':
      return later('queue_displaced');
    case 'queue_timeout':
      return later('queue_timeout');
    default:
      return why satisfies never;
  }
}
