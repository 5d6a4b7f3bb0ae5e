import { connect, type Socket } from 'node:net';
import { unixPathOf } from '../../kernel/address.ts';
import type { HealthTarget } from './options.ts';

/**
 * Opens the connection of a check; what it begins with stands before everything else.
 * @param port of the check's own; undefined = the one that serves requests
 */
export function openProbe(target: HealthTarget, port: number | undefined): Socket {
  const path = unixPathOf(target.host);
  const socket = connect(path === undefined ? { host: target.host, port: port ?? target.port } : { path });
  // Another port is another service, which may know nothing of such headers.
  if (target.proxyHeader !== undefined && port === undefined) socket.write(target.proxyHeader, 'latin1');
  return socket;
}
