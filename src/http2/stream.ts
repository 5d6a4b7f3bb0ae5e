/**
 * One exchange over HTTP/2: a stream of node:http2 as the phases see a request (http/wire.ts).
 *
 * The answer's head and its first small piece are held until `flush` or the end, so that a whole small answer leaves as
 * HEADERS and DATA in one go, and one that ends at once needs no trailer frame. Small pieces are copied, large ones
 * are written from where they lie: then `sendBody` returns false, the server's connection waits, and so a client that
 * opens no window, or reads nothing, holds one piece and no more.
 */
import { constants, type ServerHttp2Stream } from 'node:http2';
import {
  type AnswerHead,
  type ClientStream,
  HttpFault,
  type RequestHead,
  type RequestSink,
  type TunnelEnd,
} from '../http/index.ts';
import type { ClientInfo } from '../kernel/client-info.ts';
import type { Linked } from '../kernel/linked-set.ts';
import { fieldObject, fieldPairs } from './answer.ts';
import {
  COPY_BELOW_BYTES,
  endsSoon,
  REQUEST_ENDS_MS,
  TRAILERS_LEAVE_MS,
  takingMs,
  WINDOW_BYTES,
  WINDOW_UPDATE_BYTES,
} from './limits.ts';
import type { ReadHead } from './request.ts';
import { type BodyTaker, FRAME_BYTES, NEVER, StreamBody } from './stream-body.ts';
import type { StreamOwner } from './stream-owner.ts';
import { tunnelOf } from './stream-socket.ts';
import { acceptedHead, checkWebSocketAccept } from './websocket.ts';

export class Http2Stream implements ClientStream, BodyTaker, Linked<Http2Stream> {
  readonly client: ClientInfo;
  readonly head: RequestHead;
  readonly protocol = 'HTTP/2';
  readonly switchStatus = 200;
  readonly takesLargePieces = false;
  readonly startedMs: number;
  sink: RequestSink | null = null;
  bytesIn: number;
  bytesOut = 0;
  isRequestComplete: boolean;
  /** Monotonic ms by which the client must have done something; Infinity = nothing is due. */
  dueMs = NEVER;
  /** The client has yet to take what it was given. Written by the stream itself. */
  isWaiting = false;
  /** Of the streams of its connection. */
  previous: Http2Stream | null = null;
  next: Http2Stream | null = null;
  readonly #node: ServerHttp2Stream;
  readonly #owner: StreamOwner<Http2Stream>;
  readonly body: StreamBody;
  readonly #webSocketKey: string;
  /** The head of an answer that was not sent yet. */
  #heldHead: AnswerHead | null = null;
  #held: Buffer | null = null;
  /** Bytes of a 'length' answer still to come; -1 = its length was not told. */
  #remaining = -1;
  #isAnswerEnded = false;
  /** The answer was given, but for its end. */
  #isEndHeld = false;
  /** The last bytes it was given: the session may still send of them, also when this stream is gone. */
  #given: Buffer | null = null;
  /** Of an answer that went past the stream. */
  #wholeBytes = 0;
  /** It ends by our doing, or everything of it was done. */
  #isOurs = false;
  #isOver = false;
  #tunnel: TunnelEnd | null = null;
  #trailersOut = '';
  /** With which frame the answer ends; trailers may be empty. `leaving`: trailers or fields that were the last were given to the session. */
  #tail: 'data' | 'trailers' | 'fields' | 'leaving' = 'data';

  constructor(owner: StreamOwner<Http2Stream>, node: ServerHttp2Stream, read: ReadHead, isComplete: boolean) {
    this.#owner = owner;
    this.#node = node;
    this.body = new StreamBody(node, owner, this);
    this.client = owner.client;
    this.head = read.head;
    this.#webSocketKey = read.webSocketKey;
    this.startedMs = owner.nowMs();
    this.bytesIn = read.sizeBytes;
    this.isRequestComplete = isComplete || read.webSocketKey !== '';
    node.on('close', () => this.#onClose());
    if (isComplete) node.on('end', () => this.#onSent());
  }

  /** Bytes of the body that came and that nobody took yet. */
  get heldBytes(): number {
    return this.#node.readableLength;
  }

  /** All that is held for it, here and on its way to a server. */
  get allHeldBytes(): number {
    const { readableLength, writableLength } = this.#node;
    return readableLength + writableLength + this.#wholeBytes + (this.sink?.heldBytes() ?? 0);
  }

  /** It has to end; such as for want of memory. */
  overload(fault: HttpFault): void {
    if (this.sink) this.sink.onBodyFault(fault);
    else this.abort();
  }

  // ---- the body of the request (BodyTaker)

  /** Reads the body, once the phases have heard of the request. */
  readBody(): void {
    if (this.isRequestComplete || this.#isAnswerEnded || this.#node.destroyed) return;
    // A stream with bytes that nobody reads would not close when it is reset without an error.
    this.#node.on('aborted', () => this.#onAborted());
    this.body.open();
  }

  pauseBody(): void {
    this.body.pause();
  }

  resumeBody(): void {
    this.body.resume();
  }

  converse(silenceMs: number): void {
    this.body.converse(silenceMs);
  }

  onBodyBytes(sizeBytes: number): void {
    this.bytesIn += sizeBytes;
  }

  onBodyData(chunk: Buffer): void {
    this.sink?.onBodyData(chunk);
  }

  onBodyOver(trailers: string): void {
    if (this.#isOver) return;
    this.isRequestComplete = true;
    this.sink?.onBodyEnd(trailers);
  }

  onBodyFault(fault: HttpFault): void {
    this.sink?.onBodyFault(fault);
  }

  /** The pace of the body does not count while the client has yet to take its answer: that is due by itself. */
  onBodyDue(): void {
    if (!this.isWaiting && !this.#isAnswerEnded) this.dueMs = this.body.dueMs;
  }

  /** What was due has not come. */
  onDue(nowMs: number): void {
    if (this.#tail === 'leaving') this.#node.close(constants.NGHTTP2_NO_ERROR);
    if (this.#isEndHeld) {
      this.#endHeld();
      this.#cutShort();
    } else if (this.#isAnswerEnded) this.abort();
    else if (this.isWaiting) this.onNotTaken(new HttpFault('answer_timeout', 'the answer was not taken'));
    else this.body.look(nowMs);
  }

  /** The client takes its answer too slowly, if it has not yet taken all that it was sent. */
  onNotTaken(fault: HttpFault): void {
    if (this.isWaiting && !this.#isOver) this.overload(fault);
  }

  // ---- the answer

  sendInterim(status: number, _phrase: string, fields: string): void {
    if (this.#isGone() || this.#node.headersSent || this.#heldHead !== null) return;
    this.#node.additionalHeaders({ ...fieldObject(fields), ':status': status });
    this.#owner.useful(WINDOW_UPDATE_BYTES);
  }

  startAnswer(head: AnswerHead): void {
    this.#heldHead = head;
    if (head.framing === 'length') this.#remaining = head.contentLength;
  }

  takeBack(): boolean {
    if (this.#heldHead === null || this.#isGone()) return false;
    this.#heldHead = this.#held = null;
    this.#remaining = -1;
    return true;
  }

  sendBody(buffer: Buffer, from: number, to: number): boolean {
    if (this.#isGone()) return true;
    const size = to - from;
    if (this.#remaining >= 0) this.#remaining -= size;
    this.#owner.useful(WINDOW_UPDATE_BYTES + (size >> 6));
    const isLarge = size > COPY_BELOW_BYTES;
    // Bytes that are copied may be held: then a small answer leaves whole, with the mark of its end.
    if (!isLarge && this.#heldHead !== null && this.#held === null) {
      this.#held = Buffer.from(buffer.subarray(from, to));
      return true;
    }
    this.flush();
    this.bytesOut += size;
    const bytes = buffer.subarray(from, to);
    this.#given = isLarge ? bytes : Buffer.from(bytes);
    const hasRoom = this.#node.write(this.#given, this.#onWritten);
    return (hasRoom && !isLarge) || this.#wait();
  }

  /** The server's connection waits, and the client has so long to take what it was sent. */
  #wait(): false {
    if (this.isWaiting) return false;
    this.isWaiting = true;
    this.dueMs = this.#owner.nowMs() + takingMs(this.#owner.limits);
    this.#owner.onWaiting();
    return false;
  }

  /** Node calls this also for what a stream that was reset had yet to send, and of the session's buffers that says nothing. */
  readonly #onWritten = (): void => {
    if (!this.isWaiting || this.#isGone() || this.#node.writableLength > 0) return;
    this.isWaiting = false;
    this.#given = null;
    this.#owner.onTaken();
    if (this.#isAnswerEnded) return;
    this.dueMs = NEVER;
    this.body.restart();
    this.sink?.onClientDrain();
  };

  flush(): void {
    if (this.#isGone()) return;
    if (this.#heldHead !== null) {
      // Only a chunked answer can have trailers; whether it has some is not known yet.
      if (this.#heldHead.framing === 'chunked') this.#tail = 'trailers';
      if (this.#tail === 'trailers') this.#node.on('wantTrailers', () => this.#sendTrailers());
      this.#respond({ waitForTrailers: this.#tail === 'trailers' });
    }
    if (this.#held === null) return;
    this.bytesOut += this.#held.length;
    this.#given = this.#held;
    this.#node.write(this.#held, this.#onWritten);
    this.#held = null;
  }

  #respond(options: { endStream?: boolean; waitForTrailers?: boolean }): void {
    const fields = this.#owner.answers.fieldsOf(this.#heldHead as AnswerHead);
    this.#heldHead = null;
    for (const text of fields) this.bytesOut += text.length;
    this.#owner.useful(WINDOW_UPDATE_BYTES);
    this.#node.respond(fields, options);
  }

  endAnswer(trailers: string): void {
    if (this.#isAnswerEnded) return;
    const node = this.#node;
    if (this.#remaining > 0) this.abort();
    this.#isAnswerEnded = true;
    if (this.#isGone()) return;
    this.#trailersOut = trailers;
    this.dueMs = this.#owner.nowMs() + takingMs(this.#owner.limits);
    if (trailers === '' && this.#sendWhole()) return;
    const isOpen = this.#isInputOpen();
    const waits = isOpen && endsSoon(this.head.fields);
    if (this.#heldHead !== null && trailers === '') {
      if (this.#held === null && !waits) this.#tail = 'fields';
      this.#respond({ endStream: this.#tail === 'fields' });
    }
    this.flush();
    if (!isOpen) return void node.end();
    // What has come of the request is thrown away: a stream with unread bytes would never be over.
    this.body.drop();
    this.#owner.excuse(WINDOW_BYTES);
    if (!waits) {
      node.end();
      this.#cutShort();
    } else {
      this.#isEndHeld = true;
      this.dueMs = this.#owner.nowMs() + REQUEST_ENDS_MS;
      node.once('end', () => {
        this.isRequestComplete = true;
        this.#endHeld();
      });
    }
    node.resume();
  }

  /** An answer of which nothing was sent yet goes past the stream, if that can be. */
  #sendWhole(): boolean {
    if (this.#heldHead === null || this.#held === null || this.#isInputOpen()) return false;
    const bytes = this.#owner.answers.sendWhole(this.#node, this.#heldHead, this.#held);
    if (bytes === 0) return false;
    this.bytesOut += bytes;
    this.#wholeBytes = this.#held.length;
    this.#given = this.#held;
    this.#heldHead = this.#held = null;
    this.#owner.useful(WINDOW_UPDATE_BYTES);
    return true;
  }

  /** Ends an answer that has waited for its request. */
  #endHeld(): void {
    if (!this.#isEndHeld || this.#isGone()) return;
    this.#isEndHeld = false;
    this.dueMs = this.#owner.nowMs() + takingMs(this.#owner.limits);
    this.#node.end();
  }

  /** The client need not send the rest of a body that was answered without it (RFC 9113 section 8.1). */
  #cutShort(): void {
    // (Not also `readable = false`, so that Node ended it sooner: then it destroys it amidst the reset, and the process dies.)
    if (this.#tail === 'fields') this.#closeLater();
    else if (this.#tail === 'data') this.#node.close(constants.NGHTTP2_NO_ERROR);
  }

  /** Fields that end an answer leave a little later; closing the stream now would overtake them. */
  #closeLater(): void {
    this.#tail = 'leaving';
    if (this.#isInputOpen()) this.dueMs = this.#owner.nowMs() + TRAILERS_LEAVE_MS;
  }

  /** The client may still send on this stream. */
  #isInputOpen(): boolean {
    return !this.isRequestComplete || this.#webSocketKey !== '';
  }

  #sendTrailers(): void {
    if (this.#isGone()) return;
    const pairs = fieldPairs(this.#trailersOut);
    for (const text of pairs) this.bytesOut += text.length;
    this.#node.sendTrailers(fieldObject(this.#trailersOut));
    this.#closeLater();
  }

  /** RST_STREAM with INTERNAL_ERROR. */
  abort(): void {
    this.#held = null;
    this.#isOurs = true;
    this.dueMs = NEVER;
    this.#isAnswerEnded = true;
    this.body.drop();
    if (this.#node.destroyed) return;
    // Not `close`: that ends the writable side first, and an answer without a length would look whole.
    this.#node.destroy(new Error('cut off'));
  }

  // ---- a switch to WebSocket

  checkSwitch(fields: string): string {
    return checkWebSocketAccept(fields, this.#webSocketKey);
  }

  switchProtocols(_phrase: string, fields: string): TunnelEnd {
    const isGone = this.#isGone();
    this.#heldHead = acceptedHead(fields);
    this.#isAnswerEnded = true;
    this.#isOurs = true;
    if (!isGone) this.#respond({});
    this.#node.on('aborted', () => this.#onAborted());
    this.#tunnel = tunnelOf(this.#node, isGone, (bytes) => this.#owner.useful(bytes + FRAME_BYTES));
    return this.#tunnel;
  }

  // ---- ends

  #isGone(): boolean {
    return this.#isOver || this.#node.destroyed || this.#node.closed;
  }

  /** The client reset the stream, or its connection ended, while we were still writing. */
  #onAborted(): void {
    if (this.#isOver) return;
    this.#leave();
    // Bytes that nobody reads any more would keep it.
    this.#node.destroy();
  }

  /**
   * A client counts the stream as over now and opens another. Node counts it until it hears that the frame was taken, which
   * over TLS is a turn of the event loop later, and refuses what then is too much.
   */
  #onSent(): void {
    if (this.#isAnswerEnded && this.#node.closed) this.#node.destroy();
  }

  #onClose(): void {
    this.#leave();
    this.#tunnel?.deliverClose();
  }

  #leave(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.dueMs = NEVER;
    this.body.drop();
    const isUnfinished = !this.#isAnswerEnded;
    if (this.#given !== null) this.#owner.keep(this.#given);
    this.#owner.onStreamOver(this, isUnfinished && !this.#isOurs);
    if (isUnfinished) this.sink?.onClientGone();
  }
}
