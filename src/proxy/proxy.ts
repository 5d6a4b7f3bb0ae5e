/**
 * What happens to a request, phase by phase, in this order. A phase either lets the exchange pass (true) or has
 * answered it (false). How a request is read is http/'s affair, how it reaches a server forwarding.ts'.
 */
import type { Admission } from '../admit/index.ts';
import { type ClientStream, HttpFault, type RequestHandler } from '../http/index.ts';
import type { ClientInfo } from '../kernel/client-info.ts';
import { normalizePath, type RedirectOptions, redirectLocation } from '../route/index.ts';
import { errorAnswer, type OwnAnswer, plainAnswer } from './answers.ts';
import { BodyBuffer, wantsBodyFirst } from './body-buffer.ts';
import { Exchange } from './exchange.ts';
import { HeadFacts } from './facts.ts';
import { Forwarding } from './forwarding.ts';
import { passGates } from './gate.ts';
import { hashKeyOf } from './hash-key.ts';
import { passesLimits } from './limits.ts';
import type { ListenerPlane, PoolPlane, ProxyDeps, RoutePlane } from './plane.ts';
import type { PoolSplit } from './split.ts';
import type { StaticAnswer } from './static-answer.ts';

export class RequestPhases implements RequestHandler {
  readonly #deps: ProxyDeps;

  constructor(deps: ProxyDeps) {
    this.#deps = deps;
  }

  /** One exchange from its head to whoever answers it. */
  onRequest(stream: ClientStream): void {
    const plane = this.#deps.planeFor(stream.client);
    const listener = plane.listeners.get(stream.client.listener) as ListenerPlane;
    // Who asks: the client's address through trusted proxies, and a name for this exchange.
    const exchange = new Exchange(stream, plane, listener, this.#deps);
    try {
      runPhases(exchange);
    } catch (error) {
      // A fault of ours costs this exchange, not the thread and all the others in it.
      this.#deps.log.error('a request made a phase throw', { request_id: exchange.requestId, error });
      exchange.onBodyFault(new HttpFault('internal', ''));
    }
  }

  /** A request that could not be read: counted and logged like any other. */
  onFault(fault: HttpFault, client: ClientInfo): OwnAnswer {
    const deps = this.#deps;
    const listener = deps.planeFor(client).listeners.get(client.listener);
    const requestId = deps.ids.next();
    const answer = errorAnswer(fault.reason, fault.detail, requestId, false);
    listener?.noRoute.countRequest(fault.reason, answer.head.status, 0, 0, 0);
    listener?.cells.countRequest();
    if (deps.accessLog) {
      Object.assign(deps.record, NO_REQUEST, {
        wallMs: deps.clock.wallMs(),
        requestId,
        clientIp: client.peerAddress,
        listener: client.listener,
        status: answer.head.status,
        reason: fault.reason,
        tls: client.tlsVersion,
      });
      deps.accessLog.write(deps.record);
    }
    return answer;
  }
}

function runPhases(exchange: Exchange): void {
  // A listener that only redirects looks at nothing else.
  if (!passesRedirect(exchange)) return;
  // The listener's limits come before any work a stranger could cause.
  if (!passesLimits(exchange, exchange.listener.limits)) return;
  // First route that matches, in file order, on the normalised host and path.
  if (!findsRoute(exchange)) return;
  const route = exchange.route as RoutePlane;
  // What browsers have to hear with any answer, refusals among them.
  if (route.cors !== null) exchange.answerLines += route.cors.linesFor(exchange.stream.head.fields.text);
  // The route's access list and limits.
  if (!passesRouteAccess(exchange, route)) return;
  if (!passesLimits(exchange, route.limits)) return;
  // What else the route asks, which may take a while; then its one action: a pool picks a server, tries, tries again.
  if (route.gates.length === 0) act(exchange, route);
  else passGates(exchange, route.gates, () => act(exchange, route));
}

const NO_REQUEST = {
  method: '',
  host: '',
  target: '',
  protocol: '',
  route: '',
  pool: '',
  server: '',
  durationMs: 0,
  upstreamMs: -1,
  attempts: 0,
  bytesIn: 0,
  bytesOut: 0,
  user: '',
  tenant: '',
  userAgent: '',
  grpcStatus: -1,
};

function passesRedirect(exchange: Exchange): boolean {
  const { redirectPort } = exchange.listener;
  if (redirectPort === null) return true;
  redirect(exchange, { to: 'https', status: 308, httpsPort: redirectPort });
  return false;
}

function redirect(exchange: Exchange, options: RedirectOptions): void {
  const { stream, path, route } = exchange;
  const { authority: host, target } = stream.head;
  const location = redirectLocation(options, { host, target, path }, route?.redirectPaths);
  if (location === undefined) exchange.refuse('bad_request', 'a redirect needs a Host field');
  else
    exchange.answer(
      withRouteFields(exchange, plainAnswer(options.status, 'text/plain', '', `Location: ${location}\r\n`)),
      'redirect',
    );
}

function findsRoute(exchange: Exchange): boolean {
  const { target } = exchange.stream.head;
  const query = target.indexOf('?');
  const path = normalizePath(query < 0 ? target : target.slice(0, query));
  if (typeof path !== 'string') {
    exchange.refuse('bad_request', path.detail);
    return false;
  }
  exchange.path = path;
  const { routes } = exchange.plane;
  const facts = routes.hasConditions
    ? new HeadFacts(exchange.stream.head, path, exchange.asker.address)
    : undefined;
  const match = routes.match(exchange.listener.name, exchange.asker.routeHost, path, facts);
  if (match === undefined) {
    exchange.refuse('no_route', '');
    return false;
  }
  exchange.route = match.route;
  return true;
}

function passesRouteAccess(exchange: Exchange, route: RoutePlane): boolean {
  if (route.filter === null || route.filter.decide(exchange.asker.address) === 'allowed') return true;
  exchange.refuse('forbidden', '');
  return false;
}

function withRouteFields<Body extends string | Buffer>(
  exchange: Exchange,
  answer: OwnAnswer<Body>,
): OwnAnswer<Body> {
  const responseFields = exchange.route?.responseFields ?? null;
  if (responseFields === null) return answer;
  const fields = responseFields.apply(answer.head.fields, (it) => exchange.look(it));
  return { ...answer, head: { ...answer.head, fields } };
}

function respond(exchange: Exchange, { compression, cells }: RoutePlane, own: StaticAnswer): void {
  const plain = withRouteFields(exchange, own.plain);
  if (compression === null) {
    exchange.answer(plain, 'respond');
    return;
  }
  const { method, fields } = exchange.stream.head;
  const answer = own.coded(plain, compression, fields.text);
  if (answer.body !== plain.body && method !== 'HEAD')
    cells.countCompressed(plain.body.length, answer.body.length);
  exchange.answer(answer, 'respond');
}

/** Whether the pool is asked at all. */
function isAdmitted(exchange: Exchange, { pool }: PoolPlane, admission: Admission): boolean {
  const entry = admission.enter(exchange.deps.clock.nowMs());
  if (entry.kind === 'ticket') {
    exchange.ticket = entry;
    return true;
  }
  exchange.poolName = pool.name;
  const seconds = Math.max(1, Math.ceil(entry.retryMs / 1000));
  exchange.refuse(entry.reason, '', `Retry-After: ${seconds}\r\n`);
  return false;
}

function act(exchange: Exchange, route: RoutePlane): void {
  const { action } = route;
  switch (action.kind) {
    case 'redirect':
      redirect(exchange, action);
      return;
    case 'respond':
      respond(exchange, route, route.answer as StaticAnswer);
      return;
    case 'pool':
      forward(exchange, route, action.pool);
      return;
    case 'split':
      forward(
        exchange,
        route,
        (route.split as PoolSplit).poolOf(
          hashKeyOf(action.key, exchange.stream.head, exchange.asker.keyHash),
        ),
      );
      return;
    default:
      action satisfies never;
  }
}

function forward(exchange: Exchange, route: RoutePlane, name: string): void {
  const pool = exchange.plane.pools.get(name);
  if (pool === undefined) exchange.refuse('no_server', `there is no pool ${name}`);
  else if (route.bodyBufferBytes > 0 && wantsBodyFirst(exchange))
    new BodyBuffer(exchange, route.bodyBufferBytes, route.timeoutMs, () =>
      forward(exchange, route, name),
    ).start();
  else if (pool.isHttp2 && !fitsHttp2(exchange)) return;
  else if (pool.admission === null || isAdmitted(exchange, pool, pool.admission)) {
    const forwarding = new Forwarding(exchange, pool, route.timeoutMs);
    if (route.mirror !== null) route.mirror.begin(exchange);
    forwarding.start();
  }
}

/** Refuses what means a connection of HTTP/1.1, which is not what such a request would get. */
function fitsHttp2(exchange: Exchange): boolean {
  const { head } = exchange.stream;
  if (head.upgrade === '' && !head.fields.bindsConnection) return true;
  const what = head.upgrade === '' ? 'a login of the connection (NTLM, Negotiate)' : 'a WebSocket';
  exchange.refuse('not_implemented', `${what} cannot be passed on: the servers are spoken to over HTTP/2`);
  return false;
}
