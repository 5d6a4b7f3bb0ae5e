/** What limits are of a resolved configuration; see resolved.ts. */
import type { Secret } from './secret.ts';

export interface ListenerLimits {
  readonly maxConnections: number;
  readonly maxHeaderSizeBytes: number;
  /** undefined = no limit. */
  readonly maxBodySizeBytes: number | undefined;
  readonly maxFields: number;
  readonly maxTargetBytes: number;
  /** From the first byte (or the end of the handshake) to the complete head. */
  readonly headerTimeoutMs: number;
  /** Longest pause within a body. */
  readonly bodyTimeoutMs: number;
  /** Longest time between two exchanges of a connection. */
  readonly idleTimeoutMs: number;
  /** Slower bodies are cut; 0 = no such limit. */
  readonly minRateBytesPerSecond: number;
  /** Longest silence on an upgraded connection (WebSocket). */
  readonly tunnelIdleTimeoutMs: number;
}

/** What of a request something goes by. */
export type RequestKey =
  | { readonly kind: 'client_ip' | 'path' }
  | { readonly kind: 'header' | 'cookie' | 'query'; readonly name: string };

/** What a limit counts by; `route` and `listener` = all its requests together. */
export type LimitKey = RequestKey | { readonly kind: 'route' | 'listener' | 'tenant' };

export interface ConcurrencyConfig {
  /** Requests in flight at one time. */
  readonly max: number;
  readonly key: LimitKey;
  /** Only counts and logs. */
  readonly dryRun: boolean;
}

/** Where daemons share limits. */
export interface SharedLimitsConfig {
  /** `redis:` or `rediss:`, without user and password. */
  readonly url: string;
  readonly username: string | undefined;
  readonly password: Secret | undefined;
  readonly prefix: string;
  readonly timeoutMs: number;
  /** Absolute path of a PEM file. */
  readonly caPath: string | undefined;
}

export interface RateLimitConfig {
  /** At most `count` in any `windowMs`; with `burst`, a token bucket that refills at count/windowMs. */
  readonly count: number;
  readonly windowMs: number;
  readonly burst: number | undefined;
  readonly key: LimitKey;
  /** Only counts and logs. */
  readonly dryRun: boolean;
  /** Counted over several daemons. */
  readonly shared: boolean;
}

/** What a listener, a route and a tenant have of limits; all of a list have to allow a request. */
export interface LimitsConfig {
  readonly rateLimits: readonly RateLimitConfig[];
  readonly concurrency: readonly ConcurrencyConfig[];
}

/** What a route allows of bodies. */
export interface MeterConfig {
  /** Of the request; 0 = any. */
  readonly maxBodyBytes: number;
  /** Bytes a second of each answer, and of each request's body; 0 = as fast as they go. */
  readonly downloadRate: number;
  readonly uploadRate: number;
}
