import { Tunnel } from '../forward/index.ts';
import type { ResponseHead, TunnelEnd } from '../http/index.ts';
import { withCookie } from './answers.ts';
import type { Exchange } from './exchange.ts';

/**
 * Passes a server's 101 on and joins the two ends, which flow once the tunnel is opened.
 * @param cookie what binds the client to its server, or null
 * @param onClosed both ends are gone; what went through is counted by then
 */
export function makeTunnel(
  exchange: Exchange,
  head: ResponseHead,
  server: TunnelEnd,
  cookie: string | null,
  onClosed: () => void,
): Tunnel {
  const { stream, deps, listener } = exchange;
  exchange.status = stream.switchStatus;
  const upgrade = `Connection: Upgrade\r\nUpgrade: ${stream.head.upgrade}\r\n`;
  const client = stream.switchProtocols(head.phrase, withCookie(`${upgrade}${head.fields.forward}`, cookie));
  const tunnel = new Tunnel(client, server, listener.tunnelIdleTimeoutMs, deps, () => {
    stream.bytesIn += tunnel.bytesFromClient;
    stream.bytesOut += tunnel.bytesToClient;
    onClosed();
  });
  return tunnel;
}
