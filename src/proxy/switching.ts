import { Tunnel } from '../forward/index.ts';
import type { ResponseHead, TunnelEnd } from '../http/index.ts';
import type { Lease } from '../pool/index.ts';
import { fieldsForClient } from './answer-text.ts';
import { withCookie } from './answers.ts';
import type { Choice } from './choice.ts';
import type { Exchange } from './exchange.ts';

/**
 * Passes a server's 101 on and joins the two ends, which flow once the tunnel is opened. When both ends are gone, what went
 * through is counted and the exchange is over.
 * @param startMs of the attempt
 */
export function makeTunnel(
  exchange: Exchange,
  choice: Choice,
  head: ResponseHead,
  server: TunnelEnd,
  startMs: number,
): Tunnel {
  const { stream, deps, listener } = exchange;
  const lease = choice.lease as Lease;
  const nowMs = deps.clock.nowMs();
  exchange.upstreamMs = nowMs - startMs;
  lease.answered(101, exchange.upstreamMs);
  exchange.ticket?.answered(101, nowMs);
  exchange.status = stream.switchStatus;
  const changed = fieldsForClient(exchange, head.fields.forward, lease.server, choice.pool.host);
  const fields = withCookie(changed, lease.setCookie);
  const upgrade = `Connection: Upgrade\r\nUpgrade: ${stream.head.upgrade}\r\n`;
  const client = stream.switchProtocols(head.phrase, `${upgrade}${fields}`);
  const tunnel = new Tunnel(client, server, listener.tunnelIdleTimeoutMs, deps, () => {
    stream.bytesIn += tunnel.bytesFromClient;
    stream.bytesOut += tunnel.bytesToClient;
    choice.release('ok');
    exchange.finish('ok');
  });
  return tunnel;
}
