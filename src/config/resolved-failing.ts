/** What of a pool is about failures: a part of resolved.ts. */

/** When a pool is not asked, and how much it takes. */
export interface BreakerConfig {
  /** 0 to 1; 0 = not looked at. */
  readonly failureRate: number;
  readonly minRequests: number;
  readonly windowMs: number;
  /** 0 = not looked at. */
  readonly consecutiveErrors: number;
  readonly openMs: number;
  readonly probes: number;
  /** Over all data threads; undefined = no limit. */
  readonly maxConnections: number | undefined;
  readonly maxRequests: number | undefined;
  readonly maxRetries: number | undefined;
}

/** When a server is taken out for what requests showed of it. */
export interface OutlierConfig {
  /** 0 = not looked at. */
  readonly consecutiveErrors: number;
  /** 0 to 1; 0 = not looked at. */
  readonly failureRate: number;
  readonly intervalMs: number;
  readonly minRequests: number;
  readonly ejectionMs: number;
  /** Part of the pool, 0 to 1. */
  readonly maxEjected: number;
}

export const RETRY_FAILURES = ['connect_error', 'reset', 'timeout', 'bad_answer'] as const;
export type RetryFailure = (typeof RETRY_FAILURES)[number];

/** What may be repeated although its method does not allow it. */
export type NonIdempotent = 'never' | 'with_key' | 'always';

/** When a request is made again. */
export interface RetryConfig {
  /** All of them; 1 = never retry. */
  readonly attempts: number;
  readonly failures: readonly RetryFailure[];
  /** Of answers. */
  readonly statuses: readonly number[];
  readonly nonIdempotent: NonIdempotent;
  /** undefined = by the timeouts of its parts only. */
  readonly attemptTimeoutMs: number | undefined;
  readonly backoff: { readonly baseMs: number; readonly maxMs: number };
}

export interface PoolRetryConfig extends RetryConfig {
  /** Of the requests of ten seconds, 0 to 1. */
  readonly budget: number;
}

/** What a route wants otherwise than its pool. */
export type RouteRetryConfig = Partial<Omit<RetryConfig, 'backoff'>>;

/** When a second attempt is made beside a slow one: after a time, or at a quantile (0 to 1) of what answers take. */
export type HedgeConfig = { readonly delayMs: number } | { readonly quantile: number };

/** How many requests servers get at a time, found by how long they take. */
export interface AdaptiveConfig {
  readonly min: number;
  readonly max: number;
  /** A multiple of the least time, above 1. */
  readonly tolerance: number;
}
