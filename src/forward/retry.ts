/**
 * Whether a failed attempt may be made again, as a pure decision.
 *
 * The safety argument: a request may be sent a second time only when the first cannot have had an effect
 * (nothing of it was handed to the system), or when repeating it is harmless by its method's definition
 * (RFC 9110 section 9.2.2), and never once the client has seen a byte of an answer. A connection that was idle
 * before is the usual cause of a reset at the start (the server closed it meanwhile), so such a try
 * does not count as the server's failure and goes to the same server once more, on a fresh connection.
 * What was sent is repeated within a budget only: retries are load, and load may be why it failed.
 */
import type { AttemptFailure } from './attempt.ts';

/** When requests are made again; plain data. */
export interface RetryOptions {
  /** All attempts of a request, at different servers. */
  readonly attempts: number;
  readonly failures: readonly AttemptFailure['kind'][];
  /** Answers with these are asked of another server, if that may be. */
  readonly statuses: readonly number[];
  /** What may be repeated although its method does not allow it; `with_key` = what has an `Idempotency-Key`. */
  readonly nonIdempotent: 'never' | 'with_key' | 'always';
  /** From the start of an attempt to the head of its answer; undefined = as its connection has it. */
  readonly attemptTimeoutMs: number | undefined;
  /** Of repeats after the first. */
  readonly backoff: { readonly baseMs: number; readonly maxMs: number };
}

/** Where so many servers take nothing for now, asking all the others in the same moment costs more than it brings. */
const MOST_FULL = 10;

export interface RetryQuestion {
  /** `status`: the server answered, and the pool wants such an answer from another one. */
  readonly failure: Omit<AttemptFailure, 'kind' | 'detail'> & {
    readonly kind: AttemptFailure['kind'] | 'status';
  };
  readonly method: string;
  /** Whether it has an `Idempotency-Key` field (draft-ietf-httpapi-idempotency-key-header). */
  readonly hasKey: boolean;
  readonly nonIdempotent: RetryOptions['nonIdempotent'];
  /** Whether the pool or route wants another attempt after this kind of failure. */
  readonly isWanted: boolean;
  /** Whether all of the body that was read so far is still at hand. */
  readonly isBodyAtHand: boolean;
  /** Whether the client has been sent a byte of the final answer. */
  readonly isAnswerStarted: boolean;
  /** Attempts made, this one included, without those on stale connections. */
  readonly attempts: number;
  readonly maxAttempts: number;
  /** Servers before this one that took nothing for now. */
  readonly fullServers: number;
  /** Whether a fresh connection to this very server was tried already after a stale one. */
  readonly hasRetriedStale: boolean;
  /** Whether the pool may repeat one more request that was sent (retry-budget.ts). */
  readonly hasBudget: boolean;
}

export type RetryDecision =
  | { readonly kind: 'same_server'; readonly why: 'stale_connection' }
  | { readonly kind: 'other_server'; readonly why: 'not_sent' | 'idempotent' }
  | {
      readonly kind: 'give_up';
      readonly why:
        | 'answer_started'
        | 'attempts_used'
        | 'budget_used'
        | 'body_gone'
        | 'not_idempotent'
        | 'not_wanted'
        | 'shortage';
    };

/** RFC 9110 section 9.2.2; TRACE and CONNECT are never forwarded. */
const IDEMPOTENT: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'PUT',
  'DELETE',
  'QUERY',
  'PROPFIND',
  'REPORT',
  'SEARCH',
]);

export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method);
}

/**
 * Which idle connections a request may go out on. `any`: it can be sent again. `recent`: it cannot, so only on one that
 * was in use just now, which its server has hardly begun to close. `none`: on a new one.
 */
export type Reuse = 'any' | 'recent' | 'none';

export function reuseFor(method: string): Reuse {
  return isIdempotent(method) ? 'any' : 'recent';
}

/** Whether it may be sent twice: by definition, or because whoever wrote the configuration or the request says so. */
function isRepeatable({ method, nonIdempotent, hasKey }: RetryQuestion): boolean {
  return isIdempotent(method) || nonIdempotent === 'always' || (nonIdempotent === 'with_key' && hasKey);
}

/**
 * How long a repeat waits. The first goes to another server, which is no worse for it now than later; when that has failed too,
 * time may help. Full jitter: those who failed together do not come back together.
 * @param repeats of this request that were sent, without this one
 * @param chance 0 to 1
 */
export function backoffMs(
  repeats: number,
  { baseMs, maxMs }: RetryOptions['backoff'],
  chance: number,
): number {
  return repeats === 0 ? 0 : chance * Math.min(maxMs, baseMs * 2 ** (repeats - 1));
}

export function decideRetry(question: RetryQuestion): RetryDecision {
  const { failure } = question;
  if (question.isAnswerStarted) return { kind: 'give_up', why: 'answer_started' };
  if (!question.isBodyAtHand) return { kind: 'give_up', why: 'body_gone' };
  if (failure.wasSent && !isRepeatable(question)) return { kind: 'give_up', why: 'not_idempotent' };
  // Another server would need what is lacking as well.
  if (failure.kind === 'shortage') return { kind: 'give_up', why: 'shortage' };
  const isStale = failure.wasReused && failure.kind === 'reset' && !failure.hadAnswer;
  if (isStale && !question.hasRetriedStale) return { kind: 'same_server', why: 'stale_connection' };
  // It has gone nowhere yet: this is still the choice of a server, though not for ever.
  if (failure.kind === 'full' && !failure.wasSent) {
    return question.fullServers < MOST_FULL
      ? { kind: 'other_server', why: 'not_sent' }
      : { kind: 'give_up', why: 'attempts_used' };
  }
  if (!question.isWanted) return { kind: 'give_up', why: 'not_wanted' };
  if (question.attempts >= question.maxAttempts) return { kind: 'give_up', why: 'attempts_used' };
  // What never reached a server is no load on it.
  if (failure.wasSent && !question.hasBudget) return { kind: 'give_up', why: 'budget_used' };
  return { kind: 'other_server', why: failure.wasSent ? 'idempotent' : 'not_sent' };
}
