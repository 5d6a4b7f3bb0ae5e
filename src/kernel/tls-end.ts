import { constants } from 'node:os';
import type { TLSSocket } from 'node:tls';

/** Node's inner handle of a socket under TLS, and of the TCP connection below it. */
interface Inner {
  readonly _handle: { readonly _parent?: { readStart?: () => number } } | null;
}

/**
 * How the other side ended its direction of a TLS connection. `truncated`: the TCP connection ended and no close_notify
 * had come (RFC 8446 section 6.1), so anybody on the way may have cut off what was to follow. To be asked in 'end'.
 *
 * Node tells both in one way. But it tells of a close_notify while it still reads from TCP, and of a cut when that has
 * ended; and a handle that reads already refuses to be started. Where this Node has no such handle: `unknown`.
 *
 * @param isPaused whether the socket is paused: it reads no more then, so that only a close_notify can have ended it
 */
export function tlsEnd(socket: TLSSocket, isPaused: boolean): 'closed' | 'truncated' | 'unknown' {
  if (isPaused) return 'closed';
  const tcp = (socket as unknown as Inner)._handle?._parent;
  if (typeof tcp?.readStart !== 'function') return 'unknown';
  return tcp.readStart() === READS_ALREADY ? 'closed' : 'truncated';
}

/** What libuv answers to a stream that is being read. */
const READS_ALREADY = -constants.errno.EALREADY;
