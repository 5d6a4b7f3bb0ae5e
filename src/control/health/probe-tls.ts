import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { publicHost } from '../../kernel/address.ts';
import type { HealthTarget } from './options.ts';

/** @param asked the server name that the check's own Host field stands for */
export function probeTls(
  target: HealthTarget,
  asked: string | undefined,
  alpn: 'http/1.1' | 'h2',
): ConnectionOptions {
  const tls = target.tls;
  const host = publicHost(target.host);
  const serverName = asked || (tls?.serverName ?? (isIP(host) === 0 ? host : undefined));
  return {
    // What is verified where no name is sent: an IP address.
    host,
    ALPNProtocols: [alpn],
    ...(tls?.ca === undefined ? {} : { ca: tls.ca }),
    ...(serverName === undefined ? {} : { servername: serverName }),
    rejectUnauthorized: tls?.verify ?? true,
  };
}
