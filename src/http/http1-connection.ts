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
import type { ClientInfo } from '../kernel/client-info.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Deadlines, Expiring } from '../kernel/deadlines.ts';
import { BodyReader, hasBody } from './body-reader.ts';
import { HttpFault } from './fault.ts';
import { HeadReader, type WholeHead } from './head-reader.ts';
import { closingAnswer, Http1Stream, type StreamOwner } from './http1-stream.ts';
import { TunnelEnd } from './tunnel-end.ts';
import type { RequestHandler, WireLimits } from './wire.ts';

/** Bytes of later requests kept while an answer is under way; then the socket is paused. */
const MAX_PIPELINED_BYTES = 64 * 1024;
/** How long and how much is read and thrown away after our FIN. */
const LINGER_MS = 2000;
const LINGER_BYTES = 1024 * 1024;

export interface WireDeps {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
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
  readonly #heads: HeadReader;
  #stream: Http1Stream | null = null;
  #tunnel: TunnelEnd | null = null;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** null when the request has no body, or has it all. */
  #body: BodyReader | null = null;
  /** The phases want no more body for now. */
  #isPaused = false;
  /** Too many bytes of later requests are kept. */
  #isHeld = false;
  #isWaitingForDrain = false;
  #lingered = 0;
  #isParsing = false;
  #isHeadTimed = false;
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
    this.#heads = new HeadReader(limits, client.isTrusted);
    this.onWritten = () => this.#onRoom();
    this.deadlineMs = deps.clock.nowMs() + limits.headerTimeoutMs;
    deps.deadlines.add(this);
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => this.#onEnd());
    socket.on('drain', () => this.#onRoom());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#onSocketClose());
  }

  /** Answers what is under way, then closes; an idle connection closes now. */
  close(): void {
    this.isClosing = true;
    if (this.#phase === 'idle') this.socket.end(() => this.destroy());
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
        } else this.#keep(chunk, false);
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

  /** Keeps bytes of later requests; `isFirst`: before those that wait already. */
  #keep(chunk: Buffer, isFirst: boolean): void {
    if (chunk.length === 0) return;
    if (isFirst) this.#waiting.unshift(chunk);
    else this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes <= MAX_PIPELINED_BYTES) return;
    this.#isHeld = true;
    this.socket.pause();
  }

  /** Requests that came while an answer was under way. A loop, not a recursion, however many there are. */
  #readWaiting(): void {
    if (this.#isParsing) return;
    this.#isParsing = true;
    while (this.#waiting.length > 0 && (this.#phase === 'idle' || this.#phase === 'head')) {
      const chunk = this.#waiting.shift() as Buffer;
      this.#waitingBytes -= chunk.length;
      this.#readHeads(chunk);
    }
    this.#isParsing = false;
    if (this.#isHeld && this.#waitingBytes <= MAX_PIPELINED_BYTES && !this.#isPaused) {
      this.#isHeld = false;
      this.socket.resume();
    }
  }

  /** Reads from a chunk that starts inside or before a head; what follows the request is body or kept. */
  #readHeads(chunk: Buffer): void {
    const result = this.#heads.push(chunk);
    if (result === null) {
      // An empty line after a request is no begun head: the connection stays idle.
      if (this.#heads.isBlank) return;
      this.#phase = 'head';
      // The first head's time runs from the accept, a later one's from its first byte.
      if (this.#requests > 0 && !this.#isHeadTimed)
        this.deadlineMs = this.#deps.clock.nowMs() + this.#limits.headerTimeoutMs;
      this.#isHeadTimed = true;
      return;
    }
    this.#isHeadTimed = false;
    if (result instanceof HttpFault) this.#refuse(result);
    else this.#begin(result, chunk);
  }

  #begin(whole: WholeHead, chunk: Buffer): void {
    const { head, bodyOffset } = whole;
    const { fields } = head;
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
    const stream = new Http1Stream(this, head, nowMs, whole.sizeBytes);
    this.#stream = stream;
    this.#phase = 'exchange';
    this.#requests++;
    this.#body = hasBody(fields) ? new BodyReader(fields, this.#limits, nowMs) : null;
    this.deadlineMs = this.#body ? this.#body.progress(nowMs) : Number.POSITIVE_INFINITY;
    stream.isRequestComplete = this.#body === null;
    const wasParsing = this.#isParsing;
    this.#isParsing = true;
    this.#deps.handler.onRequest(stream);
    if (bodyOffset < chunk.length) {
      if (stream.isRequestComplete) this.#keep(chunk.subarray(bodyOffset), true);
      else this.#readBody(chunk, bodyOffset);
    }
    this.#isParsing = wasParsing;
    this.#readWaiting();
  }

  /** Hands body bytes of `chunk` from `offset` on to the exchange, if it still wants them; keeps what follows. */
  #readBody(chunk: Buffer, offset: number): void {
    const stream = this.#stream;
    const body = this.#body;
    if (this.#phase !== 'exchange' || !stream?.sink || !body) return;
    const end = body.push(chunk, offset, this);
    // What the phases did with the bytes may have ended the exchange.
    if (this.#stream !== stream || stream.sink === null) return;
    if (end instanceof HttpFault) {
      this.#failBody(end);
      return;
    }
    stream.bytesIn += end - offset;
    if (!body.isDone) {
      this.deadlineMs = this.#isPaused ? Number.POSITIVE_INFINITY : body.progress(this.#deps.clock.nowMs());
      return;
    }
    const trailers = body.trailers();
    if (trailers instanceof HttpFault) {
      this.#failBody(trailers);
      return;
    }
    this.#body = null;
    stream.isRequestComplete = true;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    if (end < chunk.length) this.#keep(chunk.subarray(end), true);
    stream.sink.onBodyEnd(trailers);
    this.#finishIfDone(stream);
  }

  /** A range of body data, from the reader of the body. */
  onChunkData(chunk: Buffer, from: number, to: number): void {
    this.#stream?.sink?.onBodyData(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to));
  }

  #failBody(fault: HttpFault): void {
    const stream = this.#stream;
    if (!stream?.sink) return;
    stream.closesAfter = true;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    stream.sink.onBodyFault(fault);
  }

  #onBodyDeadline(nowMs: number): void {
    const next = this.#body ? this.#body.look(nowMs) : Number.POSITIVE_INFINITY;
    if (next instanceof HttpFault) this.#failBody(next);
    else this.deadlineMs = next;
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
    if (this.#phase === 'exchange' && this.#body && !this.#isWaitingForDrain)
      this.deadlineMs = this.#body.restart(this.#deps.clock.nowMs());
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
    if (this.#body && !this.#isPaused) this.deadlineMs = this.#body.restart(this.#deps.clock.nowMs());
    this.#stream?.sink?.onClientDrain();
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
    if (this.#stream !== stream || this.#phase !== 'exchange') return;
    if (!stream.isAnswerEnded || !stream.isRequestComplete) return;
    if (stream.closesAfter || this.isClosing) {
      this.#linger();
      return;
    }
    this.#stream = null;
    this.#phase = 'idle';
    if (this.#isPaused) this.resumeReading();
    this.deadlineMs = this.#deps.deadlines.after(this.#limits.idleTimeoutMs);
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
    this.socket.write(closingAnswer(head, body), 'latin1');
    this.#linger();
  }

  /** FIN now, but keep reading for a moment: a RST for unread input could overtake the answer. */
  #linger(): void {
    this.#phase = 'linger';
    this.#stream = null;
    this.#waiting = [];
    this.#heads.clear();
    this.#body = null;
    this.#lingered = 0;
    this.#isPaused = false;
    // What is still to be sent has the time of a body; the short while begins when the last of it has gone.
    const { clock } = this.#deps;
    this.deadlineMs =
      clock.nowMs() + (this.socket.writableLength > 0 ? this.#limits.bodyTimeoutMs : LINGER_MS);
    this.socket.end(() => {
      this.deadlineMs = clock.nowMs() + LINGER_MS;
    });
    this.socket.resume();
  }

  #onEnd(): void {
    if (this.#phase === 'tunnel') {
      this.#tunnel?.deliverEnd();
      return;
    }
    // A client that closes its half while it waits has gone (as nginx sees it): half-closing HTTP clients are
    // unknown in practice, and a cancelled request must free its server at once.
    if (this.#phase === 'linger') this.socket.destroySoon();
    else this.destroy();
  }

  onDeadline(nowMs: number): void {
    switch (this.#phase) {
      case 'idle':
      case 'linger':
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
    this.#onClose(this);
  }
}
