import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Expiring } from '../kernel/deadlines.ts';

/** A TLS handshake on its way: it has a time in all, which no byte extends. */
export class Handshake implements Expiring {
  deadlineMs: number;
  deadlineIndex = -1;
  readonly #socket: Socket;

  /** @param socket the accepted one, below TLS */
  constructor(socket: Socket, deadlineMs: number) {
    this.#socket = socket;
    this.deadlineMs = deadlineMs;
  }

  onDeadline(): void {
    this.deadlineMs = Number.POSITIVE_INFINITY;
    const message = 'the TLS handshake took too long';
    this.#socket.destroy(Object.assign(new Error(message), { code: 'ERR_TLS_HANDSHAKE_TIMEOUT' }));
  }
}

/** The accepted socket below a secured one. Node has no public name for it. */
export function acceptedSocketOf(secured: TLSSocket): Socket {
  return (secured as unknown as { readonly _parent: Socket })._parent;
}
