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

export interface RetryQuestion {
  /** `status`: the server answered, and the pool wants such an answer from another one. */
  readonly failure: Omit<AttemptFailure, 'kind' | 'detail'> & {
    readonly kind: AttemptFailure['kind'] | 'status';
  };
  readonly method: string;
  /** Whether all of the body that was read so far is still at hand. */
  readonly isBodyAtHand: boolean;
  /** Whether the client has been sent a byte of the final answer. */
  readonly isAnswerStarted: boolean;
  /** Attempts made, this one included, without those on stale connections. */
  readonly attempts: number;
  readonly maxAttempts: number;
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

export function decideRetry(question: RetryQuestion): RetryDecision {
  const { failure } = question;
  if (question.isAnswerStarted) return { kind: 'give_up', why: 'answer_started' };
  if (!question.isBodyAtHand) return { kind: 'give_up', why: 'body_gone' };
  if (failure.wasSent && !isIdempotent(question.method)) return { kind: 'give_up', why: 'not_idempotent' };
  // Another server would need what is lacking as well.
  if (failure.kind === 'shortage') return { kind: 'give_up', why: 'shortage' };
  const isStale = failure.wasReused && failure.kind === 'reset' && !failure.hadAnswer;
  if (isStale && !question.hasRetriedStale) return { kind: 'same_server', why: 'stale_connection' };
  if (question.attempts >= question.maxAttempts) return { kind: 'give_up', why: 'attempts_used' };
  // What never reached a server is no load on it.
  if (failure.wasSent && !question.hasBudget) return { kind: 'give_up', why: 'budget_used' };
  return { kind: 'other_server', why: failure.wasSent ? 'idempotent' : 'not_sent' };
}
