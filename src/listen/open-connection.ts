import type { Socket } from 'node:net';
import type { ClientInfo } from '../kernel/client-info.ts';

/** A connection that can be asked to end. */
export interface OpenConnection {
  close(): void;
  /** Ends now, with a word to clients that have no answer yet; a wire without it is destroyed. */
  shed?(): void;
  destroy(): void;
  /** Bytes that are held for it, here and on their way to a server. A wire that does not say is never ended for them. */
  heldBytes?(): number;
  /** Since when (monotonic ms); without it, for long. -Infinity: its last answer was given, it only waits for its client to go. */
  heldSinceMs?(): number;
  /** Ends it because memory is used up: what it is doing ends with the reason `overloaded`. */
  overload?(): void;
  /** Memory suffices again: what had to wait for that goes on. */
  relieve?(): void;
}

/** Makes the wire for an accepted connection. `onClose` must be called once. */
export type OpenWire = (
  socket: Socket,
  client: ClientInfo,
  onClose: (connection: OpenConnection) => void,
) => OpenConnection;
