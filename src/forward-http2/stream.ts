/**
 * One attempt on a server over HTTP/2: a stream of a connection that others share (session.ts).
 *
 *   waiting ──connected, room──▶ ready ──send──▶ open ──END_STREAM──▶ over         any ──reset, silence, cancel──▶ over
 *
 * The answer's bytes are chunks of their own, which nobody reads into again: whoever cannot take them pauses the stream, its
 * window closes, and the server waits. What is sent waits for the server's window in the same way.
 */

import { type ClientHttp2Stream, constants } from 'node:http2';
import { addAbortSignal } from 'node:stream';
import {
  type AttemptEvents,
  type AttemptFailure,
  MAX_INTERIM,
  type ServerChannel,
  type ServerRequest,
  silenceText,
} from '../forward/index.ts';
import { filterTrailers, HttpFault, pairsOf } from '../http/index.ts';
import { errorCode, errorText } from '../kernel/errors.ts';
import type { Linked } from '../kernel/linked-set.ts';
import { COPY_BELOW_BYTES } from './limits.ts';
import { type StreamListener, watch } from './node-events.ts';
import { codeName, isBrokenRule } from './reset-codes.ts';
import type { ServerSession } from './session.ts';

const NEVER = Number.POSITIVE_INFINITY;
const { NGHTTP2_FLAG_END_STREAM, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = constants;

/** Destroying a stream by it sends RST_STREAM with CANCEL; `close` would end a request first that is not whole. */
const CANCELLED = AbortSignal.abort();

export class ServerStream implements ServerChannel, StreamListener, Linked<ServerStream> {
  previous: ServerStream | null = null;
  next: ServerStream | null = null;
  /** Monotonic ms by which the server must have done something. Looked at by the session. */
  dueMs = NEVER;
  /** It stands in the session's list of those to be flushed. */
  isFlushDue = false;
  /** It was sent before the server had said that it takes fewer: what that refuses is no shortage of its own. */
  isOneOfTooMany = false;
  /** It waits for the server to let a stream be opened (waiting-room.ts). */
  isWaiting = false;
  #session: ServerSession;
  #events: AttemptEvents | null = null;
  #node: ClientHttp2Stream | null = null;
  #method = '';
  /** The longest silence within the answer's body. */
  #silenceMs = 0;
  #isRequestDone = false;
  /** What was written waits for the server's window, or for the connection. */
  #isFull = false;
  /** Made for the first piece of a body that is written. */
  #written: (() => void) | null = null;
  #isPaused = false;
  #interims = 0;
  #hadAnswer = false;
  #hasHead = false;
  /** Bytes of a body that has a length still to come; -1 = none was told. */
  #remaining = -1;
  /** END_STREAM came: what ends otherwise was cut off. */
  #isWhole = false;
  #trailersOut = '';
  #trailersIn = '';
  #wasServed: boolean;
  #error: Error | null = null;

  constructor(session: ServerSession) {
    this.#session = session;
    this.#wasServed = session.hasServed;
  }

  open(events: AttemptEvents): void {
    this.#events = events;
    // There may be a server that takes it now.
    if (this.isWaiting) events.onServerDown(this.#failure('full', 'the server lets no stream be opened'));
    else if (this.#session.isReady) events.onReady();
  }

  /** It need not wait any longer. */
  moveTo(session: ServerSession): void {
    this.isWaiting = false;
    this.dueMs = NEVER;
    this.#session = session;
    this.#wasServed = session.hasServed;
    if (session.isReady) this.#events?.onReady();
  }

  /** The session is connected. */
  onSessionReady(): void {
    this.#events?.onReady();
  }

  /** It has a stream of its own. */
  get isSent(): boolean {
    return this.#node !== null;
  }

  // ---- sending

  send(request: ServerRequest): void {
    const { body, isComplete, isChunked, trailers } = request;
    this.#method = request.method;
    this.#silenceMs = request.silenceMs;
    this.#isRequestDone = isComplete;
    this.#trailersOut = trailers;
    const endStream = isComplete && body.length === 0 && trailers === '';
    // Whether trailers follow has to be said before the body; it costs an empty frame where none do.
    const waitForTrailers = isChunked && (!isComplete || trailers !== '');
    let node: ClientHttp2Stream;
    try {
      node = this.#session.request(request.text, { endStream, waitForTrailers });
    } catch (error) {
      // What Node does not let through as HTTP/2 though it passed as HTTP/1.1.
      this.#fail('bad_answer', `the request cannot be sent over HTTP/2: ${errorText(error)}`);
      return;
    }
    this.#node = node;
    watch(node, this);
    for (const chunk of body) node.write(chunk);
    if (isComplete && !endStream) node.end();
    this.#arm();
  }

  writeBody(chunk: Buffer): boolean {
    const node = this.#node;
    if (node === null) return true;
    const isLarge = chunk.length > COPY_BELOW_BYTES;
    this.#written ??= () => this.#onWritten();
    const hasRoom = node.write(isLarge ? chunk : Buffer.from(chunk), this.#written);
    if (hasRoom && !isLarge) return true;
    this.#isFull = true;
    this.#arm();
    return false;
  }

  endBody(trailers: string): void {
    this.#isRequestDone = true;
    this.#trailersOut = trailers;
    this.#node?.end();
    this.#arm();
  }

  #onWritten(): void {
    if (!this.#isFull || this.#node === null || this.#node.writableLength > 0) return;
    this.#isFull = false;
    this.#arm();
    this.#events?.onServerDrain();
  }

  onWantTrailers(): void {
    const node = this.#node;
    if (node === null || node.destroyed || node.closed) return;
    const fields: Record<string, string[]> = Object.create(null);
    for (const [name, value] of pairsOf(this.#trailersOut)) {
      const key = name.toLowerCase();
      fields[key] ??= [];
      fields[key].push(value);
    }
    node.sendTrailers(fields);
  }

  /** As over HTTP/1.1 (forward/connection.ts): the server's time runs when it is its turn. */
  #arm(): void {
    const { limits } = this.#session;
    if (this.#isPaused || this.#events === null) this.dueMs = NEVER;
    else if (this.#hasHead) this.dueMs = this.#session.after(this.#silenceMs || limits.bodyTimeoutMs);
    else if (this.#isRequestDone || this.#isFull) this.dueMs = this.#session.after(limits.firstByteTimeoutMs);
    else this.dueMs = NEVER;
  }

  onDue(): void {
    const { limits } = this.#session;
    if (this.isWaiting) {
      this.#fail('full', `the server let no stream be opened for ${limits.connectTimeoutMs} ms`);
      return;
    }
    const text =
      this.#hasHead && this.#silenceMs > 0
        ? `silent for ${this.#silenceMs} ms within its answer`
        : silenceText(limits, this.#hasHead);
    this.#session.suspect();
    this.#fail('timeout', text);
  }

  // ---- receiving

  onInterim(raw: readonly string[]): void {
    const events = this.#events;
    if (events === null) return;
    const head = this.#session.heads.readInterim(raw);
    if (head instanceof HttpFault) this.#fail('bad_answer', head.detail);
    else if (++this.#interims > MAX_INTERIM)
      this.#fail('bad_answer', `more than ${MAX_INTERIM} interim answers`);
    else {
      this.#hadAnswer = true;
      this.#arm();
      events.onInterim(head);
    }
  }

  onHead(raw: readonly string[], flags: number): void {
    const events = this.#events;
    if (events === null) return;
    const isComplete = (flags & NGHTTP2_FLAG_END_STREAM) !== 0;
    this.#hadAnswer = true;
    this.#session.onAnswer();
    const head = this.#session.heads.read(raw, isComplete, this.#method);
    if (head instanceof HttpFault) {
      this.#fail('bad_answer', head.detail);
      return;
    }
    this.#hasHead = true;
    this.#isWhole = isComplete;
    const { contentLength } = head.fields;
    if (contentLength === 0 || head.framing(this.#method) === 'length') this.#remaining = contentLength;
    this.#arm();
    events.onAnswerHead(head);
    if (this.#events === events) this.#session.flushLater(this);
  }

  onData(chunk: Buffer): void {
    const events = this.#events;
    if (events === null) return;
    if (this.#remaining >= 0) this.#remaining -= chunk.length;
    this.#session.onAnswer();
    this.#arm();
    events.onAnswerData(chunk, 0, chunk.length);
    if (this.#events === events) this.#session.flushLater(this);
  }

  /** All that one look at the connection brought was handed over. */
  flush(): void {
    this.isFlushDue = false;
    this.#events?.onReadDone();
  }

  onTrailers(raw: readonly string[]): void {
    let lines = '';
    for (let at = 0; at < raw.length; at += 2) lines += `${raw[at]}: ${raw[at + 1]}\r\n`;
    const trailers = filterTrailers(lines, this.#session.limits.maxFields);
    if (trailers instanceof HttpFault) this.#fail('bad_answer', trailers.detail);
    else this.#trailersIn = trailers;
  }

  /** The server's side has ended, be it by END_STREAM or by a reset. */
  onEndOfData(isReset: boolean): void {
    if (!isReset) this.#isWhole = true;
  }

  onEnd(): void {
    const events = this.#events;
    const node = this.#node;
    // What was cut off ends as well; its end tells why.
    if (events === null || node === null || !this.#isWhole || !this.#hasHead) return;
    if (this.#remaining > 0) {
      this.#fail('bad_answer', `${this.#remaining} bytes of the answer are missing`);
      return;
    }
    this.#leave(true);
    // The server wants no more of the request (RFC 9113 section 8.1).
    if (!this.#isRequestDone) node.close(NGHTTP2_NO_ERROR);
    events.onAnswerEnd(this.#trailersIn);
  }

  // ---- back-pressure

  get heldBytes(): number {
    const node = this.#node;
    return node === null ? 0 : node.readableLength + node.writableLength;
  }

  pause(): void {
    this.#isPaused = true;
    this.#node?.pause();
    this.#arm();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#arm();
    this.#node?.resume();
  }

  /** Its bytes are nobody else's. */
  release(): void {}

  // ---- ends

  cancel(): void {
    if (this.#events === null) return;
    this.#leave(false);
    this.#cut();
  }

  tellServerDown(detail: string): void {
    if (this.#hadAnswer) return;
    const kind = this.#node === null ? 'connect_error' : 'reset';
    this.#events?.onServerDown({ ...this.#failure(kind, detail), wasReused: false });
  }

  onError(error: Error): void {
    this.#error = error;
  }

  /** The stream is over, and nobody was told yet. */
  onClose(): void {
    const code = this.#node?.rstCode ?? NGHTTP2_NO_ERROR;
    if (isBrokenRule(code)) this.#session.brokenStreams++;
    if (this.#events === null) return;
    if (code === NGHTTP2_REFUSED_STREAM) this.#session.countRefused();
    const broken = this.#session.failure;
    const error = this.#error;
    if (broken !== null) this.#fail(broken.kind, broken.detail, true);
    else if (error !== null && errorCode(error) === 'ERR_HTTP2_ERROR')
      this.#fail('bad_answer', this.#session.brokenText(error));
    else if (error !== null && 'syscall' in error) this.#fail('reset', errorText(error), true);
    else if (this.#isUnprocessed(code))
      this.#fail('reset', `the server did not take the request (${codeName(code)})`);
    else if (this.#session.isOver) this.#fail('reset', 'the server closed the connection', true);
    else if (isBrokenRule(code)) this.#fail('bad_answer', this.#brokenText(code));
    else this.#fail('reset', `the server reset the stream (${codeName(code)})`);
  }

  /** Either side may have said so, which Node does not tell; ours resets what does not fit its length. */
  #brokenText(code: number): string {
    const why =
      this.#remaining < 0 ? '' : ': its body is not as long as it said, or it objects to the request';
    return `the stream was reset (${codeName(code)})${why}`;
  }

  /** The server says that it has not looked at it (RFC 9113 sections 6.8, 8.7): such a request may be sent again whatever it is. */
  #isUnprocessed(code: number): boolean {
    if (this.#hadAnswer) return false;
    return code === NGHTTP2_REFUSED_STREAM || this.#session.isBehindGoaway(this.#node?.id ?? 0);
  }

  /**
   * The server is about to close the connection, or has more of them on it than it wants, and had not looked at this request: it
   * may go to the same on another one.
   */
  #wasTurnedAway(): boolean {
    const node = this.#node;
    const isTooMuch = this.#session.isLeaving || this.isOneOfTooMany;
    return node !== null && isTooMuch && this.#isUnprocessed(node.rstCode);
  }

  /** The connection ended, maybe before there was a stream. */
  onSessionOver(): void {
    const { failure } = this.#session;
    if (this.#node === null)
      this.#fail(failure?.kind ?? 'reset', failure?.detail ?? 'the server closed the connection');
    else this.onClose();
  }

  /** @param isStale the connection ended, which may have been about to when it was used again */
  #fail(kind: AttemptFailure['kind'], detail: string, isStale = false): void {
    const events = this.#events;
    if (events === null) return;
    const failure = {
      ...this.#failure(kind, detail),
      wasReused: (isStale && this.#wasServed) || this.#wasTurnedAway(),
    };
    this.#leave(false);
    this.#cut();
    events.onFailed(failure);
  }

  #failure(kind: AttemptFailure['kind'], detail: string): AttemptFailure {
    const node = this.#node;
    const wasSent = node !== null && !this.#isUnprocessed(node.rstCode);
    return { kind, detail, wasSent, hadAnswer: this.#hadAnswer, wasReused: this.#wasServed };
  }

  #leave(isServed: boolean): void {
    this.#events = null;
    this.dueMs = NEVER;
    this.#session.onStreamOver(this, isServed);
  }

  #cut(): void {
    const node = this.#node;
    if (node !== null && !node.destroyed) addAbortSignal(CANCELLED, node);
  }
}
