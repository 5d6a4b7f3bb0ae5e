/** What one HTTP/2 connection to a server may cost, and what we tell the server. */
import type { ClientSessionOptions } from 'node:http2';
import type { ConnectionLimits } from '../forward/index.ts';

/** Attempts at a time on one connection, where the server allows as many: one that loses packets holds up no more than these. */
export const MAX_STREAMS = 100;
/** What a server may send of an answer before we have taken it: most that a client that reads nothing can make us hold. */
export const WINDOW_BYTES = 256 * 1024;
/** All answers of a connection together; more than a stream's, so that one that waits does not hold up the others. */
export const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024;
/** Up to this a piece of a request's body is copied; above it is written from where it lies. */
export const COPY_BELOW_BYTES = 16 * 1024;
/**
 * A connection on which something is waited for, and nothing came for so long, is asked whether it lives. Servers that count pings
 * (gRPC: too_many_pings) forgive one in a silence, and count anew with each answer.
 */
export const PING_AFTER_MS = 10_000;
/** Further ones in the same silence: gRPC servers allow one in five minutes by default. */
export const PING_AGAIN_MS = 330_000;
/** Such a connection ends when it says nothing for so long after a ping. */
export const PING_TIMEOUT_MS = 5000;

/** The types do not know `strictSingleValueFields` of clients yet. */
type Options = ClientSessionOptions & { readonly strictSingleValueFields: boolean };

export function sessionOptions(limits: ConnectionLimits): Options {
  return {
    maxHeaderListPairs: limits.maxFields + 1,
    maxSettings: 32,
    maxOutstandingPings: 10,
    maxReservedRemoteStreams: 0,
    // Megabytes; the windows are what bounds it, and what is over it would be refused.
    maxSessionMemory: Math.ceil((MAX_STREAMS * WINDOW_BYTES * 2) / 1_000_000),
    peerMaxConcurrentStreams: MAX_STREAMS,
    // Clients may send a field twice, as over HTTP/1.1; a server knows what to think of that.
    strictSingleValueFields: false,
    settings: {
      maxHeaderListSize: limits.maxHeadBytes,
      initialWindowSize: WINDOW_BYTES,
      enablePush: false,
    },
  };
}
