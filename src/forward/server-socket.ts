import { connect as connectTcp, type NetConnectOpts, type OnReadOpts, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';

/** Where a server is and how it is spoken to. */
export interface ConnectTarget {
  readonly host: string;
  readonly port: number;
  /** Unix socket path; '' for TCP. */
  readonly path: string;
  /** null = plain. */
  readonly tls: TlsToServer | null;
  /** Sent before anything else, TLS included: a PROXY header as latin1 text. Absent = nothing. */
  readonly proxyHeader?: string;
}

/** TLS to one server, as tls/ compiles it: options for each connection, and the session to resume. */
export interface TlsToServer {
  connectOptions(): ConnectionOptions;
  follow(socket: TLSSocket): void;
}

/** Idle time after which the system asks whether the other side still lives. */
export const TCP_KEEPALIVE_MS = 30_000;

/**
 * Starts connecting; the socket reads into the given buffer. A server that ends its direction has not ended ours: in a
 * tunnel the client may still have things to say, and outside of one the connection is destroyed at that.
 */
export function openSocket(target: ConnectTarget, onread: OnReadOpts): Socket {
  const where = target.path === '' ? { host: target.host, port: target.port } : { path: target.path };
  const { proxyHeader = '' } = target;
  const socket =
    target.tls === null
      ? connectTcp({ ...where, onread, allowHalfOpen: true })
      : secured(target.tls, where, proxyHeader, onread);
  if (target.tls === null && proxyHeader !== '') socket.write(proxyHeader, 'latin1');
  socket.setNoDelay(true);
  socket.setKeepAlive(true, TCP_KEEPALIVE_MS);
  return socket;
}

function secured(tls: TlsToServer, where: NetConnectOpts, proxyHeader: string, onread: OnReadOpts): Socket {
  const underneath = proxyHeader === '' ? null : connectTcp({ ...where, allowHalfOpen: true });
  underneath?.write(proxyHeader, 'latin1');
  // `onread` and `allowHalfOpen` work for tls.connect as they do for net.connect, which its types do not know.
  const options: ConnectionOptions & { onread: OnReadOpts; allowHalfOpen: boolean } = {
    ...tls.connectOptions(),
    ...(underneath === null ? where : { socket: underneath }),
    onread,
    allowHalfOpen: true,
  };
  const socket = connectTls(options);
  tls.follow(socket);
  if (underneath === null) return socket;
  // TLS hears of the end of what is under it, but not why.
  underneath.on('error', (error) => socket.destroy(error));
  // Node gives no buffer of ours to TLS over a socket that was there before.
  socket.on('data', (chunk: Buffer) => {
    for (let at = 0; at < chunk.length; ) {
      const buffer = typeof onread.buffer === 'function' ? onread.buffer() : onread.buffer;
      const end = Math.min(chunk.length, at + buffer.length);
      buffer.set(chunk.subarray(at, end));
      onread.callback(end - at, buffer);
      at = end;
    }
  });
  return socket;
}
