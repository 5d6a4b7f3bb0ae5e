/**
 * From the long form (the file's words) to `ResolvedConfig` (the program's words). The single place that knows both.
 * Runs only on a configuration without errors, so it decides nothing: it renames, expands and fills in what depends
 * on two keys.
 */
import { resolve as resolvePath } from 'node:path';
import { canonicalAddress, isUnix, parseHostPort } from '../kernel/address.ts';
import { readSecret } from './resolve-access.ts';
import { type ResolveContext, sourceOf } from './resolve-context.ts';
import { resolveBreaker, resolveHedge, resolveOutliers, resolvePoolRetry } from './resolve-failing.ts';
import { resolveLimits, resolveSharedLimits } from './resolve-limits.ts';
import { resolveErrorPages } from './resolve-pages.ts';
import { resolveRoutes } from './resolve-route.ts';
import { resolveHealth, resolveServers } from './resolve-servers.ts';
import { resolveTenants } from './resolve-tenants.ts';
import type {
  AdminTokenConfig,
  CertificateConfig,
  HashConfig,
  ListenerConfig,
  PoolConfig,
  ResolvedConfig,
  StickyConfig,
  UpstreamConfig,
} from './resolved.ts';
import type { LongForm } from './schema/file.ts';
import { parseRequestKey } from './schema/request-key.ts';
import { fieldNamed } from './schema/sticky.ts';

type Long<Key extends keyof LongForm> = NonNullable<LongForm[Key]>;
type LongListener = Long<'listeners'>[string];
type LongPool = Long<'pools'>[string];

export function resolveConfig(long: LongForm, context: ResolveContext): ResolvedConfig {
  const path = (text: string): string => resolvePath(context.baseDir, text);
  const listeners = Object.entries(long.listeners ?? {});
  const withTls = listeners.filter(([, each]) => each.tls !== undefined);
  // Nobody can be sent to a socket on this machine.
  const secure = (withTls.find(([, each]) => each.port !== undefined) ?? withTls[0])?.[0];
  const routed = listeners.filter(([, each]) => each.redirect === undefined).map(([name]) => name);
  const { logs } = long;
  return {
    file: context.file,
    baseDir: context.baseDir,
    version: long.version,
    threads: long.threads,
    zone: long.zone,
    maxMemoryBytes: long.max_memory,
    shutdown: { drainTimeoutMs: long.shutdown.drain_timeout, preStopDelayMs: long.shutdown.pre_stop_delay },
    admin: {
      listen: parseHostPort(long.admin.listen) ?? { host: '127.0.0.1', port: 0 },
      hosts: (long.admin.hosts ?? []).map((host) => host.replace(/^\[|\]$/g, '').toLowerCase()),
      tokens: long.admin.tokens.map((token, index) => resolveToken(token, index, context)),
      source: sourceOf(context, ['admin']),
    },
    store: { path: path(long.store.path) },
    logs: {
      level: logs.level,
      format: logs.format,
      file: logs.file === undefined ? undefined : path(logs.file),
      access: {
        enabled: logs.access.enabled,
        file: logs.access.file === undefined ? undefined : path(logs.access.file),
        sampleFraction: logs.access.sample,
      },
    },
    certificates: Object.entries(long.certificates).map(([name, each]) =>
      resolveCertificate(name, each, context),
    ),
    listeners: listeners.map(([name, each]) => resolveListener(name, each, secure, context)),
    errorPages: resolveErrorPages(long.error_pages, context),
    routes: resolveRoutes(long.routes ?? [], routed, context),
    sharedLimits: resolveSharedLimits(long.shared_limits, context),
    pools: Object.entries(long.pools ?? {}).map(([name, each]) => resolvePool(name, each, context)),
    tenants: resolveTenants(long.tenants, context),
  };
}

function resolveToken(
  token: LongForm['admin']['tokens'][number],
  index: number,
  context: ResolveContext,
): AdminTokenConfig {
  return {
    name: token.name,
    role: token.role,
    token: readSecret(token.token, context),
    source: sourceOf(context, ['admin', 'tokens', index]),
  };
}

function resolveCertificate(
  name: string,
  spec: LongForm['certificates'][string],
  context: ResolveContext,
): CertificateConfig {
  const source = sourceOf(context, ['certificates', name]);
  if (spec.self_signed !== undefined) return { type: 'self_signed', name, names: spec.self_signed, source };
  return {
    type: 'files',
    name,
    certPath: resolvePath(context.baseDir, spec.cert ?? ''),
    keyPath: resolvePath(context.baseDir, spec.key ?? ''),
    source,
  };
}

function resolveListener(
  name: string,
  spec: LongListener,
  secure: string | undefined,
  context: ResolveContext,
): ListenerConfig {
  const { limits, tls } = spec;
  return {
    name,
    address: spec.address === undefined ? undefined : canonicalAddress(spec.address),
    port: spec.port ?? 0,
    socket: resolveSocket(spec),
    redirectTo: spec.redirect === undefined ? undefined : secure,
    tls: tls && { certificates: tls.certificates, minVersion: tls.min_version, strictSni: tls.strict_sni },
    engine: spec.engine,
    http2: spec.http2 && tls !== undefined,
    h2c: spec.h2c,
    trustedProxies: spec.trusted_proxies,
    proxyProtocol: spec.proxy_protocol,
    limits: {
      maxConnections: limits.max_connections,
      maxHeaderSizeBytes: limits.max_header_size,
      maxBodySizeBytes: limits.max_body_size,
      maxFields: limits.max_fields,
      maxTargetBytes: limits.max_target,
      headerTimeoutMs: limits.header_timeout,
      bodyTimeoutMs: limits.body_timeout,
      idleTimeoutMs: limits.idle_timeout,
      minRateBytesPerSecond: limits.min_rate,
      tunnelIdleTimeoutMs: limits.tunnel_idle_timeout,
    },
    ipAllow: spec.ip_allow,
    ipDeny: spec.ip_deny,
    ...resolveLimits(spec),
    source: sourceOf(context, ['listeners', name]),
  };
}

function resolveSocket({ address, socket }: LongListener): ListenerConfig['socket'] {
  if (address === undefined || !isUnix(address)) return undefined;
  return { mode: Number.parseInt(socket?.mode ?? '0660', 8), group: socket?.group };
}

function resolvePool(name: string, spec: LongPool, context: ResolveContext): PoolConfig {
  const { sticky, health } = spec;
  const isSecure = spec.servers.some((server) => server.address?.toLowerCase().startsWith('https://'));
  return {
    name,
    algorithm: spec.algorithm ?? 'peak_ewma',
    hash: resolveHash(spec),
    sticky: typeof sticky === 'object' ? resolveSticky(sticky) : undefined,
    ...resolveServers(spec.servers, (index) => sourceOf(context, ['pools', name, 'servers', index])),
    health: health === false ? undefined : resolveHealth(health),
    agent: spec.agent && {
      port: spec.agent.port,
      intervalMs: spec.agent.interval,
      timeoutMs: spec.agent.timeout,
    },
    queue: {
      max: spec.queue.max,
      timeoutMs: spec.queue.timeout,
      priorityField: fieldNamed(spec.queue.priority),
    },
    subset: spec.subset,
    slowStartMs: spec.slow_start,
    panic: typeof spec.panic === 'number' ? spec.panic : 0,
    outliers: spec.outlier_detection === false ? undefined : resolveOutliers(spec.outlier_detection),
    breaker: spec.circuit_breaker === false ? undefined : resolveBreaker(spec.circuit_breaker),
    adaptive: spec.adaptive_concurrency === false ? undefined : spec.adaptive_concurrency,
    retry: resolvePoolRetry(spec.retry),
    hedge: spec.hedge === false ? undefined : resolveHedge(spec.hedge),
    upstream: resolveUpstream(spec.upstream, isSecure, context),
    source: sourceOf(context, ['pools', name]),
  };
}

type LongSticky = Extract<LongPool['sticky'], object>;

function resolveSticky({ cookie, ttl, path, domain, same_site, secure }: LongSticky): StickyConfig {
  return { cookie, ttlMs: ttl, path, domain, sameSite: same_site, secure };
}

function resolveHash({ hash, sticky }: LongPool): HashConfig | undefined {
  const header = fieldNamed(sticky);
  // Who is to stay stays, however many of them there are on one server: as with ip_hash there is no bound.
  if (header !== undefined) return { key: { kind: 'header', name: header }, table: 'ring', maxLoad: 0 };
  if (hash === undefined) return undefined;
  const { key, table, max_load } = hash;
  return { key: parseRequestKey(key), table, maxLoad: max_load === false ? 0 : max_load };
}

function resolveUpstream(
  spec: LongPool['upstream'],
  isSecure: boolean,
  context: ResolveContext,
): UpstreamConfig {
  const tls = typeof spec.tls === 'object' ? spec.tls : isSecure ? { verify: true } : undefined;
  return {
    protocol: spec.protocol,
    host:
      spec.host === 'preserve' || spec.host === 'server'
        ? { type: spec.host }
        : { type: 'literal', value: spec.host },
    tls: tls && {
      caPath: tls.ca === undefined ? undefined : resolvePath(context.baseDir, tls.ca),
      serverName: tls.name,
      verify: tls.verify,
    },
    proxyProtocol: spec.proxy_protocol,
    connectTimeoutMs: spec.connect_timeout,
    firstByteTimeoutMs: spec.first_byte_timeout,
    keepalive: spec.keepalive,
  };
}
