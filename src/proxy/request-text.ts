import type { ServerRequest } from '../forward/index.ts';
import { formatHostPort, isUnix, publicHost } from '../kernel/address.ts';
import { flat } from '../kernel/flat.ts';
import { proxyHeader } from '../kernel/proxy-header.ts';
import type { PoolServer } from '../pool/index.ts';
import type { Asker, Exchange } from './exchange.ts';
import { clearedLines } from './field-rules.ts';
import type { HostRule, PoolPlane, RoutePlane } from './plane.ts';
import { rewriteAnswer, rewriteTarget } from './rewrite.ts';

/** RFC 9110 section 7.6.3, by what the client spoke. */
const VIA: Readonly<Record<string, string>> = {
  'HTTP/1.0': 'Via: 1.0 sluice\r\n',
  'HTTP/1.1': 'Via: 1.1 sluice\r\n',
  'HTTP/2': 'Via: 2 sluice\r\n',
};

/**
 * The head that goes to a server: the client's request line and fields, then what is ours. All but the request
 * line and the id depends on the field block only and is made once per block.
 */
export function serverRequestText(exchange: Exchange, rule: HostRule, server: PoolServer): string {
  const { stream, memo, asker, route, requestChanges } = exchange;
  const { head } = stream;
  if (route !== null && (route.rewrite !== null || route.requestFields !== null || requestChanges !== null))
    return changedRequestText(exchange, route, hostFor(rule, asker, server));
  let fields = memo.serverFields;
  // Upgrade and Via depend on more than the block; such requests are rare and made each time.
  const isSharable =
    rule.kind === 'preserve' && asker.authority !== '' && head.minor === 1 && head.fields.upgrade === '';
  if (fields === '' || !isSharable) {
    fields = `Host: ${hostFor(rule, asker, server)}\r\n${ownFields(exchange)}`;
    if (isSharable) memo.serverFields = fields;
  } else if (!memo.isRepeated) {
    // Whoever sends a block twice sends it often.
    memo.isRepeated = true;
    memo.serverFields = flat(fields);
  }
  return `${head.method} ${head.target} HTTP/1.1\r\n${fields}X-Request-Id: ${exchange.requestId}\r\n\r\n`;
}

/** What of a request's body there is to be sent. */
export interface BodySoFar {
  readonly chunks: readonly Buffer[];
  readonly isComplete: boolean;
  readonly trailers: string;
}

export function serverRequest(
  exchange: Exchange,
  rule: HostRule,
  server: PoolServer,
  { chunks, isComplete, trailers }: BodySoFar,
): ServerRequest {
  const { head, takesLargePieces } = exchange.stream;
  return {
    method: head.method,
    text: serverRequestText(exchange, rule, server),
    body: chunks,
    isChunked: head.fields.isChunked,
    isComplete,
    trailers,
    wantsUpgrade: head.upgrade !== '',
    bindsConnection: head.fields.bindsConnection,
    takesLargePieces,
    silenceMs: exchange.silenceMs,
  };
}

/** Trailers of a request: what its fields may not say they may not either, for there are servers that put both together. */
export function trailersForServer({ route, requestChanges }: Exchange, trailers: string): string {
  if (trailers === '') return '';
  const kept = requestChanges === null ? trailers : clearedLines(trailers, requestChanges.cleared);
  return route === null || route.requestFields === null ? kept : route.requestFields.keep(kept);
}

/** As the route wants it: another target, other fields. */
function changedRequestText(exchange: Exchange, route: RoutePlane, host: string): string {
  const { head } = exchange.stream;
  const { rewrite, requestFields } = route;
  const target = rewrite === null ? head.target : rewriteTarget(rewrite, exchange.path, head.target);
  let fields = ownFields(exchange);
  if (exchange.requestChanges !== null)
    fields = clearedLines(fields, exchange.requestChanges.cleared) + exchange.requestChanges.lines;
  if (requestFields !== null) fields = requestFields.apply(fields, (it) => exchange.look(it));
  return `${head.method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${fields}X-Request-Id: ${exchange.requestId}\r\n\r\n`;
}

/** Fields of a server's answer as the route wants them. */
export function changedAnswerFields(
  exchange: Exchange,
  lines: string,
  rule: HostRule,
  server: PoolServer,
): string {
  const { rewrite, responseFields } = exchange.route as RoutePlane;
  const names = [hostOf(server), hostFor(rule, exchange.asker, server)];
  const moved = rewrite === null ? lines : rewriteAnswer(rewrite, lines, exchange.asker.authority, names);
  return responseFields === null ? moved : responseFields.apply(moved, (it) => exchange.look(it));
}

function hostFor(rule: HostRule, asker: Asker, server: PoolServer): string {
  if (rule.kind === 'literal') return rule.value;
  return rule.kind === 'server' || asker.authority === '' ? hostOf(server) : asker.authority;
}

function hostOf({ host, port, foundAs }: PoolServer): string {
  if (foundAs !== '') return `${foundAs}:${port}`;
  return isUnix(host) ? publicHost(host) : formatHostPort({ host: publicHost(host), port });
}

function ownFields(exchange: Exchange): string {
  const { head, protocol } = exchange.stream;
  const { fields } = head;
  let text = fields.forward;
  if (fields.isChunked) text += 'Transfer-Encoding: chunked\r\n';
  else if (fields.contentLength >= 0) text += `Content-Length: ${fields.contentLength}\r\n`;
  if (head.upgrade !== '') text += `Connection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n`;
  else if (fields.takesTrailers) text += 'Connection: TE\r\nTE: trailers\r\n';
  if (fields.expect !== '' && head.minor === 1) text += 'Expect: 100-continue\r\n';
  return `${text}${exchange.asker.identity.text}${VIA[protocol] ?? ''}`;
}

/**
 * What a connection to a server of this pool begins with, '' for nothing: a PROXY header that names the client as far as it
 * can be believed. Behind a trusted proxy that is not the peer, whose port then says nothing of the client.
 */
export function introduction({ asker, stream: { client } }: Exchange, pool: PoolPlane): string {
  if (pool.proxyProtocol === null) return '';
  const { clientIp } = asker.identity;
  return proxyHeader(pool.proxyProtocol, {
    sourceAddress: clientIp,
    sourcePort: clientIp === client.peerAddress ? client.peerPort : 0,
    targetAddress: client.localAddress,
    targetPort: client.localPort,
  });
}
