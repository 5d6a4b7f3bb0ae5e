/** How the accepted sockets of a listener become HTTP: by our own codec, or by Node's server. */
import type { Socket } from 'node:net';
import { Http1Connection, type WireDeps } from '../http/index.ts';
import type { ClientInfo } from '../kernel/client-info.ts';
import type { OpenConnection } from '../listen/index.ts';
import type { ListenerSnapshot } from './snapshot.ts';

export type WireOpener = (
  socket: Socket,
  client: ClientInfo,
  onClose: (connection: OpenConnection) => void,
) => OpenConnection;

/** The wire of connections that a listener accepts from now on; the open ones keep theirs. */
export async function wireOf(
  { engine, limits }: Pick<ListenerSnapshot, 'engine' | 'limits'>,
  deps: WireDeps,
): Promise<WireOpener> {
  switch (engine) {
    case 'raw':
      return (socket, client, onClose) => new Http1Connection(socket, client, limits, deps, onClose);
    case 'node': {
      // Loaded where a listener asks for it: the others do not pay for Node's server.
      const { NodeEngine } = await import('../http-node/index.ts');
      const node = new NodeEngine(limits, deps);
      return (socket, client, onClose) => node.open(socket, client, onClose);
    }
    default:
      return engine satisfies never;
  }
}
