/**
 * A configuration as it is posted to the data threads: plain data, checked, with the numbers of slots and counter
 * cells that main gave to each part. A thread compiles it (plane.ts); it never edits it.
 */

import type {
  ApiKeyOptions,
  BasicOptions,
  CorsOptions,
  ForwardOptions,
  JwtOptions,
  TenantOptions,
} from '../access/index.ts';
import type { AdmissionOptions, GradientOptions } from '../admit/index.ts';
import type { CompressionOptions } from '../encode/index.ts';
import type { RetryOptions } from '../forward/index.ts';
import type { WireLimits } from '../http/index.ts';
import type { ProxyVersion } from '../kernel/proxy-header.ts';
import type { SharedLimitsOptions } from '../limit/index.ts';
import type { PoolOptions } from '../pool/index.ts';
import type {
  ErrorPageOptions,
  FaultOptions,
  FieldRuleOptions,
  HostRule,
  MaintenanceOptions,
  MirrorOptions,
  RewriteOptions,
} from '../proxy/index.ts';
import type { RouteOptions } from '../route/index.ts';
import type { CertificateMaterial, TlsVersion, UpstreamTlsOptions } from '../tls/index.ts';
import type { LimitsSnapshot } from './limits.ts';

export interface ListenerSnapshot extends LimitsSnapshot {
  readonly name: string;
  /** An IP address, or `unix:` and a path; undefined = all addresses. */
  readonly host: string | undefined;
  /** 0 for a Unix socket only: main has resolved it. */
  readonly port: number;
  /** Permission bits and group of a Unix socket's file; null = the group of the process. */
  readonly socket: { readonly mode: number; readonly gid: number | null } | null;
  readonly tls: {
    readonly certificates: readonly string[];
    readonly minVersion: TlsVersion;
    readonly strictSni: boolean;
  } | null;
  /** HTTP/2: offered by ALPN on a listener with TLS, with prior knowledge on a plain one. */
  readonly http2: boolean;
  /** Set: every request is redirected to https on this port. */
  readonly redirectPort: number | null;
  readonly trustedProxies: readonly string[];
  readonly proxyProtocol: 'none' | 'optional' | 'required';
  readonly ipAllow: readonly string[];
  readonly ipDeny: readonly string[];
  readonly engine: 'raw' | 'node';
  readonly limits: WireLimits;
  /** Open connections over all threads; the slot counts them. */
  readonly maxConnections: number;
  readonly slot: number;
  readonly tunnelIdleTimeoutMs: number;
  /** Offsets of counter cells. */
  readonly cells: number;
  readonly noRouteCells: number;
}

export interface AuthSnapshot {
  readonly how: BasicOptions | ApiKeyOptions | JwtOptions | ForwardOptions;
  /** Fields that tell servers who asks, beside the usual ones. */
  readonly identity: readonly string[];
  /** Fields with credentials that do not go to servers. */
  readonly credentials: readonly string[];
}

export interface TenantSnapshot extends TenantOptions, LimitsSnapshot {}

export interface RouteSnapshot extends RouteOptions, LimitsSnapshot {
  readonly rewrite: RewriteOptions | null;
  readonly compression: CompressionOptions | null;
  readonly errorPages: readonly ErrorPageOptions[];
  readonly maintenance: MaintenanceOptions | null;
  readonly requestFields: FieldRuleOptions | null;
  readonly responseFields: FieldRuleOptions | null;
  readonly auth: AuthSnapshot | null;
  readonly cors: CorsOptions | null;
  readonly ipAllow: readonly string[];
  readonly ipDeny: readonly string[];
  /** Injected on purpose; null = none. */
  readonly faults: FaultOptions | null;
  /** Where copies of its requests go; null = nowhere. */
  readonly mirror: MirrorOptions | null;
  /** Where it wants repeats otherwise than its pool; null = nowhere. */
  readonly retry: Partial<RetryOptions> | null;
  /** Rank of the class that its requests wait in. */
  readonly priority: number;
  /** 0 = not buffered. */
  readonly bodyBufferBytes: number;
  readonly answerBufferBytes: number;
  readonly timeoutMs: number;
  readonly cells: number;
}

export interface PoolSnapshot extends PoolOptions {
  /** null = every request is let in. */
  readonly admission: AdmissionOptions | null;
  readonly retry: RetryOptions;
  /** How its limit of requests at servers moves; null = it does not. */
  readonly adaptive: (GradientOptions & { readonly generation: number }) | null;
  /** null = nothing is hedged. */
  readonly hedge: { readonly delayMs: number } | { readonly quantile: number } | null;
  /** Retries as a part of the requests, 0 to 1. */
  readonly retryShare: number;
  readonly host: HostRule;
  /** The field in which requests say their class themselves; '' = they are not asked. */
  readonly priorityField: string;
  /** What servers are spoken to in: `h2` over TLS, `h2c` without. */
  readonly protocol: 'http1' | 'h2' | 'h2c';
  /** null = plain. */
  readonly upstreamTls: UpstreamTlsOptions | null;
  readonly proxyProtocol: ProxyVersion | null;
  readonly connectTimeoutMs: number;
  readonly firstByteTimeoutMs: number;
  readonly keepalive: number;
  readonly cells: number;
  /** Offsets of each server's cells, in the order of `servers`. */
  readonly serverCells: readonly number[];
}

export interface Snapshot {
  /** Where limits are shared with other daemons; null = nowhere. */
  readonly sharedLimits: SharedLimitsOptions | null;
  readonly generation: number;
  /** What client connections may hold in all; null = by what memory there is. */
  readonly maxMemoryBytes: number | null;
  /** For all routes, and for requests without one. */
  readonly errorPages: readonly ErrorPageOptions[];
  readonly listeners: readonly ListenerSnapshot[];
  readonly routes: readonly RouteSnapshot[];
  readonly pools: readonly PoolSnapshot[];
  readonly certificates: readonly CertificateMaterial[];
  readonly tenants: readonly TenantSnapshot[];
}
