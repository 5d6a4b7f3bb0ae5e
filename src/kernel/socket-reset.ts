/** Whether a socket's peer has reset it, for sockets that are not read: those are told nothing of it. */
import type { Socket } from 'node:net';
import { constants } from 'node:os';

interface Inner {
  readonly _handle?: { getpeername?: (out: object) => number } | null;
}

/**
 * A socket that was reset has no peer any more, and may be asked for it at any time. (A peer that has ended its direction
 * in good order is still there: that is seen by reading only.)
 */
export function isReset(socket: Socket): boolean {
  const handle = (socket as unknown as Inner)._handle;
  return handle?.getpeername?.({}) === -constants.errno.ENOTCONN;
}
