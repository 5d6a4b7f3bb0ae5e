import { Tunnel } from '../forward/index.ts';
import type { TunnelEnd } from '../http/index.ts';
import type { Exchange } from './exchange.ts';

/**
 * Passes a server's 101 on and joins the two ends, which flow once the tunnel is opened.
 * @param fields of the 101, without those of the switch
 * @param onClosed both ends are gone; what went through is counted by then
 */
export function makeTunnel(
  exchange: Exchange,
  phrase: string,
  fields: string,
  server: TunnelEnd,
  onClosed: () => void,
): Tunnel {
  const { stream, deps, listener } = exchange;
  exchange.status = stream.switchStatus;
  const upgrade = `Connection: Upgrade\r\nUpgrade: ${stream.head.upgrade}\r\n`;
  const client = stream.switchProtocols(phrase, `${upgrade}${fields}`);
  const tunnel = new Tunnel(client, server, listener.tunnelIdleTimeoutMs, deps, () => {
    stream.bytesIn += tunnel.bytesFromClient;
    stream.bytesOut += tunnel.bytesToClient;
    onClosed();
  });
  return tunnel;
}
