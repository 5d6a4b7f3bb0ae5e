/**
 * Configuration -> snapshot: the one place that maps the words of the file to what the parts take. Pure: what it
 * needs beside the file (servers as they are now, slots, counter cells, ports, certificates) is given to it.
 */

import type { AdmissionOptions } from '../admit/index.ts';
import type {
  DiscoveryConfig,
  ListenerConfig,
  PoolConfig,
  ResolvedConfig,
  RouteConfig,
} from '../config/index.ts';
import type {
  AgentPool,
  DnsSource,
  FoundServer,
  HealthPool,
  PoolDefinition,
  ServerDefinition,
} from '../control/index.ts';
import { serverKey } from '../control/index.ts';
import { formatHostPort } from '../kernel/address.ts';
import { PRIORITIES } from '../kernel/priority.ts';
import { ownProxyHeader, type ProxyVersion } from '../kernel/proxy-header.ts';
import type { SlotRef } from '../kernel/slot-allocator.ts';
import type { Places } from '../pool/index.ts';
import type { HostRule, MaintenanceOptions } from '../proxy/index.ts';
import type { RouteActionOptions, RouteConditions } from '../route/index.ts';
import type { CertificateMaterial, UpstreamTlsOptions } from '../tls/index.ts';
import { authSnapshot, tenantSnapshots } from './build-access.ts';
import { limitsSnapshot, sharedLimitsSnapshot } from './limits.ts';
import { groupId } from './ports.ts';
import type { ListenerSnapshot, PoolSnapshot, RouteSnapshot, Snapshot } from './snapshot.ts';

export const listenerKey = (name: string): string => `listener\n${name}`;
export const poolKey = (name: string): string => `pool\n${name}`;
/** What a pool counts beside its queue: kept by reloads as long as it counts it. */
type Counted = 'breaker' | 'requests' | 'retries' | 'places';
const countedKey = (what: Counted, pool: string): string => `${what}\n${pool}`;

/** What the snapshot needs beside the file. */
export interface SnapshotInputs {
  readonly generation: number;
  /** What this Sluice is called among others. */
  readonly node: string;
  readonly pools: readonly PoolDefinition[];
  readonly certificates: readonly CertificateMaterial[];
  /** Port of each listener, port 0 resolved. */
  readonly ports: ReadonlyMap<string, number>;
  /** PEM text of each `upstream.tls.ca` file by path. */
  readonly authorities: ReadonlyMap<string, string>;
  slotOf(key: string): SlotRef;
  cellsOf(kind: 'route' | 'listener' | 'pool' | 'server', ...labels: string[]): number;
}

/** The keys of everything that has a slot. */
export function slotKeys(config: ResolvedConfig, pools: readonly PoolDefinition[]): string[] {
  return [
    ...config.listeners.map((it) => listenerKey(it.name)),
    ...pools.flatMap((pool) => [
      poolKey(pool.name),
      ...countedOf(configOf(config, pool.name)).map((what) => countedKey(what, pool.name)),
      ...pool.servers.map((server) => serverKey(pool.name, server)),
    ]),
  ];
}

/** Which servers a name in DNS stands for at the moment. */
export type FoundServers = (source: DnsSource) => readonly FoundServer[];

export function poolDefinitions(config: ResolvedConfig, found: FoundServers = () => []): PoolDefinition[] {
  return config.pools.map((pool) => {
    const servers = pool.servers.map((server): ServerDefinition => {
      const { id, host, port, zone, weight, backup, maxConnections = 0, maintenance } = server;
      return { id, host, port, zone, weight, backup, maxConnections, maintenance };
    });
    // What the file names itself, or an earlier name stands for, is no second server.
    const taken = new Set(servers.flatMap((it) => [it.id, formatHostPort(it)]));
    for (const spec of pool.discovery) {
      for (const each of found(dnsSource(pool.name, spec))) {
        const server = foundDefinition(spec, each);
        if (taken.has(server.id)) continue;
        taken.add(server.id);
        servers.push(server);
      }
    }
    return { name: pool.name, isChecked: pool.health !== undefined, slowStartMs: pool.slowStartMs, servers };
  });
}

function foundDefinition(spec: DiscoveryConfig, found: FoundServer): ServerDefinition {
  const { host, port, name } = found;
  return {
    id: formatHostPort({ host, port }),
    host,
    port,
    foundAs: name,
    zone: spec.zone,
    weight: found.weight === 0 ? spec.weight : found.weight,
    backup: spec.backup || found.isBackup,
    maxConnections: spec.maxConnections ?? 0,
    maintenance: spec.maintenance,
  };
}

/** All names in DNS that the pools of a configuration have. */
export function dnsSources(config: ResolvedConfig): DnsSource[] {
  return config.pools.flatMap((pool) => pool.discovery.map((spec) => dnsSource(pool.name, spec)));
}

function dnsSource(pool: string, spec: DiscoveryConfig): DnsSource {
  const { kind, name, port, family, resolvers, refreshMs = null, keepEmptyMs } = spec;
  return { pool, kind, name, port, family, resolvers, refreshMs, keepEmptyMs };
}

export function buildSnapshot(config: ResolvedConfig, inputs: SnapshotInputs): Snapshot {
  return {
    generation: inputs.generation,
    maxMemoryBytes: config.maxMemoryBytes ?? null,
    errorPages: config.errorPages,
    sharedLimits: sharedLimitsSnapshot(config.sharedLimits, inputs.authorities),
    listeners: config.listeners.map((listener) => listenerSnapshot(listener, inputs)),
    routes: config.routes.map((route) => routeSnapshot(route, inputs)),
    pools: inputs.pools.map((pool) => ({
      ...poolSnapshot(configOf(config, pool.name), pool, inputs),
      zone: config.zone ?? '',
    })),
    certificates: inputs.certificates,
    tenants: tenantSnapshots(config.tenants),
  };
}

function configOf(config: ResolvedConfig, name: string): PoolConfig {
  const pool = config.pools.find((it) => it.name === name);
  if (pool) return pool;
  throw new Error(`pool ${name} is not in the configuration`);
}

function listenerSnapshot(listener: ListenerConfig, inputs: SnapshotInputs): ListenerSnapshot {
  const { limits } = listener;
  return {
    name: listener.name,
    host: listener.address,
    port: inputs.ports.get(listener.name) ?? listener.port,
    socket: listener.socket ? { mode: listener.socket.mode, gid: groupId(listener) } : null,
    tls: listener.tls
      ? {
          certificates: listener.tls.certificates,
          minVersion: listener.tls.minVersion,
          strictSni: listener.tls.strictSni,
        }
      : null,
    http2: listener.tls ? listener.http2 : listener.h2c,
    redirectPort: listener.redirectTo === undefined ? null : inputs.ports.get(listener.redirectTo) || 443,
    trustedProxies: listener.trustedProxies,
    proxyProtocol: listener.proxyProtocol,
    ipAllow: listener.ipAllow,
    ipDeny: listener.ipDeny,
    ...limitsSnapshot(`listener:${listener.name}`, listener),
    engine: listener.engine,
    limits: {
      maxHeadBytes: limits.maxHeaderSizeBytes,
      maxFields: limits.maxFields,
      maxTargetBytes: limits.maxTargetBytes,
      maxBodyBytes: limits.maxBodySizeBytes ?? 0,
      headerTimeoutMs: limits.headerTimeoutMs,
      bodyTimeoutMs: limits.bodyTimeoutMs,
      idleTimeoutMs: limits.idleTimeoutMs,
      minRate: limits.minRateBytesPerSecond,
    },
    maxConnections: limits.maxConnections,
    slot: inputs.slotOf(listenerKey(listener.name)).slot,
    tunnelIdleTimeoutMs: limits.tunnelIdleTimeoutMs,
    cells: inputs.cellsOf('listener', listener.name),
    // Requests that met no route are counted as of the route "", beside those that did.
    noRouteCells: inputs.cellsOf('route', ''),
  };
}

/** What a route asks beyond host and path; null = nothing. */
export function conditionsOf({ match }: RouteConfig): RouteConditions | null {
  const { methods, headers, queries, clients, patterns } = match;
  const isAny = [methods, headers, queries, clients, patterns].every((it) => it.length === 0);
  return isAny ? null : { methods, headers, queries, clients, patterns };
}

function routeSnapshot(route: RouteConfig, inputs: SnapshotInputs): RouteSnapshot {
  return {
    name: route.name,
    listeners: route.listeners,
    hosts: route.match.hosts,
    paths: route.match.paths,
    conditions: conditionsOf(route),
    rewrite: route.rewrite ?? null,
    compression: route.compress ?? null,
    errorPages: route.errorPages,
    maintenance: maintenanceOf(route),
    requestFields: route.fields.request ?? null,
    responseFields: route.fields.response ?? null,
    action: actionOf(route),
    ...limitsSnapshot(`route:${route.name}`, route),
    auth: authSnapshot(route.auth),
    cors: route.cors ?? null,
    ipAllow: route.ipAllow,
    ipDeny: route.ipDeny,
    faults: route.faults ?? null,
    mirror: route.mirror ?? null,
    retry: route.retry ?? null,
    priority: PRIORITIES.indexOf(route.priority),
    bodyBufferBytes: route.buffering.requestBytes,
    answerBufferBytes: route.buffering.responseBytes,
    timeoutMs: route.timeoutMs ?? 0,
    cells: inputs.cellsOf('route', route.name),
  };
}

function maintenanceOf({ maintenance }: RouteConfig): MaintenanceOptions | null {
  if (maintenance === undefined) return null;
  const { page, retryAfterS, allow } = maintenance;
  return { page: page ? { ...page, status: '503', intercepts: false } : null, retryAfterS, allow };
}

/** What a route does, as the data path knows it. */
export function actionOf({ action }: RouteConfig): RouteActionOptions {
  const { type: kind, ...rest } = action;
  return { kind, ...rest } as RouteActionOptions;
}

function poolSnapshot(config: PoolConfig, pool: PoolDefinition, inputs: SnapshotInputs): PoolSnapshot {
  const { upstream } = config;
  return {
    name: pool.name,
    slot: inputs.slotOf(poolKey(pool.name)).slot,
    algorithm: config.algorithm,
    hash: config.hash ?? null,
    panic: config.panic,
    servers: pool.servers.map((server) => ({
      id: server.id,
      address: formatHostPort(server),
      host: server.host,
      port: server.port,
      foundAs: server.foundAs ?? '',
      zone: server.zone ?? '',
      tls: upstream.tls !== undefined,
      backup: server.backup,
      ...inputs.slotOf(serverKey(pool.name, server)),
    })),
    sticky:
      config.sticky === undefined
        ? null
        : {
            ...config.sticky,
            ttlMs: config.sticky.ttlMs ?? null,
            domain: config.sticky.domain ?? null,
          },
    queue: { max: config.queue.max, timeoutMs: config.queue.timeoutMs },
    subset: config.subset === undefined ? null : { size: config.subset, node: inputs.node },
    priorityField: config.queue.priorityField ?? '',
    places: placesOf(config, inputs),
    adaptive: adaptiveOf(config, inputs),
    admission: admissionOf(config, inputs),
    retry: config.retry,
    hedge: config.hedge ?? null,
    retryShare: config.retry.budget,
    host: hostRule(config),
    protocol: upstream.protocol,
    upstreamTls: upstreamTls(config, inputs.authorities),
    proxyProtocol: proxyVersion(config),
    connectTimeoutMs: upstream.connectTimeoutMs,
    firstByteTimeoutMs: upstream.firstByteTimeoutMs,
    keepalive: upstream.keepalive,
    cells: inputs.cellsOf('pool', pool.name),
    serverCells: pool.servers.map((server) => inputs.cellsOf('server', pool.name, server.id)),
  };
}

function hasStates({ breaker }: PoolConfig): boolean {
  return breaker !== undefined && (breaker.failureRate > 0 || breaker.consecutiveErrors > 0);
}

function countedOf(config: PoolConfig): Counted[] {
  const { breaker } = config;
  const all: readonly (readonly [Counted, boolean])[] = [
    ['breaker', hasStates(config)],
    ['requests', breaker?.maxRequests !== undefined],
    ['retries', breaker?.maxRetries !== undefined],
    ['places', breaker?.maxConnections !== undefined || config.adaptive !== undefined],
  ];
  return all.filter(([, isCounted]) => isCounted).map(([what]) => what);
}

function countedPlaces(
  what: Counted,
  pool: string,
  max: number | undefined,
  inputs: SnapshotInputs,
): { slot: number; max: number } | null {
  return max === undefined ? null : { slot: inputs.slotOf(countedKey(what, pool)).slot, max };
}

function placesOf({ name, breaker, adaptive }: PoolConfig, inputs: SnapshotInputs): Places | null {
  if (adaptive === undefined && breaker?.maxConnections === undefined) return null;
  const { slot } = inputs.slotOf(countedKey('places', name));
  return { slot, max: breaker?.maxConnections ?? 0, isAdaptive: adaptive !== undefined };
}

function adaptiveOf(
  { name, breaker, adaptive }: PoolConfig,
  inputs: SnapshotInputs,
): PoolSnapshot['adaptive'] {
  if (adaptive === undefined) return null;
  const max = Math.min(adaptive.max, breaker?.maxConnections ?? adaptive.max);
  const { generation } = inputs.slotOf(countedKey('places', name));
  return { ...adaptive, max, min: Math.min(adaptive.min, max), generation };
}

function admissionOf(config: PoolConfig, inputs: SnapshotInputs): AdmissionOptions | null {
  const { name, breaker } = config;
  if (breaker === undefined) return null;
  const { maxConnections: _, maxRequests, maxRetries, ...states } = breaker;
  return {
    breaker: hasStates(config) ? { ...states, slot: inputs.slotOf(countedKey('breaker', name)).slot } : null,
    requests: countedPlaces('requests', name, maxRequests, inputs),
    retries: countedPlaces('retries', name, maxRetries, inputs),
  };
}

function proxyVersion({ upstream }: PoolConfig): ProxyVersion | null {
  return upstream.proxyProtocol === 'none' ? null : upstream.proxyProtocol;
}

function hostRule(config: PoolConfig): HostRule {
  const { host } = config.upstream;
  return host.type === 'literal' ? { kind: 'literal', value: host.value } : { kind: host.type };
}

function upstreamTls(
  config: PoolConfig,
  authorities: SnapshotInputs['authorities'],
): UpstreamTlsOptions | null {
  const { tls } = config.upstream;
  if (tls === undefined) return null;
  return {
    ca: tls.caPath === undefined ? undefined : authorities.get(tls.caPath),
    name: tls.serverName,
    verify: tls.verify,
  };
}

/** Whose agents are asked, and where. */
export function agentPools(config: ResolvedConfig, pools: readonly PoolDefinition[]): AgentPool[] {
  return pools.map(({ name, servers }) => ({ name, agent: configOf(config, name).agent, servers }));
}

/** What the health checks need to know of the pools. */
export function healthPools(
  config: ResolvedConfig,
  pools: readonly PoolDefinition[],
  authorities: SnapshotInputs['authorities'],
): HealthPool[] {
  return pools.map((pool) => {
    const poolConfig = configOf(config, pool.name);
    const tls = upstreamTls(poolConfig, authorities);
    const version = proxyVersion(poolConfig);
    return {
      name: pool.name,
      check: poolConfig.health,
      servers: pool.servers.map((server) => ({
        id: server.id,
        host: server.host,
        port: server.port,
        ...(version === null ? {} : { proxyHeader: ownProxyHeader(version) }),
        ...(tls === null
          ? {}
          : { tls: { ca: tls.ca, serverName: tls.name ?? server.foundAs, verify: tls.verify } }),
      })),
    };
  });
}
