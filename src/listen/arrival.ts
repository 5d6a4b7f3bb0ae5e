import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Expiring } from '../kernel/deadlines.ts';
import type { Linked } from '../kernel/linked-set.ts';
import type { Origin } from './client.ts';
import type { OpenConnection } from './open-connection.ts';

/**
 * A connection that a listener accepted and admitted, until its end:
 *
 *   PROXY header ─▶ TLS handshake ─▶ a wire has it
 *
 * A handshake has a time in all, which no byte extends.
 */
export class Arrival implements Expiring, Linked<Arrival> {
  deadlineMs = Number.POSITIVE_INFINITY;
  deadlineIndex = -1;
  previous: Arrival | null = null;
  next: Arrival | null = null;
  /** The accepted one: below TLS, if there is TLS. */
  readonly socket: Socket;
  /** Where it comes from, for the end of its handshake. */
  origin: Origin | null = null;
  /** Its wire, once it has one. */
  connection: OpenConnection | null = null;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  onDeadline(): void {
    this.deadlineMs = Number.POSITIVE_INFINITY;
    const message = 'the TLS handshake took too long';
    this.socket.destroy(Object.assign(new Error(message), { code: 'ERR_TLS_HANDSHAKE_TIMEOUT' }));
  }
}

/** The accepted socket below a secured one. Node has no public name for it. */
export function acceptedSocketOf(secured: TLSSocket): Socket {
  return (secured as unknown as { readonly _parent: Socket })._parent;
}
