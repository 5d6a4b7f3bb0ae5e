/**
 * The reading side of one HTTP/1.x client connection: bytes -> heads -> streams, one exchange at a time, in order.
 *
 *   idle ──first byte──▶ head ──complete──▶ exchange ──answer and request complete──▶ idle
 *     │                   │ fault               │ client closes, fault, `Connection: close`
 *     └───────────────────┴──────▶ linger ◀─────┘        (FIN sent, input discarded for a short while, so that
 *                                                          the client can read the answer before a RST)
 *
 * Every phase has one deadline; dripping bytes does not move the one of the head. Bytes that arrive while an
 * answer is under way are kept (pipelining), bounded by pausing the socket.
 */
import type { Socket } from 'node:net';
import type { Clock } from '../kernel/clock.ts';
import type { Deadlines, Expiring } from '../kernel/deadlines.ts';
import { ChunkedDecoder, filterTrailers } from './chunked.ts';
import { HttpFault } from './fault.ts';
import { Http1Stream, type StreamOwner } from './http1-stream.ts';
import type { NameTable } from './names.ts';
import {
  buildRequestHead,
  parseRequestFields,
  parseRequestLine,
  type RequestFields,
  type RequestHead,
} from './request-head.ts';
import { hasForbiddenBytes } from './syntax.ts';
import { TunnelEnd } from './tunnel-end.ts';
import type { AnswerHead, ClientInfo, RequestHandler, WireLimits } from './wire.ts';

/** Bytes of later requests kept while an answer is under way; then the socket is paused. */
const MAX_PIPELINED_BYTES = 64 * 1024;
/** How long and how much is read and thrown away after our FIN. */
const LINGER_MS = 2000;
const LINGER_BYTES = 1024 * 1024;
/** A body gets this long before `min_rate` counts. */
const RATE_GRACE_MS = 10_000;
const RATE_LOOK_MS = 1000;

export interface WireDeps {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly names: NameTable;
  readonly handler: RequestHandler;
}

type Phase = 'idle' | 'head' | 'exchange' | 'linger' | 'tunnel' | 'closed';

export class Http1Connection implements StreamOwner, Expiring {
  readonly socket: Socket;
  readonly client: ClientInfo;
  deadlineMs: number;
  deadlineIndex = -1;
  isClosing = false;
  readonly onWritten: () => void;
  readonly #limits: WireLimits;
  readonly #deps: WireDeps;
  readonly #onClose: (connection: Http1Connection) => void;
  #phase: Phase = 'idle';
  /** Head bytes that are not a whole head yet. */
  #partial = '';
  /** How much of `#partial` was looked at already. */
  #scanned = 0;
  #lastFields: RequestFields | null = null;
  #stream: Http1Stream | null = null;
  #tunnel: TunnelEnd | null = null;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #bodyRemaining = 0;
  #decoder: ChunkedDecoder | null = null;
  #bodyBytes = 0;
  /** When the body began, or began to flow again after we had stopped it, with `#rateBytes` counted from there. */
  #bodyStartMs = 0;
  #bodyIdleMs = 0;
  #rateBytes = 0;
  /** The phases want no more body for now. */
  #isPaused = false;
  /** Too many bytes of later requests are kept. */
  #isHeld = false;
  #isWaitingForDrain = false;
  #lingered = 0;
  #isParsing = false;
  #requests = 0;

  constructor(
    socket: Socket,
    client: ClientInfo,
    limits: WireLimits,
    deps: WireDeps,
    onClose: (connection: Http1Connection) => void,
  ) {
    this.socket = socket;
    this.client = client;
    this.#limits = limits;
    this.#deps = deps;
    this.#onClose = onClose;
    this.onWritten = () => this.#onRoom();
    this.deadlineMs = deps.clock.nowMs() + limits.headerTimeoutMs;
    deps.deadlines.add(this);
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => this.#onEnd());
    socket.on('drain', () => this.#onRoom());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#onSocketClose());
  }

  /** Whether no exchange is under way. */
  get isIdle(): boolean {
    return this.#phase === 'idle' && this.#partial === '';
  }

  /** Answers what is under way, then closes; an idle connection closes now. */
  close(): void {
    this.isClosing = true;
    if (this.isIdle) this.socket.end(() => this.destroy());
  }

  destroy(): void {
    this.socket.destroy();
  }

  // ---- reading

  #onData(chunk: Buffer): void {
    switch (this.#phase) {
      case 'idle':
      case 'head':
        this.#readHeads(chunk);
        return;
      case 'exchange': {
        const stream = this.#stream as Http1Stream;
        if (!stream.isRequestComplete) {
          this.#readBody(chunk, 0);
          this.#readWaiting();
        } else this.#keep(chunk);
        return;
      }
      case 'tunnel':
        this.#tunnel?.deliver(chunk);
        return;
      case 'linger':
        this.#lingered += chunk.length;
        if (this.#lingered > LINGER_BYTES) this.destroy();
        return;
      case 'closed':
        return;
      default:
        this.#phase satisfies never;
    }
  }

  #keep(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes > MAX_PIPELINED_BYTES) {
      this.#isHeld = true;
      this.socket.pause();
    }
  }

  /** Requests that came while an answer was under way. */
  #readWaiting(): void {
    while (
      this.#waiting.length > 0 &&
      !this.#isParsing &&
      (this.#phase === 'idle' || this.#phase === 'head')
    ) {
      const chunk = this.#waiting.shift() as Buffer;
      this.#waitingBytes -= chunk.length;
      this.#readHeads(chunk);
    }
    if (this.#isHeld && this.#waitingBytes <= MAX_PIPELINED_BYTES && !this.#isPaused) {
      this.#isHeld = false;
      this.socket.resume();
    }
  }

  /** Reads from a chunk that starts inside or before a head; what follows the request is body or kept. */
  #readHeads(chunk: Buffer): void {
    const { maxHeadBytes } = this.#limits;
    const before = this.#partial.length;
    const room = maxHeadBytes + 4 - before;
    let text = chunk.length <= room ? chunk.toString('latin1') : chunk.toString('latin1', 0, room);
    if (before > 0) text = this.#partial + text;
    // RFC 9112 section 2.2: an empty line before the request line is skipped.
    let start = 0;
    if (text.charCodeAt(0) === 0x0d && text.startsWith('\r\n')) start = 2;
    const end = text.indexOf('\r\n\r\n', Math.max(start, this.#scanned - 3));
    if (end < 0) {
      this.#readPartial(text, start);
      return;
    }
    if (end + 4 - start > maxHeadBytes) {
      this.#refuse(new HttpFault('head_too_large', `the head is larger than ${maxHeadBytes} bytes`));
      return;
    }
    this.#partial = '';
    this.#scanned = 0;
    const head = this.#parseHead(text, start, end);
    if (head instanceof HttpFault) {
      this.#refuse(head);
      return;
    }
    this.#begin(head, end + 4 - start, chunk, end + 4 - before);
  }

  /** Not a whole head yet: refuse at once what can never become one, and set the deadline of the head. */
  #readPartial(text: string, start: number): void {
    const { maxHeadBytes, maxTargetBytes } = this.#limits;
    const fresh = text.slice(Math.max(0, this.#scanned - 1));
    if (hasForbiddenBytes(fresh.endsWith('\r') ? fresh.slice(0, -1) : fresh)) {
      this.#refuse(new HttpFault('bad_request', 'control byte, bare CR or bare LF in the head'));
      return;
    }
    if (text.length - start > maxTargetBytes + 64 && text.indexOf('\r\n', start) < 0) {
      this.#refuse(
        new HttpFault('target_too_long', `the request line is longer than ${maxTargetBytes} bytes`),
      );
      return;
    }
    if (text.length - start > maxHeadBytes) {
      this.#refuse(new HttpFault('head_too_large', `the head is larger than ${maxHeadBytes} bytes`));
      return;
    }
    if (this.#phase === 'idle') {
      this.#phase = 'head';
      // The first head's time runs from the accept, a later one's from its first byte.
      if (this.#requests > 0) this.deadlineMs = this.#deps.clock.nowMs() + this.#limits.headerTimeoutMs;
    }
    this.#partial = text;
    this.#scanned = text.length;
  }

  #parseHead(text: string, start: number, end: number): RequestHead | HttpFault {
    const lineEnd = text.indexOf('\r\n', start);
    const line = parseRequestLine(text.slice(start, lineEnd), this.#limits.maxTargetBytes);
    if (line instanceof HttpFault) return line;
    const block = lineEnd === end ? '' : text.slice(lineEnd + 2, end + 2);
    let fields = this.#lastFields;
    if (fields === null || fields.text !== block) {
      const parsed = parseRequestFields(
        block,
        this.#deps.names,
        this.client.isTrusted,
        this.#limits.maxFields,
      );
      if (parsed instanceof HttpFault) return parsed;
      fields = parsed;
      this.#lastFields = parsed;
    }
    return buildRequestHead(line, fields);
  }

  #begin(head: RequestHead, headBytes: number, chunk: Buffer, offset: number): void {
    const fields = head.fields;
    const { maxBodyBytes } = this.#limits;
    if (fields.expect !== '' && fields.expect !== '100-continue' && head.minor === 1) {
      this.#refuse(new HttpFault('expectation', 'an expectation other than 100-continue'));
      return;
    }
    if (maxBodyBytes > 0 && fields.contentLength > maxBodyBytes) {
      this.#refuse(new HttpFault('too_large', `the body is larger than ${maxBodyBytes} bytes`));
      return;
    }
    const nowMs = this.#deps.clock.nowMs();
    const stream = new Http1Stream(this, head, nowMs, headBytes);
    this.#stream = stream;
    this.#phase = 'exchange';
    this.#requests++;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#bodyBytes = 0;
    this.#rateBytes = 0;
    if (fields.isChunked) {
      this.#decoder = new ChunkedDecoder(this.#limits.maxHeadBytes);
    } else {
      this.#decoder = null;
      this.#bodyRemaining = fields.contentLength > 0 ? fields.contentLength : 0;
    }
    if (fields.isChunked || this.#bodyRemaining > 0) {
      this.#bodyStartMs = nowMs;
      this.#onBodyProgress(nowMs);
    } else stream.isRequestComplete = true;
    this.#isParsing = true;
    this.#deps.handler.onRequest(stream);
    if (offset < chunk.length) {
      if (stream.isRequestComplete) this.#keepFront(chunk.subarray(offset));
      else this.#readBody(chunk, offset);
    }
    this.#isParsing = false;
    this.#readWaiting();
  }

  #keepFront(chunk: Buffer): void {
    this.#waiting.unshift(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes > MAX_PIPELINED_BYTES) {
      this.#isHeld = true;
      this.socket.pause();
    }
  }

  /** Hands body bytes of `chunk` from `offset` on to the exchange; keeps what follows the body. */
  #readBody(chunk: Buffer, offset: number): void {
    const stream = this.#stream as Http1Stream;
    const sink = stream.sink;
    if (this.#phase !== 'exchange' || !sink) {
      // The exchange ended without wanting its body (an early answer); the rest is lingered away.
      return;
    }
    let end: number;
    if (this.#decoder) {
      const result = this.#decoder.push(chunk, offset, chunk.length, this);
      if (result instanceof HttpFault) {
        this.#failBody(result);
        return;
      }
      end = result;
    } else {
      end = Math.min(chunk.length, offset + this.#bodyRemaining);
      this.#bodyRemaining -= end - offset;
      this.onChunkData(chunk, offset, end);
    }
    stream.bytesIn += end - offset;
    const isDone = this.#decoder ? this.#decoder.isDone : this.#bodyRemaining === 0;
    if (this.#phase !== 'exchange' || this.#stream !== stream || stream.sink === null) return;
    if (!isDone) {
      this.#onBodyProgress(this.#deps.clock.nowMs());
      return;
    }
    let trailers = '';
    if (this.#decoder && this.#decoder.trailers !== '') {
      const filtered = filterTrailers(this.#decoder.trailers, this.#deps.names, this.#limits.maxFields);
      if (filtered instanceof HttpFault) {
        this.#failBody(filtered);
        return;
      }
      trailers = filtered;
    }
    stream.isRequestComplete = true;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    if (end < chunk.length) this.#keepFront(chunk.subarray(end));
    sink.onBodyEnd(trailers);
    this.#finishIfDone(stream);
  }

  /** A range of body data (also the sink of the chunk decoder). */
  onChunkData(chunk: Buffer, from: number, to: number): void {
    const sink = this.#stream?.sink;
    if (!sink || from === to) return;
    this.#bodyBytes += to - from;
    this.#rateBytes += to - from;
    const { maxBodyBytes } = this.#limits;
    if (maxBodyBytes > 0 && this.#bodyBytes > maxBodyBytes) {
      this.#failBody(new HttpFault('too_large', `the body is larger than ${maxBodyBytes} bytes`));
      return;
    }
    sink.onBodyData(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to));
  }

  #failBody(fault: HttpFault): void {
    const stream = this.#stream;
    const sink = stream?.sink;
    if (!stream || !sink) return;
    stream.closesAfter = true;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    sink.onBodyFault(fault);
  }

  /** Bytes came: the idle deadline of the body starts anew. */
  #onBodyProgress(nowMs: number): void {
    this.#bodyIdleMs = nowMs + this.#limits.bodyTimeoutMs;
    this.#armBodyDeadline(nowMs);
  }

  /** The nearer of the idle deadline and the next look at the rate. */
  #armBodyDeadline(nowMs: number): void {
    if (this.#isPaused) {
      this.deadlineMs = Number.POSITIVE_INFINITY;
      return;
    }
    const graceMs = this.#bodyStartMs + RATE_GRACE_MS;
    const lookMs =
      this.#limits.minRate > 0 ? Math.max(graceMs, nowMs + RATE_LOOK_MS) : Number.POSITIVE_INFINITY;
    this.deadlineMs = Math.min(this.#bodyIdleMs, lookMs);
  }

  #onBodyDeadline(nowMs: number): void {
    const { bodyTimeoutMs, minRate } = this.#limits;
    if (nowMs >= this.#bodyIdleMs) {
      this.#failBody(new HttpFault('body_timeout', `no byte of the body for ${bodyTimeoutMs} ms`));
      return;
    }
    const elapsedMs = nowMs - this.#bodyStartMs;
    if (minRate > 0 && elapsedMs >= RATE_GRACE_MS && this.#rateBytes < (elapsedMs / 1000) * minRate) {
      this.#failBody(new HttpFault('body_timeout', `the body came slower than ${minRate} bytes a second`));
      return;
    }
    this.#armBodyDeadline(nowMs);
  }

  // ---- what the stream asks of its connection

  pauseReading(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.socket.pause();
    if (this.#phase === 'exchange') this.deadlineMs = Number.POSITIVE_INFINITY;
  }

  resumeReading(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#phase === 'exchange' && this.#stream && !this.#stream.isRequestComplete) {
      // Time spent waiting for the server is not the client's.
      this.#bodyStartMs = this.#deps.clock.nowMs();
      this.#rateBytes = 0;
      this.#onBodyProgress(this.#bodyStartMs);
    }
    if (!this.#isHeld) this.socket.resume();
  }

  onWaitingForDrain(): void {
    this.#isWaitingForDrain = true;
    this.deadlineMs = this.#deps.clock.nowMs() + this.#limits.bodyTimeoutMs;
  }

  #onRoom(): void {
    if (this.#phase === 'tunnel') {
      this.#tunnel?.deliverDrain();
      return;
    }
    if (!this.#isWaitingForDrain || this.socket.writableLength > 0) return;
    this.#isWaitingForDrain = false;
    if (this.#phase !== 'exchange') return;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    const stream = this.#stream;
    if (stream && !stream.isRequestComplete) this.#onBodyProgress(this.#deps.clock.nowMs());
    stream?.sink?.onClientDrain();
  }

  onAnswerEnd(stream: Http1Stream): void {
    if (this.#stream !== stream) return;
    if (stream.missingBytes > 0) {
      this.destroy();
      return;
    }
    if (!stream.isRequestComplete) {
      this.#linger();
      return;
    }
    this.#finishIfDone(stream);
    this.#readWaiting();
  }

  #finishIfDone(stream: Http1Stream): void {
    if (
      this.#stream !== stream ||
      this.#phase !== 'exchange' ||
      !stream.isAnswerEnded ||
      !stream.isRequestComplete
    )
      return;
    if (stream.closesAfter || this.isClosing) {
      this.#linger();
      return;
    }
    this.#stream = null;
    this.#phase = 'idle';
    if (this.#isPaused) this.resumeReading();
    this.deadlineMs = this.#deps.clock.nowMs() + this.#limits.idleTimeoutMs;
  }

  switchProtocols(): TunnelEnd {
    const early = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#phase = 'tunnel';
    this.#isPaused = false;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#tunnel = new TunnelEnd(this.socket, early);
    return this.#tunnel;
  }

  // ---- ends

  /** Answers a request that could not be read; the connection carries no other. */
  #refuse(fault: HttpFault): void {
    const { head, body } = this.#deps.handler.onFault(fault, this.client);
    this.socket.write(ownAnswer(head, body), 'latin1');
    this.#linger();
  }

  /** FIN now, but keep reading for a moment: a RST for unread input could overtake the answer. */
  #linger(): void {
    this.#phase = 'linger';
    this.#stream = null;
    this.#waiting = [];
    this.#partial = '';
    this.#lingered = 0;
    this.#isPaused = false;
    this.deadlineMs = this.#deps.clock.nowMs() + LINGER_MS;
    this.socket.end();
    this.socket.resume();
  }

  #onEnd(): void {
    if (this.#phase === 'tunnel') {
      this.#tunnel?.deliverEnd();
      return;
    }
    // A client that closes its half while it waits has gone (as nginx sees it): half-closing HTTP clients are
    // unknown in practice, and a cancelled request must free its server at once.
    this.destroy();
  }

  onDeadline(nowMs: number): void {
    switch (this.#phase) {
      case 'idle':
        this.destroy();
        return;
      case 'head':
        this.#refuse(
          new HttpFault('header_timeout', `no complete head within ${this.#limits.headerTimeoutMs} ms`),
        );
        return;
      case 'exchange':
        if (this.#isWaitingForDrain) this.destroy();
        else this.#onBodyDeadline(nowMs);
        return;
      case 'linger':
        this.destroy();
        return;
      case 'tunnel':
      case 'closed':
        this.deadlineMs = Number.POSITIVE_INFINITY;
        return;
      default:
        this.#phase satisfies never;
    }
  }

  #onSocketClose(): void {
    const wasTunnel = this.#phase === 'tunnel';
    const stream = this.#stream;
    this.#phase = 'closed';
    this.#deps.deadlines.remove(this);
    this.#stream = null;
    if (wasTunnel) this.#tunnel?.deliverClose();
    else if (stream && !stream.isAnswerEnded) stream.sink?.onClientGone();
    else if (stream?.sink && this.#isWaitingForDrain) stream.sink.onClientGone();
    this.#onClose(this);
  }
}

/** A whole answer of our own that closes the connection. */
function ownAnswer(head: AnswerHead, body: string): string {
  const length = Buffer.byteLength(body);
  return `HTTP/1.1 ${head.status} ${head.phrase}\r\n${head.fields}Content-Length: ${length}\r\nConnection: close\r\n\r\n${Buffer.from(body).toString('latin1')}`;
}
