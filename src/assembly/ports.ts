import { lstatSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { dirname } from 'node:path';
import type { ListenerConfig } from '../config/index.ts';
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

/**
 * Looks whether a Unix socket can be put at this path. What is left of a daemon that was killed is no obstacle: nobody
 * listens there. A socket that somebody listens on, and any other file, is left alone.
 * @throws SluiceError `socket_taken`, `listen_failed`
 */
export async function claimSocket(name: string, path: string): Promise<void> {
  const file = lstatSync(path, { throwIfNoEntry: false });
  if (file === undefined) {
    if (lstatSync(dirname(path), { throwIfNoEntry: false })) return;
    throw new SluiceError('listen_failed', `${name}: the folder ${dirname(path)} does not exist`, {
      hint: 'Make it, writable for the user that Sluice runs as; systemd makes one below /run by RuntimeDirectory=.',
    });
  }
  if (!file.isSocket())
    throw new SluiceError('socket_taken', `${name}: ${path} is a file already, and not a socket`, {
      hint: 'Choose another path, or remove the file yourself if nobody needs it.',
    });
  const answer = await knock(path);
  // ECONNREFUSED: nobody listens. ENOENT: whoever did has just gone.
  if (answer === 'ECONNREFUSED' || answer === 'ENOENT') return;
  throw new SluiceError(
    'socket_taken',
    answer === ''
      ? `${name}: another program listens on ${path}`
      : `${name}: cannot tell whether somebody listens on ${path}: ${answer}`,
    { hint: `Choose another path, or find who holds it: ss -lxp 'src = ${path}'` },
  );
}

/** @returns '' when somebody answers, else the error's code */
function knock(path: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => resolve(''));
    socket.once('error', (error) => resolve(errorCode(error) || errorText(error)));
    socket.once('connect', () => socket.destroy());
  });
}

/** The number of the group that a listener's socket is to have; null = that of the process. @throws SluiceError `no_group` */
export function groupId({ name, socket }: ListenerConfig): number | null {
  const group = socket?.group;
  if (group === undefined) return null;
  if (/^\d+$/.test(group)) return Number(group);
  const lines = readFileSync('/etc/group', 'utf8').split('\n');
  const found = lines.map((line) => line.split(':')).find(([known]) => known === group);
  if (found?.[2] !== undefined) return Number(found[2]);
  throw new SluiceError('no_group', `listener "${name}": there is no group "${group}" in /etc/group`, {
    hint: 'Write the name of a group, or its number.',
  });
}
