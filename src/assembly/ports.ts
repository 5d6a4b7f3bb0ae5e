import { createServer } from 'node:net';
import { errorCode, errorText, SluiceError } from '../kernel/errors.ts';

/**
 * Binds an address once without SO_REUSEPORT and lets it go again: a port that another program holds is an error
 * now, instead of traffic shared with it, and port 0 becomes a number that all data threads can bind.
 *
 * @param host undefined = all addresses
 * @returns the port
 * @throws SluiceError `port_taken`, `listen_failed`
 */
export function claimPort(name: string, host: string | undefined, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => reject(listenError(name, port, error)));
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
      const address = server.address();
      const bound = typeof address === 'object' && address !== null ? address.port : port;
      server.close(() => resolve(bound));
    });
  });
}

function listenError(name: string, port: number, error: Error): SluiceError {
  switch (errorCode(error)) {
    case 'EADDRINUSE':
      return new SluiceError('port_taken', `${name}: port ${port} is taken by another program`, {
        hint: `Choose another port, or find who holds it: ss -ltnp 'sport = :${port}'`,
        cause: error,
      });
    case 'EACCES':
      return new SluiceError('port_forbidden', `${name}: not allowed to listen on port ${port}`, {
        hint: 'Ports below 1024 need root, CAP_NET_BIND_SERVICE, or net.ipv4.ip_unprivileged_port_start lowered.',
        cause: error,
      });
    default:
      return new SluiceError('listen_failed', `${name}: cannot listen on port ${port}: ${errorText(error)}`, {
        cause: error,
      });
  }
}
