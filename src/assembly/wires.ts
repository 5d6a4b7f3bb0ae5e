/**
 * How the accepted sockets of a listener become HTTP: HTTP/2 when the handshake agreed on it, or when a plain listener
 * takes it and the client begins with it; else HTTP/1.1, by our own codec or by Node's server.
 */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { Http1Connection, type WireDeps } from '../http/index.ts';
import type { Http2Meter } from '../http2/index.ts';
import type { ClientInfo } from '../kernel/client-info.ts';
import type { OpenConnection } from '../listen/index.ts';
import type { ListenerSnapshot } from './snapshot.ts';

export type WireOpener = (
  socket: Socket,
  client: ClientInfo,
  onClose: (connection: OpenConnection) => void,
) => OpenConnection;

type WireOptions = Pick<ListenerSnapshot, 'engine' | 'http2' | 'limits'>;

/** The wire of connections that a listener accepts from now on; the open ones keep theirs. */
export async function wireOf(options: WireOptions, deps: WireDeps, meter: Http2Meter): Promise<WireOpener> {
  const http1 = await http1Of(options, deps);
  return options.http2 ? withHttp2(http1, options, deps, meter) : http1;
}

async function http1Of({ engine, limits }: WireOptions, deps: WireDeps): Promise<WireOpener> {
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

async function withHttp2(
  http1: WireOpener,
  { limits }: WireOptions,
  deps: WireDeps,
  meter: Http2Meter,
): Promise<WireOpener> {
  // Loaded where a listener offers it: it takes some 30 ms, in each thread.
  const { Http2Connection, PrefaceReader } = await import('../http2/index.ts');
  const http2: WireOpener = (socket, client, onClose) =>
    new Http2Connection(socket, client, limits, deps, meter, onClose);
  return (socket, client, onClose) => {
    if (socket instanceof TLSSocket)
      return (socket.alpnProtocol === 'h2' ? http2 : http1)(socket, client, onClose);
    const dueMs = deps.clock.nowMs() + limits.headerTimeoutMs;
    const onOver = (): void => onClose(reader);
    const reader: OpenConnection = new PrefaceReader(
      socket,
      dueMs,
      deps.deadlines,
      (isHttp2) => (isHttp2 ? http2 : http1)(socket, client, onOver),
      onOver,
    );
    return reader;
  };
}
