import { connect as connectTcp, type OnReadOpts, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';

/** Where a server is and how it is spoken to. */
export interface ConnectTarget {
  readonly host: string;
  readonly port: number;
  /** Unix socket path; '' for TCP. */
  readonly path: string;
  /** null = plain. */
  readonly tls: TlsToServer | null;
}

/** TLS to one server, as tls/ compiles it: options for each connection, and the session to resume. */
export interface TlsToServer {
  connectOptions(): ConnectionOptions;
  follow(socket: TLSSocket): void;
}

/** Idle time after which the system asks whether the other side still lives. */
const TCP_KEEPALIVE_MS = 30_000;

/**
 * Starts connecting; the socket reads into the given buffer. A server that ends its direction has not ended ours: in a
 * tunnel the client may still have things to say, and outside of one the connection is destroyed at that.
 */
export function openSocket(target: ConnectTarget, onread: OnReadOpts): Socket {
  const where = target.path === '' ? { host: target.host, port: target.port } : { path: target.path };
  let socket: Socket;
  if (target.tls === null) socket = connectTcp({ ...where, onread, allowHalfOpen: true });
  else {
    // `onread` and `allowHalfOpen` work for tls.connect as they do for net.connect, which its types do not know.
    const options: ConnectionOptions & { onread: OnReadOpts; allowHalfOpen: boolean } = {
      ...target.tls.connectOptions(),
      ...where,
      onread,
      allowHalfOpen: true,
    };
    const secured = connectTls(options);
    target.tls.follow(secured);
    socket = secured;
  }
  socket.setNoDelay(true);
  socket.setKeepAlive(true, TCP_KEEPALIVE_MS);
  return socket;
}
