/**
 * Between the wire and the phases. A wire (HTTP/1.1 here, HTTP/2 in http2/) turns bytes of a client into
 * `ClientStream`s, one per request; the phases (proxy/) answer them. Neither knows how the other works.
 *
 *    bytes -> wire --onRequest(stream)--> phases
 *             wire --stream.sink.on…----> phases      body, end, client gone, room again
 *             wire <--stream.start/send/end… -- phases
 *
 * Buffers that the phases hand to `sendBody` may be reused by them as soon as the call returned true; after
 * false they must stay untouched until `onClientDrain` or `onClientGone`.
 */
import type { ClientInfo } from '../kernel/client-info.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Deadlines } from '../kernel/deadlines.ts';
import type { MemoryPressure } from '../kernel/memory.ts';
import type { SocketIo } from '../kernel/socket-io.ts';
import type { HttpFault } from './fault.ts';
import type { HttpDate } from './http-date.ts';
import type { RequestHead } from './request-head.ts';
import type { AnswerFraming } from './response-head.ts';
import type { TunnelEnd } from './tunnel-end.ts';

/** Asked to close, a connection that is new or was used just now may bring a last request: it may be under way already. */
export const LAST_REQUEST_MS = 500;

/** What the phases want to hear of one request. No call comes after `onClientGone`. */
export interface RequestSink {
  /**
   * Bytes of the body. They lie in a buffer that is read into again: they stay until the call returns or, when
   * `pauseBody(true)` was called in it, until `resumeBody`. What is kept longer is copied.
   */
  onBodyData(chunk: Buffer): void;
  /** The body is complete; trailers as field lines, '' for none. */
  onBodyEnd(trailers: string): void;
  /** The body broke the rules or was too slow; the wire takes no more of it, an answer may still be sent. */
  onBodyFault(fault: HttpFault): void;
  /** The client went away or its connection failed; nothing can be sent any more. */
  onClientGone(): void;
  /** There is room for more of the answer. */
  onClientDrain(): void;
  /** Bytes that are held for this request beside those of its connection. */
  heldBytes(): number;
}

/** The head of an answer: `fields` are whole lines without framing and connection fields. */
export interface AnswerHead {
  readonly status: number;
  readonly phrase: string;
  readonly fields: string;
  readonly framing: AnswerFraming;
  /** With framing 'length', and for HEAD where the server told it; else -1. */
  readonly contentLength: number;
  /** Whether `fields` has a Date; where it has none the wire adds one (RFC 9110 section 6.6.1). */
  readonly hasDate: boolean;
  /** For the wire that sends it: what it made of this head, for when the same head is sent again. '' at first. */
  memo: string;
}

export interface ClientStream {
  readonly client: ClientInfo;
  readonly head: RequestHead;
  /** What the client speaks: `HTTP/1.0`, `HTTP/1.1`, `HTTP/2`. */
  readonly protocol: string;
  /** Whether pieces of an answer may be larger than 64 KiB: it writes them in one, and knows when they have been taken. */
  readonly takesLargePieces: boolean;
  /** Monotonic ms at which the head was complete. */
  readonly startedMs: number;
  /** Set by the phases in `onRequest`, before it returns. */
  sink: RequestSink | null;
  /** Bytes of this request's head and body so far / of its answer, as on the wire. */
  bytesIn: number;
  bytesOut: number;
  /** Whether the request is complete. */
  readonly isRequestComplete: boolean;

  /**
   * No more of the body for now.
   * @param isInUse the bytes that `onBodyData` has just brought are used until `resumeBody`
   */
  pauseBody(isInUse: boolean): void;
  resumeBody(): void;
  /**
   * The request and its answer are a conversation (gRPC): its body has no pace, and may be silent for so long. Only HTTP/2 has
   * such, elsewhere this changes nothing.
   */
  converse(silenceMs: number): void;
  /** An interim answer (1xx other than 101); ignored for HTTP/1.0 clients. */
  sendInterim(status: number, phrase: string, fields: string): void;
  startAnswer(head: AnswerHead): void;
  /** Forgets an answer of which nothing has left yet, so that another may be begun. @returns false when some has left */
  takeBack(): boolean;
  /** @returns false when the range must stay untouched until `onClientDrain` */
  sendBody(buffer: Buffer, from: number, to: number): boolean;
  /** The answer is complete. */
  endAnswer(trailers: string): void;
  /** Sends what is held back to be sent in one piece. */
  flush(): void;
  /** Ends the connection so that an unfinished answer looks unfinished. */
  abort(): void;
  /** The status that tells the client of a switch: 101, or 200 where that stands for it (RFC 8441). */
  readonly switchStatus: 101 | 200;
  /** What is wrong with a server's 101 that has these fields, where only this wire can tell; '' = nothing. */
  checkSwitch(fields: string): string;
  /** Tells the client of the switch, with these fields, and hands over the connection's two directions. */
  switchProtocols(phrase: string, fields: string): TunnelEnd;
}

/** What a wire needs of the phases. */
export interface RequestHandler {
  onRequest(stream: ClientStream): void;
  /** A request that could not be read: logged, counted, and answered with what is returned. */
  onFault(fault: HttpFault, client: ClientInfo): { readonly head: AnswerHead; readonly body: string };
}

/** What a wire is given beside its socket. */
export interface WireDeps {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly handler: RequestHandler;
  readonly date: HttpDate;
  readonly sockets: SocketIo;
  readonly memory: MemoryPressure;
}

export interface WireLimits {
  readonly maxHeadBytes: number;
  readonly maxFields: number;
  readonly maxTargetBytes: number;
  /** 0 = no limit. */
  readonly maxBodyBytes: number;
  readonly headerTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** Bytes per second a body must reach after its first 10 s; 0 = none. */
  readonly minRate: number;
}
