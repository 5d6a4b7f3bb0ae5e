/** What of a pool is about failures: a part of resolve.ts. */
import type { BreakerConfig, OutlierConfig } from './resolved-failing.ts';
import type { LongForm } from './schema/file.ts';

type LongPool = NonNullable<LongForm['pools']>[string];

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
