/**
 * What would become of a request, and why: the phases of proxy.ts walked with words instead of bytes, over the same
 * compiled routes, the same normal forms and the same address filters, so that the answer is that of the data path.
 * Pure; it needs only the file. What only a running daemon knows (who is healthy, how full a limit is) is not in it.
 */
import type {
  ConcurrencyConfig,
  ListenerConfig,
  MeterConfig,
  PoolConfig,
  RateLimitConfig,
  ResolvedConfig,
  RespondAction,
  RouteConfig,
  Source,
  TenantConfig,
} from '../config/index.ts';
import { formatHostPort } from '../kernel/address.ts';
import { PRIORITIES, type Priority } from '../kernel/priority.ts';
import { REASONS, type Reason } from '../kernel/reason.ts';
import { clientHash32, clientKeyOf, IpFilter, parseAddress } from '../limit/index.ts';
import { askedRank, hashKeyOf, PoolSplit, rewriteTarget } from '../proxy/index.ts';
import {
  compileRoutes,
  normalizeHost,
  normalizePath,
  parsePathPattern,
  type RedirectOptions,
  type RequestFacts,
  type RouteStep,
  redirectLocation,
} from '../route/index.ts';
import { actionOf, conditionsOf } from './build-snapshot.ts';
import { asksOf, mayBe, type RouteAsk } from './explain-access.ts';
import { type RouteRule, rulesOf } from './explain-rules.ts';

/** A request as it would be sent. */
export interface AskedRequest {
  readonly method: string;
  readonly scheme: 'http' | 'https';
  /** The port that it is sent to. */
  readonly port: number;
  /** The Host field. */
  readonly authority: string;
  /** Path and query. */
  readonly target: string;
  readonly clientIp: string;
  /** Fields, names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The listener to send it to; undefined = the one that scheme and port say. */
  readonly listener?: string | undefined;
}

export interface Explanation {
  readonly host: string;
  /** The normal form that routes are matched with; undefined when the path is refused. */
  readonly path: string | undefined;
  readonly listener: Found<ListenerConfig> | undefined;
  /** Every route up to the one that takes the request. */
  readonly routes: readonly ExplainedRoute[];
  /** What else the route asks of who sends the request, in words. */
  readonly asks: readonly RouteAsk[];
  readonly limits: readonly AppliedLimit[];
  /** What else the route does with it. */
  readonly rules: readonly RouteRule[];
  readonly outcome: Outcome;
}

export interface Found<T> {
  readonly what: T;
  readonly why: string;
}

export interface ExplainedRoute extends RouteStep {
  readonly source: Source;
}

/** A limit that the request counts against. */
export interface AppliedLimit {
  readonly of: 'listener' | 'route' | 'tenant';
  readonly name: string;
  readonly limit: RateLimitConfig | ConcurrencyConfig | MeterConfig;
  readonly source: Source;
}

export type Outcome =
  | {
      readonly type: 'pool';
      readonly pool: PoolConfig;
      readonly servers: readonly Candidate[];
      /** What a server is asked for. */
      readonly target: string;
      /** Of a split: all its sides, and what decides between them. */
      readonly split: SplitAction | undefined;
      /** How it waits, should all servers be full. */
      readonly priority: Priority;
    }
  | { readonly type: 'redirect'; readonly status: number; readonly location: string }
  | RespondAction
  | {
      readonly type: 'refused';
      readonly status: number;
      readonly reason: Reason;
      readonly detail: string;
      readonly hint: string;
    }
  /** Nothing listens for such a request. */
  | { readonly type: 'unreachable'; readonly detail: string };

type SplitAction = Extract<RouteConfig['action'], { type: 'split' }>;

export interface Candidate {
  readonly id: string;
  readonly address: string;
  readonly weight: number;
  /** Share of the requests while all are healthy, 0–1. */
  readonly shareFraction: number;
  /** Why it gets none: `backup`, `weight 0`, `maintenance`; '' when it gets some. */
  readonly why: string;
  readonly source: Source;
}

const NEVER_FORWARDED: ReadonlySet<string> = new Set(['CONNECT', 'TRACE']);
const HTTPS_STATUS = 308;

export function explainRequest(config: ResolvedConfig, request: AskedRequest): Explanation {
  const host = normalizeHost(request.authority);
  const query = request.target.indexOf('?');
  const path = normalizePath(query < 0 ? request.target : request.target.slice(0, query));
  const known = { host, path: typeof path === 'string' ? path : undefined };
  const ended = (outcome: Outcome, rest: Partial<Explanation> = {}): Explanation => ({
    ...known,
    listener: undefined,
    routes: [],
    asks: [],
    limits: [],
    rules: [],
    ...rest,
    outcome,
  });

  const found = findListener(config, request);
  if (typeof found === 'string') return ended({ type: 'unreachable', detail: found });
  const { what: listener } = found;
  const client = parseAddress(request.clientIp);
  if (new IpFilter(listener.ipAllow, listener.ipDeny).decide(client) !== 'allowed')
    return ended(
      {
        type: 'unreachable',
        detail: `listener "${listener.name}" closes connections from ${request.clientIp}: ip_deny, ip_allow`,
      },
      { listener: found },
    );
  if (NEVER_FORWARDED.has(request.method))
    return ended(refused('method_refused', request.method), { listener: found });
  if (listener.redirectTo !== undefined)
    return ended(toHttps(config, listener, request), { listener: found });
  const limits: AppliedLimit[] = limitsOf('listener', listener);
  if (typeof path !== 'string')
    return ended(refused('bad_request', path.detail), { listener: found, limits });

  const routes = explainRoutes(config, listener.name, host, path, factsOf(request, path));
  const last = routes.at(-1);
  const route = last?.outcome === 'matched' ? config.routes[last.index] : undefined;
  if (route === undefined) return ended(refused('no_route', ''), { listener: found, limits, routes });
  const soFar = { listener: found, routes };
  if (new IpFilter(route.ipAllow, route.ipDeny).decide(client) !== 'allowed')
    return ended(refused('forbidden', `client ${request.clientIp}`), { ...soFar, limits });
  if (isClosedFor(route, client)) return ended(refused('maintenance', ''), { ...soFar, limits });
  return ended(outcomeOf(config, route, request, path), {
    ...soFar,
    asks: asksOf(config, route),
    limits: [...limits, ...limitsOf('route', route), ...tenantLimits(config, route)],
    rules: rulesOf(route, linesOf(request.headers)),
  });
}

function isClosedFor({ maintenance }: RouteConfig, client: ReturnType<typeof parseAddress>): boolean {
  if (maintenance === undefined) return false;
  const { allow } = maintenance;
  return allow.length === 0 || new IpFilter(allow, []).decide(client) !== 'allowed';
}

function refused(reason: Reason, detail: string): Outcome {
  const { status, hint } = REASONS[reason];
  return { type: 'refused', status, reason, detail, hint };
}

/** Of every tenant that the request could turn out to be of. */
function tenantLimits({ tenants }: ResolvedConfig, { name, auth }: RouteConfig): AppliedLimit[] {
  const asking = tenants.filter((tenant) => mayBe(tenant, name, auth));
  return asking.flatMap((tenant) => limitsOf('tenant', tenant));
}

function limitsOf(of: AppliedLimit['of'], part: ListenerConfig | RouteConfig | TenantConfig): AppliedLimit[] {
  const { name, concurrency, rateLimits, source } = part;
  const meter = 'meter' in part && part.meter !== undefined ? [part.meter] : [];
  return [...meter, ...concurrency, ...rateLimits].map((limit) => ({ of, name, limit, source }));
}

/** The listener that such a request reaches, or why there is none. */
function findListener(config: ResolvedConfig, request: AskedRequest): Found<ListenerConfig> | string {
  const { scheme, port } = request;
  const all = config.listeners
    .map((it) => `${it.name} (${schemeOf(it)} on ${it.socket ? it.address : `port ${it.port}`})`)
    .join(', ');
  if (request.listener !== undefined) {
    const named = config.listeners.find((it) => it.name === request.listener);
    return named
      ? { what: named, why: 'as named' }
      : `there is no listener "${request.listener}"; there are: ${all}`;
  }
  // A Unix socket is reached by its path, which no URL has: only by name.
  const fitting = config.listeners.filter((it) => schemeOf(it) === scheme && !it.socket);
  const exact = fitting.find((it) => it.port === port);
  if (exact) return { what: exact, why: `${scheme} on port ${port}` };
  const [only, another] = fitting;
  if (only !== undefined && another === undefined && isDefaultPort(scheme, port))
    return { what: only, why: `the only one that speaks ${scheme}, on port ${only.port}` };
  return `no listener takes ${scheme} on port ${port}; there are: ${all}`;
}

function schemeOf(listener: ListenerConfig): 'http' | 'https' {
  return listener.tls === undefined ? 'http' : 'https';
}

function isDefaultPort(scheme: 'http' | 'https', port: number): boolean {
  return port === (scheme === 'https' ? 443 : 80);
}

function toHttps(config: ResolvedConfig, listener: ListenerConfig, request: AskedRequest): Outcome {
  const secure = config.listeners.find((it) => it.name === listener.redirectTo);
  return redirect({ to: 'https', status: HTTPS_STATUS }, secure, request);
}

function redirect(
  options: RedirectOptions,
  secure: ListenerConfig | undefined,
  request: AskedRequest,
  { path = '', paths = [] }: { readonly path?: string; readonly paths?: readonly string[] } = {},
): Outcome {
  const location = redirectLocation(
    { ...options, httpsPort: secure?.port ?? 443 },
    { host: request.authority, target: request.target, path },
    paths.map(parsePathPattern),
  );
  if (location === undefined) return refused('bad_request', 'a redirect needs a Host field');
  return { type: 'redirect', status: options.status, location };
}

function factsOf({ method, target, headers, clientIp }: AskedRequest, path: string): RequestFacts {
  const mark = target.indexOf('?');
  const query = new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1));
  return {
    method,
    path,
    client: parseAddress(clientIp),
    headers: (name) => headers.filter(([it]) => it === name).map(([, value]) => value),
    queries: (name) => query.getAll(name),
  };
}

function explainRoutes(
  config: ResolvedConfig,
  listener: string,
  host: string,
  path: string,
  facts: RequestFacts,
): ExplainedRoute[] {
  const table = compileRoutes(
    config.routes.map((route) => ({
      name: route.name,
      listeners: route.listeners,
      hosts: route.match.hosts,
      paths: route.match.paths,
      conditions: conditionsOf(route),
      action: actionOf(route),
    })),
  );
  return table.explain(listener, host, path, facts).map((step) => ({
    ...step,
    source: config.routes[step.index]?.source ?? { file: config.file, line: 0 },
  }));
}

function outcomeOf(config: ResolvedConfig, route: RouteConfig, request: AskedRequest, path: string): Outcome {
  const { action } = route;
  switch (action.type) {
    case 'pool':
      return toPool(config, route, request, path, action.pool);
    case 'split': {
      const side = new PoolSplit(action.shares).poolOf(splitKeyOf(action, request));
      const outcome = toPool(config, route, request, path, side);
      return outcome.type === 'pool' ? { ...outcome, split: action } : outcome;
    }
    case 'redirect':
      return redirect(
        action,
        config.listeners.find((it) => it.tls !== undefined),
        request,
        { path, paths: route.match.paths },
      );
    case 'respond':
      return action;
    default:
      return action satisfies never;
  }
}

function toPool(
  config: ResolvedConfig,
  route: RouteConfig,
  request: AskedRequest,
  path: string,
  name: string,
): Outcome {
  const pool = config.pools.find((it) => it.name === name);
  if (!pool) return refused('no_server', `there is no pool ${name}`);
  const { rewrite } = route;
  const target = rewrite ? rewriteTarget(rewrite, path, request.target) : request.target;
  const priority = priorityOf(route, pool, request);
  return { type: 'pool', pool, servers: candidates(pool), target, split: undefined, priority };
}

function priorityOf({ priority }: RouteConfig, { queue }: PoolConfig, { headers }: AskedRequest): Priority {
  if (queue.priorityField === undefined) return priority;
  return (
    PRIORITIES[askedRank(queue.priorityField, linesOf(headers), PRIORITIES.indexOf(priority))] ?? priority
  );
}

function linesOf(headers: AskedRequest['headers']): string {
  return headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
}

function splitKeyOf({ key }: SplitAction, { target, headers, clientIp }: AskedRequest): number {
  const cookies = headers.filter(([name]) => name === 'cookie').map(([, value]) => value);
  const clientHash = clientHash32(clientKeyOf(parseAddress(clientIp)));
  return hashKeyOf(
    key,
    { target, fields: { text: linesOf(headers), cookie: cookies.join('; ') } },
    clientHash,
  );
}

function candidates(pool: PoolConfig): Candidate[] {
  const hasPrimary = pool.servers.some((it) => !it.backup);
  const why = (server: PoolConfig['servers'][number]): string => {
    if (server.maintenance) return 'maintenance';
    if (server.backup && hasPrimary) return 'backup';
    return server.weight === 0 ? 'weight 0' : '';
  };
  const total = pool.servers.reduce((sum, it) => sum + (why(it) === '' ? it.weight : 0), 0);
  const named = pool.discovery.map((spec) => ({
    id: spec.kind === 'srv' ? `srv ${spec.name}` : `dns ${spec.name}:${spec.port}`,
    address: spec.name,
    weight: spec.weight,
    shareFraction: 0,
    why: FOUND_LATER,
    source: spec.source,
  }));
  const listed = pool.servers.map((server) => ({
    id: server.id,
    address: formatHostPort(server),
    weight: server.weight,
    shareFraction: why(server) === '' && total > 0 ? server.weight / total : 0,
    why: why(server),
    source: server.source,
  }));
  return [...listed, ...named];
}

/** Of a name: this command asks no resolver. */
export const FOUND_LATER = 'found in DNS by the daemon';
