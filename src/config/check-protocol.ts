/** Whether what is said of the servers of a pool goes together with the protocol that they are spoken to in. */
import type { Path, Problem } from './diagnostic.ts';
import type { LoosePool } from './loose.ts';

export function checkProtocol(pool: LoosePool): Problem[] {
  const { protocol, introduces, httpCheck, grpcCheck, upstreamTls, servers } = pool;
  const problems: Problem[] = [];
  const warning = (path: Path, message: string): void =>
    void problems.push({ severity: 'warning', path, at: 'value', message });
  if (protocol?.text !== 'h2' && protocol?.text !== 'h2c') {
    if (grpcCheck !== undefined)
      warning(
        grpcCheck,
        'this check speaks HTTP/2, and requests go to these servers over HTTP/1.1. Add upstream: { protocol: h2c } (h2 with TLS), or give the check a port of its own.',
      );
    return problems;
  }
  const error = (path: Path, message: string): void =>
    void problems.push({ severity: 'error', path, at: 'value', message });
  const isSecure = servers.some((each) => each.address?.toLowerCase().startsWith('https://'));
  const hasTls = isSecure || (upstreamTls !== undefined && upstreamTls !== false);
  if (protocol.text === 'h2' && !hasTls)
    error(
      protocol.path,
      'h2 is HTTP/2 over TLS, and this pool has no TLS. Add tls: true beside it, or write h2c for HTTP/2 without TLS.',
    );
  if (protocol.text === 'h2c' && hasTls)
    error(protocol.path, 'h2c is HTTP/2 without TLS, and this pool has TLS. Write h2.');
  if (introduces !== undefined && introduces.text !== 'none')
    error(
      introduces.path,
      `a PROXY header names one client, and a connection of ${protocol.text} serves many. Remove one of the two keys; servers find the client in X-Forwarded-For.`,
    );
  if (httpCheck !== undefined && protocol.text === 'h2c')
    warning(
      httpCheck,
      'this check speaks HTTP/1.1, which a server with h2c may not know. Use grpc or tcp, or give the check a port of its own.',
    );
  return problems;
}
