import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { type ConnectTarget, TCP_KEEPALIVE_MS } from '../forward/index.ts';

/** Starts connecting a socket that will speak HTTP/2: by ALPN over TLS, with prior knowledge without (RFC 9113 section 3). */
export function openLink({ host, port, path, tls }: ConnectTarget): Socket {
  const where = path === '' ? { host, port } : { path };
  let socket: Socket;
  if (tls === null) socket = connectTcp(where);
  else {
    const secured = connectTls({ ...tls.connectOptions(), ...where });
    tls.follow(secured);
    socket = secured;
  }
  socket.setNoDelay(true);
  socket.setKeepAlive(true, TCP_KEEPALIVE_MS);
  return socket;
}

/** Why a connected socket cannot be used; '' = it can. */
export function linkFault(socket: Socket, isTls: boolean): string {
  if (!isTls || (socket as TLSSocket).alpnProtocol === 'h2') return '';
  return 'the server offers no HTTP/2 in its TLS handshake (upstream.protocol: http1 would do)';
}
