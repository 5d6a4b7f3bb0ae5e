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
