/**
 * Snapshot -> plane: what a data thread compiles from the plain data that main posted. Pure but for what it is
 * given (`CompileContext`), which is also what survives from one snapshot to the next: connections to servers.
 */

import { CORS_FIELDS, Cors } from '../access/index.ts';
import { Admission, type AdmissionOptions } from '../admit/index.ts';
import { CompressionRule } from '../encode/index.ts';
import { type ConnectionLimits, type ServerChannels, ServerConnections } from '../forward/index.ts';
import type { ServerSessions } from '../forward-http2/index.ts';
import { SharedHead } from '../http/index.ts';
import { publicHost, UNIX_PEER, unixPathOf } from '../kernel/address.ts';
import type { Deadlines } from '../kernel/deadlines.ts';
import { afterNextLook } from '../kernel/loop-turn.ts';
import type { Random } from '../kernel/random.ts';
import type { SlotTable } from '../kernel/slots.ts';
import type { SocketIo } from '../kernel/socket-io.ts';
import { CidrSet, IpFilter, parseAddress } from '../limit/index.ts';
import { ListenerCells, type Log, PoolCells, RouteCells, ServerCells } from '../observe/index.ts';
import { compilePool, type PoolServer, type ServerOptions } from '../pool/index.ts';
import {
  compileErrorPages,
  compileFieldRules,
  FaultGate,
  type FieldRuleOptions,
  type Gate,
  HedgeRule,
  type ListenerPlane,
  MaintenanceGate,
  Mirror,
  type Plane,
  type PoolPlane,
  PoolSplit,
  PreflightGate,
  RetryRule,
  type RoutePlane,
  RouteRetry,
  StaticAnswer,
} from '../proxy/index.ts';
import { compileRoutes, parsePathPattern } from '../route/index.ts';
import { compileUpstreamTls, type UpstreamTls } from '../tls/index.ts';
import { AccessCompiler, type AccessContext, namesTenants } from './access-plane.ts';
import type { ConnectionBook } from './connection-book.ts';
import {
  type CompiledTenantLimits,
  compileLimits,
  compileTenantLimits,
  type LimitTables,
  lateGates,
  type OpenShared,
} from './limits.ts';
import { meterOf } from './server-meter.ts';
import type { SharedLimitsBook } from './shared-limits-book.ts';
import type { ListenerSnapshot, PoolSnapshot, RouteSnapshot, Snapshot } from './snapshot.ts';

export interface CompileContext extends AccessContext, LimitTables {
  readonly deadlines: Deadlines;
  readonly sockets: SocketIo;
  readonly random: Random;
  readonly slots: SlotTable;
  /** This thread's row of counter cells. */
  readonly row: Float64Array;
  readonly thread: number;
  readonly stickyKeys: readonly Uint8Array[];
  readonly connections: ConnectionBook;
  readonly log: Log;
  /** Makes ways to servers over HTTP/2; null = no pool asks for it. */
  readonly ServerSessions: typeof ServerSessions | null;
  readonly shared: SharedLimitsBook;
}

/** Idle connections are left after this time, and no connection is used longer than that. */
const IDLE_MS = 60_000;
const MAX_AGE_MS = 3_600_000;
/** Of answers; more than clients may send, since servers are ours. */
const SERVER_HEAD_BYTES = 64 * 1024;
const SERVER_FIELDS = 256;
const SERVER_SILENCE_MS = 60_000;
/** Routes that are compiled without a break. */
const ROUTES_OF_A_STEP = 256;
/** Always allowed, of a pool over all threads. */
const RETRIES_PER_S = 10;

export interface CompiledSnapshot {
  readonly plane: Plane;
  /** Keys of the servers in it. */
  readonly connectionKeys: ReadonlySet<string>;
  /** What it holds on to of the book of `access`. */
  readonly accessKeys: ReadonlySet<string>;
}

/**
 * In steps, between which the requests of this thread have their turn: a thousand routes or servers take some milliseconds,
 * which are nobody's latency if they do not come all at once.
 */
export async function compileSnapshot(
  snapshot: Snapshot,
  context: CompileContext,
): Promise<CompiledSnapshot> {
  const keys = new Set<string>();
  const access = new AccessCompiler(snapshot, context);
  const errorPages = compileErrorPages(snapshot.errorPages, null);
  const openShared: OpenShared = () =>
    snapshot.sharedLimits === null ? null : context.shared.of(snapshot.sharedLimits);
  const tenantLimits = compileTenantLimits(snapshot.tenants, context, openShared);
  const common: RouteCommons = { access, errorPages, openShared, tenantLimits };
  const routePlanes: RoutePlane[] = [];
  for (const [i, route] of snapshot.routes.entries()) {
    if (i % ROUTES_OF_A_STEP === ROUTES_OF_A_STEP - 1) await nextStep();
    const plane = compileRoute(route, context, common);
    if (plane.compression !== null) await plane.answer?.encode(plane.compression, plane.responseFields);
    routePlanes.push(plane);
  }
  await nextStep();
  const routes = compileRoutes(routePlanes);
  const pools = new Map<string, PoolPlane>();
  for (const pool of snapshot.pools) {
    await nextStep();
    pools.set(pool.name, compilePoolPlane(pool, context, keys));
  }
  const listeners = snapshot.listeners.map((it): [string, ListenerPlane] => [
    it.name,
    compileListener(it, context),
  ]);
  const { generation } = snapshot;
  const plane = { generation, errorPages, routes, pools, listeners: new Map(listeners) };
  return { plane, connectionKeys: keys, accessKeys: access.used };
}

const nextStep = (): Promise<void> => new Promise((resolve) => afterNextLook(resolve));

/** What all routes of a snapshot have in common. */
interface RouteCommons {
  readonly access: AccessCompiler;
  readonly errorPages: Plane['errorPages'];
  readonly openShared: OpenShared;
  readonly tenantLimits: CompiledTenantLimits;
}

function compileRoute(
  route: RouteSnapshot,
  context: CompileContext,
  { access, openShared, tenantLimits, ...common }: RouteCommons,
): RoutePlane {
  const errorPages = compileErrorPages(route.errorPages, common.errorPages);
  const hasLists = route.ipAllow.length + route.ipDeny.length > 0;
  const limits = compileLimits(route, context, openShared);
  const cors = route.cors && new Cors(route.cors);
  return {
    name: route.name,
    listeners: route.listeners,
    hosts: route.hosts,
    paths: route.paths,
    conditions: route.conditions ?? null,
    action: route.action,
    filter: hasLists ? new IpFilter(route.ipAllow, route.ipDeny) : null,
    limits: limits.limits,
    rewrite: route.rewrite,
    compression: route.compression === null ? null : new CompressionRule(route.compression),
    errorPages,
    interceptPages: errorPages?.intercepts === true ? errorPages : null,
    requestFields: compileFieldRules(access.requestFieldsOf(route)),
    responseFields: compileFieldRules(
      cors === null ? route.responseFields : withoutCors(route.responseFields),
    ),
    cors,
    redirectPaths: route.action.kind === 'redirect' ? route.paths.map(parsePathPattern) : [],
    answer: route.action.kind === 'respond' ? new StaticAnswer(route.action) : null,
    split: route.action.kind === 'split' ? new PoolSplit(route.action.shares) : null,
    mirror: compileMirror(route, context),
    retry: route.retry && new RouteRetry(route.retry),
    // Who asks comes before what is counted for them.
    gates: [
      ...(cors === null ? [] : [new PreflightGate(cors)]),
      ...(route.maintenance === null ? [] : [new MaintenanceGate(route.maintenance)]),
      ...access.gatesOf(route),
      ...lateGates(limits, namesTenants(route) ? tenantLimits : null),
      ...faultGates(route, context),
    ],
    priority: route.priority,
    bodyBufferBytes: route.bodyBufferBytes,
    answerBufferBytes: route.answerBufferBytes,
    timeoutMs: route.timeoutMs,
    cells: new RouteCells(context.row, route.cells),
  };
}

/** What servers say of other origins is not passed on where the route has its own word. */
function withoutCors(fields: FieldRuleOptions | null): FieldRuleOptions {
  const { remove, set, add } = fields ?? { remove: [], set: [], add: [] };
  return { remove: [...remove, ...CORS_FIELDS], set, add };
}

/** Last: only what else would go on. */
function faultGates({ faults }: RouteSnapshot, { random, clock }: CompileContext): Gate[] {
  return faults === null ? [] : [new FaultGate(faults, random, clock)];
}

function compileMirror({ name, mirror }: RouteSnapshot, context: CompileContext): Mirror | null {
  if (mirror === null) return null;
  return new Mirror(mirror, context.connections.mirrorPlacesOf(mirror.pool, name), context.random);
}

function compileListener(listener: ListenerSnapshot, context: CompileContext): ListenerPlane {
  const trusted = new CidrSet(listener.trustedProxies.filter((it) => it !== 'unix'));
  const trustsUnix = listener.trustedProxies.includes('unix');
  return {
    name: listener.name,
    redirectPort: listener.redirectPort,
    limits: compileLimits(listener, context, () => null).limits,
    cells: new ListenerCells(context.row, listener.cells),
    noRoute: new RouteCells(context.row, listener.noRouteCells),
    tunnelIdleTimeoutMs: listener.tunnelIdleTimeoutMs,
    isTrusted: (ip) => (ip === UNIX_PEER ? trustsUnix : !trusted.isEmpty && trusted.has(parseAddress(ip))),
  };
}

function compilePoolPlane(options: PoolSnapshot, context: CompileContext, keys: Set<string>): PoolPlane {
  const pool = compilePool(options, {
    slots: context.slots,
    thread: context.thread,
    clock: context.clock,
    random: context.random,
    stickyKeys: context.stickyKeys,
  });
  const limits: ConnectionLimits = {
    connectTimeoutMs: options.connectTimeoutMs,
    firstByteTimeoutMs: options.firstByteTimeoutMs,
    bodyTimeoutMs: SERVER_SILENCE_MS,
    idleTimeoutMs: IDLE_MS,
    maxAgeMs: MAX_AGE_MS,
    maxHeadBytes: SERVER_HEAD_BYTES,
    maxFields: SERVER_FIELDS,
  };
  // Only for servers that are new here: their own context goes on with the others.
  let tls: UpstreamTls | null = null;
  const tlsFor = (host: string) => {
    if (options.upstreamTls === null) return null;
    tls ??= compileUpstreamTls({
      ...options.upstreamTls,
      alpn: options.protocol === 'h2' ? 'h2' : 'http/1.1',
    });
    return tls.forServer(publicHost(host));
  };
  const { clock, deadlines, sockets } = context;
  const deps = { clock, deadlines, sockets, sharedHead: new SharedHead() };
  const cells = options.serverCells.map((offset) => new ServerCells(context.row, offset));
  const poolCells = new PoolCells(context.row, options.cells);
  const keyOf = connectionKeys(options);
  const connections = options.servers.map((server, index) => {
    const key = keyOf(server);
    keys.add(key);
    return context.connections.of(key, () => {
      const target = {
        host: server.host,
        port: server.port,
        path: unixPathOf(server.host) ?? '',
        tls: tlsFor(server.foundAs || server.host),
      };
      const meter = meterOf(server, cells[index] as ServerCells, poolCells, context);
      const isHttp1 = options.protocol === 'http1' || context.ServerSessions === null;
      const Channels = isHttp1 ? ServerConnections : context.ServerSessions;
      return new Channels(target, limits, options.keepalive, deps, meter);
    });
  });
  return {
    pool,
    admission: options.admission && compileAdmission(options.name, options.admission, context),
    retry: new RetryRule(options.retry),
    hedge: compileHedge(options, context.connections),
    retryBudget: context.connections.budgetOf(options.name, {
      share: options.retryShare,
      // The last row of the table is main's.
      perS: RETRIES_PER_S / Math.max(1, context.slots.threads - 1),
    }),
    host: options.host,
    priorityField: options.priorityField,
    isHttp2: options.protocol !== 'http1',
    proxyProtocol: options.proxyProtocol,
    cells: poolCells,
    connectionsOf: (server: PoolServer) => connections[server.index] as ServerChannels,
    cellsOf: (server: PoolServer) => cells[server.index] as ServerCells,
  };
}

function compileHedge({ name, hedge }: PoolSnapshot, book: ConnectionBook): HedgeRule | null {
  if (hedge === null) return null;
  return 'delayMs' in hedge
    ? new HedgeRule(hedge.delayMs, null)
    : new HedgeRule(0, book.estimateOf(name, hedge.quantile));
}

function compileAdmission(pool: string, options: AdmissionOptions, context: CompileContext): Admission {
  const { slots, thread, log } = context;
  return new Admission(options, {
    slots,
    thread,
    onTurn: (to, why) => {
      if (to === 'open') log.warn('circuit breaker is open: the pool is not asked', { pool, why });
      else log.info(`circuit breaker is ${to === 'closed' ? 'closed' : 'half open'}`, { pool, why });
    },
  });
}

/** The key of a server holds all that decides how a connection is made: when any of it changes, old connections are not used again. */
function connectionKeys(pool: PoolSnapshot): (server: ServerOptions) => string {
  const { protocol, upstreamTls, proxyProtocol, connectTimeoutMs, firstByteTimeoutMs, keepalive } = pool;
  const how = [protocol, upstreamTls, proxyProtocol, connectTimeoutMs, firstByteTimeoutMs, keepalive];
  const ofPool = JSON.stringify(how);
  return (server) =>
    `${pool.name}\n${server.id}\n${server.address}\n${server.generation} ${server.foundAs} ${ofPool}`;
}
