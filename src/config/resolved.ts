/**
 * What the rest of Sluice gets to see of a configuration: every short form expanded, every default filled in,
 * the one-pool form converted, relative paths made absolute, references checked, units in the names.
 *
 * These types are written by hand and not inferred from the schema: the file's words (snake_case, short forms)
 * may change without a change here, and here one thing has one form only. `resolve.ts` is the single place
 * that maps one to the other. All values but `Secret` are plain data; every noun knows where it was written.
 */

import type { TenantConfig } from './resolved-access.ts';
import type {
  AdaptiveConfig,
  BreakerConfig,
  HedgeConfig,
  OutlierConfig,
  PoolRetryConfig,
} from './resolved-failing.ts';
import type { LimitsConfig, ListenerLimits, RequestKey, SharedLimitsConfig } from './resolved-limits.ts';
import type { AdminConfig, LogsConfig, ShutdownConfig, StoreConfig } from './resolved-process.ts';
import type { ErrorPageConfig, RouteConfig } from './resolved-route.ts';
import type { UpstreamConfig } from './resolved-upstream.ts';

export type * from './resolved-access.ts';
export * from './resolved-failing.ts';
export * from './resolved-limits.ts';
export * from './resolved-process.ts';
export * from './resolved-route.ts';

export type { ServerProtocol, UpstreamConfig, UpstreamTls } from './resolved-upstream.ts';

/** Where a noun stands in the file. Lines count from 1; `line: 0` = no line of a file made it (a default). */
export interface Source {
  readonly file: string;
  readonly line: number;
}

export interface ResolvedConfig {
  /** Absolute path of the file, or a name in angle brackets when it came from elsewhere (`<command line>`). */
  readonly file: string;
  /** Absolute path that relative paths were resolved against: the file's folder. */
  readonly baseDir: string;
  readonly version: 1;
  /** Data threads; `auto` = one per core where the platform can share a port. */
  readonly threads: number | 'auto';
  /** Where this daemon is; undefined = all servers are alike near. */
  readonly zone: string | undefined;
  /** What client connections may hold; undefined = by what memory there is. */
  readonly maxMemoryBytes: number | undefined;
  readonly shutdown: ShutdownConfig;
  readonly admin: AdminConfig;
  readonly store: StoreConfig;
  readonly logs: LogsConfig;
  readonly certificates: readonly CertificateConfig[];
  /** For all routes, and for requests without one. */
  readonly errorPages: readonly ErrorPageConfig[];
  readonly listeners: readonly ListenerConfig[];
  /** In file order: the first that matches wins. */
  readonly routes: readonly RouteConfig[];
  readonly pools: readonly PoolConfig[];
  /** undefined = limits are this daemon's own. */
  readonly sharedLimits: SharedLimitsConfig | undefined;
  readonly tenants: readonly TenantConfig[];
}

export type CertificateConfig =
  | {
      readonly type: 'files';
      readonly name: string;
      /** Absolute paths of PEM files. */
      readonly certPath: string;
      readonly keyPath: string;
      readonly source: Source;
    }
  | {
      readonly type: 'self_signed';
      readonly name: string;
      /** DNS names (a leading `*.` is possible) and IP addresses. */
      readonly names: readonly string[];
      readonly source: Source;
    };

export const ENGINES = ['raw', 'node'] as const;
export type Engine = (typeof ENGINES)[number];

export const TLS_VERSIONS = ['1.2', '1.3'] as const;
export type TlsVersion = (typeof TLS_VERSIONS)[number];

export const PROXY_PROTOCOL_MODES = ['none', 'optional', 'required'] as const;
export type ProxyProtocolMode = (typeof PROXY_PROTOCOL_MODES)[number];

export interface ListenerConfig extends LimitsConfig {
  readonly name: string;
  /** An IP address, or `unix:` and a path; undefined = all addresses, IPv4 and IPv6. */
  readonly address: string | undefined;
  /** 0 = any free port, and of a Unix socket. */
  readonly port: number;
  /** Of a Unix socket. `mode` = permission bits; `group` a name or a number, undefined = the daemon's. */
  readonly socket: { readonly mode: number; readonly group: string | undefined } | undefined;
  /** Name of the TLS listener that every request is redirected to; such a listener has no routes. */
  readonly redirectTo: string | undefined;
  readonly tls: ListenerTls | undefined;
  /** What speaks HTTP with its clients: our own codec, or Node's server. */
  readonly engine: Engine;
  /** HTTP/2 is offered by ALPN; only with `tls`. */
  readonly http2: boolean;
  /** HTTP/2 with prior knowledge is taken; only without `tls`. */
  readonly h2c: boolean;
  /** CIDR blocks or single addresses, or `unix` for peers of Unix sockets, whose X-Forwarded-* and Forwarded are believed. */
  readonly trustedProxies: readonly string[];
  /** What connections of those begin with; headers of others are never believed. */
  readonly proxyProtocol: ProxyProtocolMode;
  readonly limits: ListenerLimits;
  /** Not empty: only these may come in. */
  readonly ipAllow: readonly string[];
  /** Refused, even when in `ipAllow`. */
  readonly ipDeny: readonly string[];
  readonly source: Source;
}

export interface ListenerTls {
  /** Names out of `ResolvedConfig.certificates`, at least one; the first answers an unknown or absent SNI. */
  readonly certificates: readonly string[];
  readonly minVersion: TlsVersion;
  /** Refuse an unknown SNI instead. */
  readonly strictSni: boolean;
}

export const ALGORITHMS = [
  'round_robin',
  'weighted',
  'least_connections',
  'power_of_two',
  'peak_ewma',
  'least_time',
  'ip_hash',
  'consistent_hash',
  'random',
  'first',
] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** Of `algorithm: consistent_hash`. */
export interface HashConfig {
  readonly key: RequestKey;
  readonly table: 'ring' | 'maglev';
  /** A fraction of the server's share of the requests in flight, above 1; 0 = no bound. */
  readonly maxLoad: number;
}

export interface PoolConfig {
  readonly name: string;
  /** `sticky: ip` stands here as `ip_hash`, `sticky: header:NAME` as `consistent_hash`. */
  readonly algorithm: Algorithm;
  /** Set with `consistent_hash`. */
  readonly hash: HashConfig | undefined;
  /** Those with an address. */
  readonly servers: readonly ServerConfig[];
  /** Names in DNS that stand for further ones. */
  readonly discovery: readonly DiscoveryConfig[];
  readonly sticky: StickyConfig | undefined;
  /** undefined = `health: false`: always taken for healthy. */
  readonly health: HealthConfig | undefined;
  /** undefined = servers are not asked how they are. */
  readonly agent:
    | { readonly port: number; readonly intervalMs: number; readonly timeoutMs: number }
    | undefined;
  readonly queue: {
    readonly max: number;
    readonly timeoutMs: number;
    /** The field, in lower case, in which requests say their class themselves; undefined = their routes do. */
    readonly priorityField: string | undefined;
  };
  /** Servers that each data thread keeps to; undefined = all. */
  readonly subset: number | undefined;
  /** How long the share of a server grows after it came or recovered; 0 = it has the whole at once. */
  readonly slowStartMs: number;
  /** Below this part of healthy servers all are tried, 0 to 1; 0 = never. */
  readonly panic: number;
  /** Passive health; undefined = `outlier_detection: false`. */
  readonly outliers: OutlierConfig | undefined;
  /** undefined = `circuit_breaker: false`. */
  readonly breaker: BreakerConfig | undefined;
  readonly adaptive: AdaptiveConfig | undefined;
  readonly retry: PoolRetryConfig;
  /** undefined = never. */
  readonly hedge: HedgeConfig | undefined;
  readonly upstream: UpstreamConfig;
  readonly source: Source;
}

export interface ServerConfig {
  /** Unique in the pool; `host:port` when the file has none. */
  readonly id: string;
  /** A name, an IP address without brackets, or `unix:` and a path with port 0. */
  readonly host: string;
  readonly port: number;
  /** 0–1000; 0 = no new requests. */
  readonly weight: number;
  readonly backup: boolean;
  /** Requests in flight over all data threads; undefined = no limit. */
  readonly maxConnections: number | undefined;
  readonly maintenance: boolean;
  /** undefined = nobody says. */
  readonly zone: string | undefined;
  readonly source: Source;
}

/** An entry of a list of servers that has a name in DNS for an address. */
export interface DiscoveryConfig {
  /** `srv` = the name of SRV records. */
  readonly kind: 'address' | 'srv';
  /** Without a dot at the end. */
  readonly name: string;
  /** 0 of `srv`. */
  readonly port: number;
  readonly family: 'any' | 'ipv4' | 'ipv6';
  /** `ip` or `ip:port`; empty = those of the system. */
  readonly resolvers: readonly string[];
  /** undefined = as the TTL says. */
  readonly refreshMs: number | undefined;
  readonly keepEmptyMs: number;
  /** Of each server; of `srv` its record says it. */
  readonly weight: number;
  readonly backup: boolean;
  readonly maxConnections: number | undefined;
  readonly maintenance: boolean;
  /** undefined = nobody says. */
  readonly zone: string | undefined;
  readonly source: Source;
}

export interface StickyConfig {
  /** Name of the cookie. */
  readonly cookie: string;
  /** undefined = until the browser closes. */
  readonly ttlMs: number | undefined;
  readonly path: string;
  /** undefined = the host that was asked for. */
  readonly domain: string | undefined;
  readonly sameSite: 'lax' | 'strict' | 'none';
  /** `auto` = when the client came over TLS. */
  readonly secure: 'auto' | 'always' | 'never';
}

interface HealthTiming {
  readonly intervalMs: number;
  /** Never longer than the interval. */
  readonly timeoutMs: number;
  /** Successes in a row that make a server healthy. */
  readonly rise: number;
  /** Failures in a row that make it unhealthy. */
  readonly fall: number;
  /** Each pause is drawn from interval × (1 ± this); 0–1. */
  readonly jitterFraction: number;
}

export type HealthConfig =
  | (HealthTiming & {
      readonly type: 'http' | 'https';
      readonly path: string;
      /** undefined = the server's own port. */
      readonly port: number | undefined;
      readonly method: 'GET' | 'HEAD' | 'OPTIONS' | 'POST';
      /** Host field; undefined = the server's address. */
      readonly host: string | undefined;
      readonly headers: Readonly<Record<string, string>>;
      readonly expect: {
        /** Inclusive ranges, never empty. */
        readonly statuses: readonly (readonly [from: number, to: number])[];
        /** Text that the body has to contain. */
        readonly body: string | undefined;
      };
    })
  | (HealthTiming & { readonly type: 'tcp'; readonly port: number | undefined })
  | (HealthTiming & { readonly type: 'icmp' })
  /** `service` '' = the server as a whole. */
  | (HealthTiming & {
      readonly type: 'grpc';
      readonly port: number | undefined;
      readonly service: string;
    });

export type HealthType = HealthConfig['type'];
