/** What of a pool is about failures: a part of resolve.ts. */
import {
  type BreakerConfig,
  type HedgeConfig,
  type NonIdempotent,
  type OutlierConfig,
  type PoolRetryConfig,
  RETRY_FAILURES,
  type RetryConfig,
  type RetryFailure,
  type RouteRetryConfig,
} from './resolved-failing.ts';
import type { LongForm } from './schema/file.ts';

type LongPool = NonNullable<LongForm['pools']>[string];
type LongRoute = NonNullable<LongForm['routes']>[number];

export function resolveOutliers(spec: Exclude<LongPool['outlier_detection'], false>): OutlierConfig {
  return {
    consecutiveErrors: spec.consecutive_errors,
    failureRate: spec.failure_rate,
    intervalMs: spec.interval,
    minRequests: spec.min_requests,
    ejectionMs: spec.ejection_time,
    maxEjected: spec.max_ejected,
  };
}

export function resolveBreaker(spec: Exclude<LongPool['circuit_breaker'], false>): BreakerConfig {
  return {
    failureRate: spec.failure_rate,
    minRequests: spec.min_requests,
    windowMs: spec.window,
    consecutiveErrors: spec.consecutive_errors,
    openMs: spec.open_time,
    probes: spec.probes,
    maxConnections: spec.max_connections,
    maxRequests: spec.max_requests,
    maxRetries: spec.max_retries,
  };
}

export function resolvePoolRetry(spec: LongPool['retry']): PoolRetryConfig {
  return {
    attempts: spec.attempts,
    ...whenOf(spec.when),
    nonIdempotent: nonIdempotentOf(spec.non_idempotent),
    attemptTimeoutMs: spec.per_attempt_timeout,
    backoff: { baseMs: spec.backoff.base, maxMs: spec.backoff.max },
    budget: spec.budget,
  };
}

/** Only what is given: the rest is the pool's. */
export function resolveRouteRetry(spec: NonNullable<LongRoute['retry']>): RouteRetryConfig {
  const { attempts, when, non_idempotent, per_attempt_timeout } = spec;
  return {
    ...(attempts === undefined ? {} : { attempts }),
    ...(when === undefined ? {} : whenOf(when)),
    ...(non_idempotent === undefined ? {} : { nonIdempotent: nonIdempotentOf(non_idempotent) }),
    ...(per_attempt_timeout === undefined ? {} : { attemptTimeoutMs: per_attempt_timeout }),
  };
}

function whenOf(when: LongPool['retry']['when']): Pick<RetryConfig, 'failures' | 'statuses'> {
  return {
    failures: RETRY_FAILURES.filter((it: RetryFailure) => when.includes(it)),
    statuses: when.filter((it) => typeof it === 'number'),
  };
}

function nonIdempotentOf(spec: boolean | 'with_key'): NonIdempotent {
  return spec === 'with_key' ? spec : spec ? 'always' : 'never';
}

export function resolveHedge({ delay }: Exclude<LongPool['hedge'], false>): HedgeConfig {
  return typeof delay === 'number' ? { delayMs: delay } : { quantile: Number(delay.slice(1)) / 100 };
}
