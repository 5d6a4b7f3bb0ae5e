/**
 * What one HTTP/2 connection may cost. nghttp2 and node:http2 have limits of their own, set here; what they leave open
 * is accounted by the connection (allowance.ts). RFC 9113 section 10.5.
 *
 * | flood                                                  | ended by                                              |
 * |--------------------------------------------------------|-------------------------------------------------------|
 * | rapid reset (CVE-2023-44487), MadeYouReset             | `WASTED_REQUESTS`                                     |
 * | ping, settings, priority, window update, empty or unknown frames, fields that are refused | `NOISE_BYTES`      |
 * | CONTINUATION (CVE-2024-27983)                          | nghttp2: 8 frames a block                             |
 * | frames that break the rules of their stream            | `INVALID_FRAMES`, and what they reset is wasted        |
 * | HPACK and cookie bombs                                 | `maxHeaderListPairs`, the size of the list            |
 * | a window of 0, a reader that takes nothing             | body_timeout for each answer; nothing more is read of its server meanwhile |
 */
import type { ServerSessionOptions } from 'node:http2';
import type { WireLimits } from '../http/index.ts';

/** Requests at a time on one connection; clients queue further ones. */
export const MAX_STREAMS = 100;
/** What a client may send of a body before we have taken it: the size of what is kept of a body to repeat it. */
export const WINDOW_BYTES = 65_535;
/** All bodies of a connection together; more than a stream's, so that one that waits does not hold up the others. */
export const CONNECTION_WINDOW_BYTES = 1024 * 1024;
/** Bytes that carry nothing, and how fast they are forgiven. A ping has 17, an update of a window 13. */
export const NOISE_BYTES = 256 * 1024;
export const NOISE_BYTES_PER_S = 16 * 1024;
/** Requests that end before their answer by the client's doing. A browser that leaves a page ends all of its own at once. */
export const WASTED_REQUESTS = 200;
export const WASTED_REQUESTS_PER_S = 20;
/** Cookies may come in crumbs, a field each (RFC 9113 section 8.2.3). */
const COOKIE_CRUMBS = 100;
const PSEUDO_FIELDS = 6;
/** Frames that nghttp2 refused, of the whole connection. */
const INVALID_FRAMES = 100;
/** Streams over `MAX_STREAMS` that were refused, one behind the other. */
const REJECTED_STREAMS = 100;
/** A read of a server's connection. */
const PIECE_BYTES = 64 * 1024;

export function sessionOptions(limits: WireLimits): ServerSessionOptions {
  return {
    maxHeaderListPairs: limits.maxFields + COOKIE_CRUMBS + PSEUDO_FIELDS,
    maxSettings: 32,
    maxOutstandingPings: 10,
    maxSessionInvalidFrames: INVALID_FRAMES,
    maxSessionRejectedStreams: REJECTED_STREAMS,
    // Ours, which answers with ENHANCE_YOUR_CALM, comes first.
    streamResetBurst: WASTED_REQUESTS * 4,
    streamResetRate: WASTED_REQUESTS_PER_S * 4,
    strictFieldWhitespaceValidation: true,
    // What servers send is their affair: two Location lines pass as over HTTP/1.1.
    strictSingleValueFields: false,
    settings: {
      maxConcurrentStreams: MAX_STREAMS,
      maxHeaderListSize: limits.maxHeadBytes,
      initialWindowSize: WINDOW_BYTES,
      enablePush: false,
      enableConnectProtocol: true,
    },
  };
}

/** Up to this a range of an answer is copied; above it is written from where it lies. */
export const COPY_BELOW_BYTES = 16 * 1024;
/** Of streams that were reset while the socket took nothing: more than a hundred of them could have in hand. */
export const MOST_KEPT_BYTES = 16 * 1024 * 1024;
/** The frame of trailers leaves a little after it was given to the session. */
export const TRAILERS_LEAVE_MS = 100;
/** A small request that was answered early has so long to end. */
export const REQUEST_ENDS_MS = 250;
/** What is told of the room for a piece. */
export const WINDOW_UPDATE_BYTES = 2 * 13;

/**
 * How long the client has to take a piece of an answer. The streams of a connection share what its client can take, so
 * the pace is judged over all of them (connection.ts); this only ends streams whose window stays closed beside others.
 */
export function takingMs(limits: WireLimits): number {
  return Math.max(limits.bodyTimeoutMs, limits.minRate > 0 ? (PIECE_BYTES / limits.minRate) * 1000 : 0);
}

/**
 * All of a request may be on its way already: then an early answer ends behind it. The client would open another stream once
 * both have ended, and where it was the request that ended last Node counts the old one until its whole read has been handled.
 * Who expects a 100 waits for the answer himself.
 */
export function endsSoon({ contentLength, expect }: { contentLength: number; expect: string }): boolean {
  return contentLength >= 0 && contentLength <= WINDOW_BYTES && expect === '';
}
