/**
 * The reading side of one HTTP/1.x client connection: bytes -> heads -> streams, one exchange at a time, in order.
 *
 *   idle ──first byte──▶ head ──complete──▶ exchange ──answer and request complete──▶ idle
 *     │                   │ fault               │ client closes, fault, `Connection: close`
 *     └───────────────────┴──────▶ linger ◀─────┘        (FIN sent, input discarded for a short while, so that
 *                                                          the client can read the answer before a RST)
 *
 * Every phase has a deadline (exchange-times.ts, idle-time.ts); dripping bytes does not move the one of the head. Bytes whose turn
 * has not come (pipelining, a paused body, answers that the client does not take) are kept in order, bounded by pausing.
 */
import type { Socket } from 'node:net';
import type { ClientInfo } from '../kernel/client-info.ts';
import type { Expiring } from '../kernel/deadlines.ts';
import type { SocketWriter, Written } from '../kernel/socket-write.ts';
import { announcedFault, BodyReader, hasBody } from './body-reader.ts';
import { ClientInput, NOTHING } from './client-input.ts';
import { ExchangeTimes } from './exchange-times.ts';
import { Farewell, saysNothingMore } from './farewell.ts';
import { HttpFault } from './fault.ts';
import { HeadReader, type WholeHead } from './head-reader.ts';
import type { HttpDate } from './http-date.ts';
import { closingAnswer, Http1Stream, type StreamOwner } from './http1-stream.ts';
import { IdleTime } from './idle-time.ts';
import { TunnelEnd } from './tunnel-end.ts';
import type { WireDeps, WireLimits } from './wire.ts';

const NEVER = Number.POSITIVE_INFINITY;
type Phase = 'idle' | 'head' | 'exchange' | 'linger' | 'tunnel' | 'closed';

export class Http1Connection implements StreamOwner, Expiring {
  readonly socket: Socket;
  readonly writer: SocketWriter;
  readonly client: ClientInfo;
  deadlineMs: number;
  deadlineIndex = -1;
  isClosing = false;
  readonly onWritten: Written = (error) => this.#onRoom(error);
  readonly date: HttpDate;
  readonly #limits: WireLimits;
  readonly #deps: WireDeps;
  readonly #onClose: (connection: Http1Connection) => void;
  #phase: Phase = 'idle';
  readonly #heads: HeadReader;
  #stream: Http1Stream | null = null;
  #tunnel: TunnelEnd | null = null;
  readonly #input: ClientInput;
  readonly #times: ExchangeTimes;
  readonly #idle: IdleTime;
  #farewell: Farewell | null = null;
  #isReading = false;

  constructor(
    socket: Socket,
    client: ClientInfo,
    limits: WireLimits,
    deps: WireDeps,
    onClose: (connection: Http1Connection) => void,
  ) {
    this.socket = socket;
    const isTls = client.tlsVersion !== '';
    this.writer = deps.sockets.writer(socket, isTls);
    this.#input = new ClientInput(socket, isTls, deps.sockets, (bytes) => this.#onData(bytes));
    this.client = client;
    this.#limits = limits;
    this.#deps = deps;
    this.date = deps.date;
    this.#onClose = onClose;
    this.#heads = new HeadReader(limits, client.isTrusted);
    this.#times = new ExchangeTimes(limits, deps, this.#input, this.writer);
    this.#idle = new IdleTime(deps.deadlines, limits.idleTimeoutMs);
    this.deadlineMs = deps.clock.nowMs() + limits.headerTimeoutMs;
    deps.deadlines.add(this);
    socket.on('end', () => this.#onEnd());
    socket.on('drain', () => this.#onRoom());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#onSocketClose());
  }

  /** Answers what is under way or may be, then closes; a connection that was idle for longer closes now. */
  close(): void {
    if (this.isClosing) return;
    this.isClosing = true;
    if (this.#phase !== 'idle') return;
    const nowMs = this.#deps.clock.nowMs();
    this.deadlineMs = Math.min(this.deadlineMs, this.#idle.lastRequestMs(nowMs));
    if (this.deadlineMs > nowMs) return;
    // A request that comes now could not be answered any more, so it must not be read.
    this.#phase = 'linger';
    this.writer.flush();
    this.socket.end(() => this.destroy());
  }

  destroy(): void {
    this.writer.flush();
    if (this.#stream) this.#stream.abort();
    else this.socket.destroy();
  }

  /** Time is up: who has seen nothing of an answer is told so, all else ends. */
  shed(): void {
    if (!this.#stream?.shed()) this.destroy();
  }

  #onData(chunk: Buffer): void {
    switch (this.#phase) {
      case 'idle':
      case 'head':
      case 'exchange':
        if (this.#input.isEmpty && this.#canRead()) this.#read(chunk, this.#input.isBorrowed);
        else this.#input.keep(chunk);
        this.#readWaiting();
        return;
      case 'tunnel':
        this.#tunnel?.deliver(chunk);
        return;
      case 'linger':
      case 'closed':
        this.#farewell?.onBytes(chunk.length);
        return;
      default:
        this.#phase satisfies never;
    }
  }

  /** Whether it is the turn of bytes that come now. */
  #canRead(): boolean {
    if (this.#isReading) return false;
    // Who does not take the answers to its requests has no more of them read: those answers would pile up here.
    if (this.#phase === 'idle' || this.#phase === 'head') return !this.socket.writableNeedDrain;
    return this.#phase === 'exchange' && this.#times.body !== null && !this.#input.isHalted;
  }

  #read(chunk: Buffer, isBorrowed: boolean): void {
    this.#isReading = true;
    if (this.#phase === 'exchange') this.#readBody(isBorrowed ? Buffer.from(chunk) : chunk);
    else this.#readHeads(chunk, isBorrowed);
    this.#isReading = false;
  }

  /** Bytes whose turn has come. A loop, not a recursion, however many requests they are. */
  #readWaiting(): void {
    while (!this.#input.isEmpty && this.#canRead()) this.#read(this.#input.take(), false);
    if (!this.#isReading && this.#input.balance() && this.#phase === 'exchange') this.#arm();
  }

  /** Reads from a chunk that starts inside or before a head; what follows the head has its turn next. */
  #readHeads(chunk: Buffer, isBorrowed: boolean): void {
    const result = this.#heads.push(chunk);
    if (result === null) {
      // An empty line after a request is no begun head: the connection stays idle.
      if (this.#heads.isBlank) return;
      // The first head's time runs from the accept, a later one's from its first byte.
      if (this.#phase === 'idle' && this.#idle.wasUsed)
        this.deadlineMs = this.#deps.clock.nowMs() + this.#limits.headerTimeoutMs;
      this.#phase = 'head';
      return;
    }
    if (result instanceof HttpFault) this.#refuse(result);
    else this.#begin(result, chunk, isBorrowed);
  }

  /** @param chunk the one that the head ended in; what comes behind the head has its turn next */
  #begin(whole: WholeHead, chunk: Buffer, isBorrowed: boolean): void {
    const { head } = whole;
    const rest = whole.bodyOffset < chunk.length ? chunk.subarray(whole.bodyOffset) : NOTHING;
    const fault = announcedFault(head, this.#limits);
    if (fault) {
      this.#refuse(fault);
      return;
    }
    const nowMs = this.#deps.clock.nowMs();
    const stream = new Http1Stream(this, head, nowMs, whole.sizeBytes);
    this.#stream = stream;
    this.#phase = 'exchange';
    stream.isRequestComplete = !hasBody(head.fields);
    if (!stream.isRequestComplete)
      this.#times.beginBody(new BodyReader(head.fields, this.#limits, nowMs), rest.length);
    this.#arm();
    this.#input.putBack(isBorrowed && rest !== NOTHING ? Buffer.from(rest) : rest);
    this.#deps.handler.onRequest(stream);
  }

  /** Hands bytes of the body on to the exchange, if it still wants them. */
  #readBody(chunk: Buffer): void {
    const stream = this.#stream;
    const { body } = this.#times;
    if (!stream?.sink || !body) return;
    const end = body.push(chunk, 0, stream);
    // What the phases did with the bytes may have ended the exchange.
    if (this.#stream !== stream || stream.sink === null) return;
    if (end instanceof HttpFault) {
      this.#fail(end);
      return;
    }
    stream.bytesIn += end;
    if (!body.isDone) {
      this.#times.bodyMoved();
      this.#arm();
      return;
    }
    const trailers = body.trailers();
    if (trailers instanceof HttpFault) {
      this.#fail(trailers);
      return;
    }
    this.#endBody();
    stream.isRequestComplete = true;
    if (end < chunk.length) this.#input.putBack(chunk.subarray(end));
    stream.sink.onBodyEnd(trailers);
    this.#finishIfDone(stream);
  }

  #endBody(): void {
    this.#times.body = null;
    this.#input.endBody();
    this.#arm();
  }

  /** The exchange cannot go on: the client is at fault, or there is no memory for it. */
  #fail(fault: HttpFault): void {
    const stream = this.#stream;
    if (!stream?.sink) {
      this.destroy();
      return;
    }
    stream.closesAfter = true;
    this.#endBody();
    stream.sink.onBodyFault(fault);
  }

  #onExchangeDeadline(nowMs: number): void {
    const next = this.#times.look(nowMs, this.#stream?.bytesOut ?? 0);
    if (next === 'gone') this.destroy();
    else if (next instanceof HttpFault) this.#fail(next);
    else this.deadlineMs = next;
  }

  #arm(): void {
    this.deadlineMs = this.#times.next();
  }

  // ---- memory

  heldBytes(): number {
    const beyond = this.#stream?.sink?.heldBytes() ?? 0;
    return this.#input.heldBytes + this.#heads.heldBytes + this.writer.heldBytes(beyond);
  }

  heldSinceMs(): number {
    return this.#stream?.startedMs ?? (this.#phase === 'linger' ? Number.NEGATIVE_INFINITY : 0);
  }

  overload(): void {
    const fault = new HttpFault('overloaded', 'there is no memory left for this request');
    if (this.#phase === 'head') this.#refuse(fault);
    else this.#fail(fault);
  }

  relieve(): void {
    if (!this.#times.releaseBody()) return;
    this.#arm();
    this.#readWaiting();
  }

  // ---- what the stream asks of its connection

  pauseReading(isInUse: boolean): void {
    if (this.#input.pause(isInUse) && this.#phase === 'exchange') this.#arm();
  }

  resumeReading(): void {
    if (!this.#input.resume()) return;
    if (this.#phase === 'exchange') this.deadlineMs = this.#times.restartBody();
    this.#readWaiting();
  }

  onWaitingForDrain(): void {
    if (this.#times.isTaking) return;
    this.#times.startTaking(this.#stream?.bytesOut ?? 0);
    this.#arm();
  }

  #onRoom(error?: Error | null): void {
    if (error || this.#tunnel) {
      this.#tunnel?.deliverDrain();
      return;
    }
    if (this.#times.isTaking && this.socket.writableLength === 0) {
      this.#times.endTaking();
      if (this.#phase === 'exchange') {
        this.deadlineMs = this.#times.restartBody();
        this.#stream?.sink?.onClientDrain();
      }
    }
    this.#readWaiting();
  }

  onAnswerEnd(stream: Http1Stream): void {
    if (this.#stream !== stream) return;
    if (stream.missingBytes > 0) this.destroy();
    else if (!stream.isRequestComplete) this.#linger();
    else {
      this.#finishIfDone(stream);
      this.#readWaiting();
    }
  }

  #finishIfDone(stream: Http1Stream): void {
    if (this.#stream !== stream || this.#phase !== 'exchange') return;
    if (!stream.isAnswerEnded || !stream.isRequestComplete) return;
    if (stream.closesAfter || this.isClosing) {
      this.#linger(saysNothingMore(stream) && this.#input.isEmpty);
      return;
    }
    this.#stream = null;
    this.#phase = 'idle';
    this.deadlineMs = this.#idle.begin();
    this.resumeReading();
  }

  switchProtocols(): TunnelEnd {
    this.#phase = 'tunnel';
    this.deadlineMs = NEVER;
    this.#tunnel = new TunnelEnd(this.socket, this.#input.clear());
    return this.#tunnel;
  }

  // ---- ends

  /** Answers a request that could not be read; the connection carries no other. */
  #refuse(fault: HttpFault): void {
    const { head, body } = this.#deps.handler.onFault(fault, this.client);
    this.writer.write(closingAnswer(head, body, this.date.line()));
    this.#linger();
  }

  /** Takes no more requests. @param isLastWord the client has nothing more to say: closes right behind the answer */
  #linger(isLastWord = false): void {
    this.#phase = 'linger';
    this.#stream = null;
    this.#heads.clear();
    this.#times.body = null;
    this.#farewell = new Farewell(this);
    this.#farewell.begin(this.#deps.clock, this.#limits.bodyTimeoutMs, this.writer, isLastWord);
    this.#input.clear();
  }

  #onEnd(): void {
    // A client that closes its half while it waits has gone (as nginx sees it): a cancelled request frees its server at once.
    this.writer.flush();
    if (this.#phase === 'tunnel') this.#tunnel?.deliverEnd();
    else if (this.#phase === 'linger' || this.#phase === 'idle') this.socket.destroySoon();
    else this.destroy();
  }

  onDeadline(nowMs: number): void {
    switch (this.#phase) {
      case 'idle':
        if (this.isClosing || nowMs >= this.#idle.endMs) this.destroy();
        else this.#forget();
        return;
      case 'linger':
        this.destroy();
        return;
      case 'head':
        this.#refuse(this.#heads.lateness());
        return;
      case 'exchange':
        this.#onExchangeDeadline(nowMs);
        return;
      case 'tunnel':
      case 'closed':
        this.deadlineMs = NEVER;
        return;
      default:
        this.#phase satisfies never;
    }
  }

  /** It is idle for a while: what was remembered for its next request is not worth the memory any more. */
  #forget(): void {
    this.deadlineMs = this.#idle.endMs;
    this.#heads.forget();
    this.client.memo = null;
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
