/**
 * One HTTP/1.1 connection to a server, used by one attempt after another. Reads into one buffer (no allocation a read);
 * whoever cannot take the bytes at once pauses the connection, which also protects the buffer.
 *
 *   connecting ──▶ idle ◀──▶ busy ──101──▶ tunnel          any ──▶ closed
 *
 * Never used again (RFC 9112 sections 9.3, 11.2): after a fault, after surplus bytes, when the answer came before the request was
 * complete, when either side said close or logged in to the connection, past its age. Before it is used again it rests (rest.ts).
 */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type ChunkSink, HttpFault, type ResponseHead, ResponseReader, TunnelEnd } from '../http/index.ts';
import type { Expiring } from '../kernel/deadlines.ts';
import { errorText } from '../kernel/errors.ts';
import type { Linked } from '../kernel/linked-set.ts';
import { emptySocket } from '../kernel/socket-internals.ts';
import { tlsEnd } from '../kernel/tls-end.ts';
import { AnswerBody } from './answer-body.ts';
import { type AttemptEvents, type AttemptFailure, failureKindOf, isGoodbye } from './attempt.ts';
import type { ServerChannel } from './channel.ts';
import { DISCARD_MS, Discard } from './discard.ts';
import {
  type ConnectionDeps,
  type ConnectionLimits,
  type ConnectionMeter,
  idleLimitMs,
  silenceText,
} from './options.ts';
import { MAX_INTERIM, Progress } from './progress.ts';
import { HEADROOM_BYTES, ReadBuffer } from './read-buffer.ts';
import { RequestWriter, type ServerRequest } from './request-writer.ts';
import { Rest } from './rest.ts';
import { type ConnectTarget, openSocket } from './server-socket.ts';

type Phase = 'connecting' | 'idle' | 'busy' | 'tunnel' | 'closed';

export class ServerConnection implements ServerChannel, Expiring, ChunkSink, Linked<ServerConnection> {
  deadlineMs: number;
  deadlineIndex = -1;
  /** Of all that are open to its server. */
  previous: ServerConnection | null = null;
  next: ServerConnection | null = null;
  /** The PROXY header that it began with, '' for none. */
  readonly proxyHeader: string;
  readonly rest: Rest;
  /** For who keeps idle connections: since when it is one; coarse. */
  idleSinceMs = 0;
  /** The server sent something that nobody had asked for, and not the 408 of one that is about to close. */
  hasSpokenUnasked = false;
  readonly #socket: Socket;
  readonly #writer: RequestWriter;
  readonly #isTls: boolean;
  readonly #limits: ConnectionLimits;
  readonly #deps: ConnectionDeps;
  readonly #onIdle: (connection: ServerConnection) => void;
  readonly #onGone: (connection: ServerConnection) => void;
  readonly #buffer: ReadBuffer;
  readonly #heads: ResponseReader;
  readonly #bornMs: number;
  #phase: Phase = 'connecting';
  #events: AttemptEvents | null = null;
  /** Takes what is left of an answer that nobody wants. */
  #discard: Discard | null = null;
  readonly #progress: Progress;
  #head: ResponseHead | null = null;
  readonly #body: AnswerBody;
  /** No other attempt may follow this one. */
  #isLast = false;
  #isPaused = false;
  #tunnel: TunnelEnd | null = null;
  #bytesDown = 0;

  constructor(
    target: ConnectTarget,
    limits: ConnectionLimits,
    deps: ConnectionDeps,
    onIdle: (connection: ServerConnection) => void,
    onGone: (connection: ServerConnection) => void,
  ) {
    this.#isTls = target.tls !== null;
    this.proxyHeader = target.proxyHeader ?? '';
    this.rest = new Rest(deps.sockets.turns);
    this.#limits = limits;
    this.#deps = deps;
    this.#body = new AnswerBody(limits);
    this.#onIdle = onIdle;
    this.#onGone = onGone;
    this.#bornMs = deps.clock.nowMs();
    this.deadlineMs = this.#bornMs + limits.connectTimeoutMs;
    this.#heads = new ResponseReader(limits, deps.sharedHead);
    this.#buffer = new ReadBuffer(this.#isTls, deps.sockets.largeBuffers);
    const socket = openSocket(target, {
      buffer: () => this.#nextBuffer(),
      callback: (bytes) => {
        this.#buffer.readBytes = bytes;
        this.#onBytes(bytes);
        return true;
      },
    });
    this.#socket = socket;
    this.#writer = new RequestWriter(socket, deps.sockets.writer(socket, this.#isTls), (error) =>
      this.#onWritten(error),
    );
    this.#progress = new Progress(this.#writer);
    socket.once(this.#isTls ? 'secureConnect' : 'connect', () => this.#onConnect());
    socket.on('end', () => this.#onEnd());
    socket.on('drain', () => this.#tunnel?.deliverDrain());
    socket.on('error', (error) => this.#onError(error));
    socket.on('close', () => this.#onClose());
    deps.deadlines.add(this);
  }

  /** Tells what went and came since the last call, as on the wire. */
  settle(meter: ConnectionMeter): void {
    meter.moved(this.#writer.bytes + (this.#tunnel?.bytesWritten ?? 0), this.#bytesDown);
    this.#writer.bytes = this.#bytesDown = 0;
  }

  /** Whether it may serve another attempt now. */
  get isUsable(): boolean {
    const isYoung = this.#deps.deadlines.after(0) < this.#bornMs + this.#limits.maxAgeMs;
    return this.#phase === 'idle' && !this.#socket.destroyed && isYoung;
  }

  /** Gives the connection to an attempt; `onReady` comes at once or when it is connected. */
  open(events: AttemptEvents): void {
    this.#events = events;
    this.#progress.begin();
    this.#head = this.#discard = null;
    if (this.#phase !== 'idle') return;
    this.#phase = 'busy';
    this.deadlineMs = Number.POSITIVE_INFINITY;
    if (this.rest.isOver) events.onReady();
    else
      this.rest.wait(() => {
        if (this.#events === events) events.onReady();
      });
  }

  // ---- sending

  /** Sends the head and as much of the body as is known. */
  send(request: ServerRequest): void {
    this.#progress.send(request);
    this.#isLast = request.bindsConnection;
    this.#buffer.isLargeWelcome = request.takesLargePieces;
    this.#arm();
    this.#writer.begin(request);
    this.rest.sent(this.#writer.isWaiting);
  }

  #arm(): void {
    if (this.#discard !== null) return;
    const limitMs = this.#progress.silenceMs(this.#limits, this.#head !== null);
    this.deadlineMs = this.#isPaused ? Number.POSITIVE_INFINITY : this.#deps.deadlines.after(limitMs);
  }

  /** @returns false when the buffer is full; `onServerDrain` follows */
  writeBody(chunk: Buffer): boolean {
    const wasFull = this.#progress.isFull;
    this.#progress.isFull = !this.#writer.body(chunk);
    if (!wasFull) this.#arm();
    return !this.#progress.isFull;
  }

  endBody(trailers: string): void {
    this.#progress.isRequestDone = true;
    this.#writer.end(trailers);
    this.#arm();
  }

  #onWritten(error?: Error | null): void {
    if (error || !this.#progress.isFull || this.#socket.writableLength > 0) return;
    this.#progress.isFull = false;
    if (this.#phase === 'busy') this.#arm();
    this.#events?.onServerDrain();
  }

  // ---- receiving

  /** Asked for the first one and behind each read; of a plain connection undefined means the same again. */
  #nextBuffer(): Uint8Array {
    if (this.#isTls || this.#phase === 'connecting') {
      // TLS hands over all records of a read, pause or no pause: none may be written over one that is still held.
      if (this.#isPaused) this.#buffer.turn();
      return this.#buffer.room;
    }
    return this.#buffer.next(this.#head === null ? 0 : this.#body.expectedBytes) as Uint8Array;
  }

  /** What it reads into, at most. */
  get heldBytes(): number {
    return this.#buffer.heldBytes;
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#buffer.hold(this.#deps.deadlines.after(0));
    this.#socket.pause();
    this.#arm();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#buffer.release(this.#deps.deadlines.after(0));
    if (this.#phase === 'busy') this.#arm();
    this.#socket.resume();
  }

  #onBytes(bytes: number): void {
    this.#bytesDown += bytes;
    const from = HEADROOM_BYTES;
    const to = HEADROOM_BYTES + bytes;
    if (this.#phase === 'tunnel') {
      this.#tunnel?.deliver(this.#buffer.bytes.subarray(from, to));
      return;
    }
    const events = this.#events;
    const isTooEarly = !this.#progress.hadAnswer && this.rest.isTooEarly(!this.#progress.isOut);
    if (this.#phase !== 'busy' || events === null || isTooEarly) {
      this.hasSpokenUnasked = !isGoodbye(this.#buffer.bytes, from, to);
      this.#fail(this.#progress.isReused ? 'reset' : 'bad_answer', 'the server spoke before it was asked');
      return;
    }
    this.#progress.hadAnswer = true;
    let at = from;
    let taker: AttemptEvents = events;
    while (at < to && this.#events === taker) {
      const next = this.#head === null ? this.#readHead(at, to) : this.#readBody(at, to);
      if (next < 0) return;
      at = next;
      taker = this.#discard ?? events;
    }
    if (this.#events === taker) {
      if (this.#head !== null) this.#arm();
      taker.onReadDone();
    } else if (at < to && this.#tunnel === null) this.#socket.destroy();
  }

  /** @returns where to go on, or -1 when the connection failed */
  #readHead(at: number, to: number): number {
    const whole = this.#heads.push(this.#buffer.bytes, at, to);
    if (whole === null) return to;
    if (whole instanceof HttpFault) return this.#fail('bad_answer', whole.detail);
    const { head, bodyStart } = whole;
    const events = this.#events as AttemptEvents;
    if (head.isInterim) return this.#takeInterim(head, events, bodyStart, to);
    this.#head = head;
    this.#body.begin(head, this.#progress.method);
    this.#isLast ||= !head.keepsAlive || this.#body.endsByClose;
    events.onAnswerHead(head);
    if (this.#body.isDone && this.#events !== null) this.#finish('', bodyStart < to);
    return bodyStart;
  }

  #takeInterim(head: ResponseHead, events: AttemptEvents, bodyStart: number, to: number): number {
    if (head.status === 101) {
      if (!this.#progress.wantsUpgrade)
        return this.#fail('bad_answer', 'it switched protocols, which nobody asked for');
      this.#phase = 'tunnel';
      this.#events = null;
      this.deadlineMs = Number.POSITIVE_INFINITY;
      const early = bodyStart < to ? [Buffer.from(this.#buffer.bytes.subarray(bodyStart, to))] : [];
      this.#tunnel = new TunnelEnd(this.#socket, early);
      events.onUpgrade(head, this.#tunnel);
      return to;
    }
    if (this.#progress.countInterim() > MAX_INTERIM)
      return this.#fail('bad_answer', `more than ${MAX_INTERIM} interim answers`);
    this.#arm();
    events.onInterim(head);
    return bodyStart;
  }

  #readBody(at: number, to: number): number {
    const events = this.#events;
    const end = this.#body.push(this.#buffer.bytes, at, to, this);
    if (end instanceof HttpFault) return this.#fail('bad_answer', end.detail);
    if (this.#events !== events) return to;
    if (this.#body.isDone) {
      const trailers = this.#body.trailers();
      if (trailers instanceof HttpFault) return this.#fail('bad_answer', trailers.detail);
      this.#finish(trailers, end < to);
    }
    return end;
  }

  onChunkData(buffer: Buffer, from: number, to: number): void {
    this.#events?.onAnswerData(buffer, from, to);
  }

  /** The answer is complete. The connection goes back, or ends when it cannot be trusted with another request. */
  #finish(trailers: string, hasSurplus: boolean): void {
    const events = this.#events as AttemptEvents;
    const head = this.#head as ResponseHead;
    this.#events = null;
    this.#head = null;
    this.hasSpokenUnasked = hasSurplus;
    const isReusable = !this.#isLast && this.#progress.isRequestDone && !hasSurplus;
    if (isReusable) {
      this.#phase = 'idle';
      this.rest.begin();
      this.deadlineMs = this.#deps.deadlines.after(idleLimitMs(this.#limits, head.fields.keepAliveTimeoutS));
    }
    // Back in the pool first: a pipelined request that starts within `onAnswerEnd` may take it.
    if (isReusable && !this.#isPaused) this.#onIdle(this);
    events.onAnswerEnd(trailers);
    if (!isReusable && !this.#isPaused) this.#socket.destroy();
  }

  /** The exchange has let go of the read buffer after a pause that outlived the answer. */
  release(): void {
    if (!this.#isPaused) return;
    this.resume();
    if (this.#phase === 'idle') this.#onIdle(this);
    else this.#socket.destroy();
  }

  // ---- ends

  /**
   * Ends the attempt without a word: the client is gone, or another attempt goes on.
   * @param isAnswered its answer has begun: the rest of a short one is read and thrown away, and the connection kept
   */
  cancel(isAnswered = false): void {
    const isWorthIt = isAnswered && !this.#isLast && this.#progress.isRequestDone && this.#body.isShort;
    this.#events = this.#discard = isWorthIt ? new Discard(this) : null;
    if (this.#events === null) this.#socket.destroy();
    else this.deadlineMs = this.#deps.deadlines.after(DISCARD_MS);
  }

  /** Tells an attempt that has no byte of its answer yet that its server is down. */
  tellServerDown(detail: string): void {
    if (this.#progress.hadAnswer) return;
    const kind = this.#progress.isOut ? 'reset' : 'connect_error';
    this.#events?.onServerDown({ ...this.#progress.failure(kind, detail), wasReused: false });
  }

  /** Closes an idle connection unless it is used again before. */
  expireIn(delayMs: number): void {
    if (this.#phase !== 'idle') return;
    this.deadlineMs = Math.min(this.deadlineMs, this.#deps.deadlines.after(delayMs));
  }

  /** Closes an idle connection; a busy one closes after its exchange. */
  retire(): void {
    if (this.#events === null && this.#phase !== 'tunnel') this.#socket.destroy();
  }

  #onConnect(): void {
    if (this.#phase !== 'connecting') return;
    this.#phase = 'busy';
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#events?.onReady();
  }

  #onError(error: Error): void {
    if (this.#writer.wasRefused(error)) this.#progress.wasSent = false;
    this.#fail(failureKindOf(error, this.#phase === 'connecting'), errorText(error));
  }

  #onEnd(): void {
    // Under TLS only close_notify ends a body that ends with its connection: a FIN anybody could have sent.
    const isCut = this.#isTls && tlsEnd(this.#socket as TLSSocket, this.#isPaused) === 'truncated';
    if (this.#phase === 'tunnel') this.#tunnel?.deliverEnd();
    else if (isCut) this.#fail('reset', 'the TLS connection ended without close_notify');
    else if (this.#events && this.#head && this.#body.endsByClose) this.#finish('', false);
    else this.#fail('reset', 'the server closed the connection');
  }

  onDeadline(): void {
    this.deadlineMs = Number.POSITIVE_INFINITY;
    if (this.#phase === 'connecting')
      this.#fail('connect_error', `no connection within ${this.#limits.connectTimeoutMs} ms`);
    else if (this.#phase === 'busy') this.#fail('timeout', silenceText(this.#limits, this.#head !== null));
    else if (this.#phase === 'idle') this.#socket.destroy();
  }

  #onClose(): void {
    const wasTunnel = this.#phase === 'tunnel';
    this.#fail('reset', 'the server closed the connection');
    this.#phase = 'closed';
    this.#deps.deadlines.remove(this);
    this.#buffer.close();
    if (wasTunnel) this.#tunnel?.deliverClose();
    this.#onGone(this);
    emptySocket(this.#socket);
  }

  /** Ends the connection and tells the attempt, if there is one. Returns -1 for the readers' sake. */
  #fail(kind: AttemptFailure['kind'], detail: string): -1 {
    const events = this.#events;
    this.#events = null;
    this.#socket.destroy();
    events?.onFailed(this.#progress.failure(kind, detail));
    return -1;
  }
}
