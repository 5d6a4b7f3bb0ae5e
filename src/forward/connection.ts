/**
 * One HTTP/1.1 connection to a server, used by one attempt after another. Reads into one buffer of its own
 * (no allocation a read); whoever cannot take the bytes at once pauses the connection, which also protects
 * the buffer.
 *
 *   | headroom 4 KiB | read buffer 64 KiB |      the head of the answer to the client is written into the bytes
 *                                               before the body, so that both leave in one piece
 *
 *   connecting ──▶ idle ◀──▶ busy ──101──▶ tunnel          any ──▶ closed
 *
 * Never used again (RFC 9112 sections 9.3, 11.2): after a fault, after surplus bytes, when the answer came before
 * the request was complete, when either side said close, past its age.
 */
import { connect as connectTcp, type OnReadOpts, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import {
  ChunkedDecoder,
  type ChunkSink,
  chunkHead,
  filterTrailers,
  HttpFault,
  type NameTable,
  parseResponseFields,
  parseStatusLine,
  type ResponseFields,
  ResponseHead,
  TunnelEnd,
} from '../http/index.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Deadlines, Expiring } from '../kernel/deadlines.ts';
import { errorText } from '../kernel/errors.ts';
import type { AttemptEvents, AttemptFailure } from './attempt.ts';

export interface ConnectTarget {
  readonly host: string;
  readonly port: number;
  /** Unix socket path; '' for TCP. */
  readonly path: string;
  /** null = plain. */
  readonly tls: TlsToServer | null;
}

/** TLS to one server, as tls/ compiles it: options for each connection, and the session to resume. */
export interface TlsToServer {
  connectOptions(): ConnectionOptions;
  follow(socket: TLSSocket): void;
}

export interface ConnectionLimits {
  readonly connectTimeoutMs: number;
  readonly firstByteTimeoutMs: number;
  /** Longest silence within an answer's body. */
  readonly bodyTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly maxAgeMs: number;
  readonly maxHeadBytes: number;
  readonly maxFields: number;
}

export interface ConnectionDeps {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly names: NameTable;
}

const HEADROOM_BYTES = 4096;
const READ_BYTES = 64 * 1024;
/** More interim answers than this before the final one is a server gone mad. */
/** Idle time after which the system asks whether the other side still lives. */
const TCP_KEEPALIVE_MS = 30_000;
const MAX_INTERIM = 32;
/** A body up to this size leaves in one write with its head. */
const JOIN_BELOW_BYTES = 8192;

type Phase = 'connecting' | 'idle' | 'busy' | 'tunnel' | 'closed';

export class ServerConnection implements Expiring, ChunkSink {
  deadlineMs: number;
  deadlineIndex = -1;
  readonly #socket: Socket;
  readonly #limits: ConnectionLimits;
  readonly #deps: ConnectionDeps;
  readonly #onIdle: (connection: ServerConnection) => void;
  readonly #onGone: (connection: ServerConnection) => void;
  readonly #read: Buffer;
  readonly #bornMs: number;
  #phase: Phase = 'connecting';
  #events: AttemptEvents | null = null;
  #method = '';
  #wantsUpgrade = false;
  #exchanges = 0;
  #wasSent = false;
  #isRequestDone = false;
  #sendsChunks = false;
  #partial = '';
  #hadAnswer = false;
  #interims = 0;
  #head: ResponseHead | null = null;
  #lastFields: ResponseFields | null = null;
  #framing: 'none' | 'length' | 'chunked' | 'close' = 'none';
  #remaining = 0;
  #decoder: ChunkedDecoder | null = null;
  #isPaused = false;
  #tunnel: TunnelEnd | null = null;
  #idleLimitMs: number;
  /** Bytes of requests and answers that passed, as on the wire. */
  bytesUp = 0;
  bytesDown = 0;

  constructor(
    target: ConnectTarget,
    limits: ConnectionLimits,
    deps: ConnectionDeps,
    onIdle: (connection: ServerConnection) => void,
    onGone: (connection: ServerConnection) => void,
  ) {
    this.#limits = limits;
    this.#deps = deps;
    this.#onIdle = onIdle;
    this.#onGone = onGone;
    this.#bornMs = deps.clock.nowMs();
    this.#idleLimitMs = limits.idleTimeoutMs;
    this.deadlineMs = this.#bornMs + limits.connectTimeoutMs;
    this.#read = Buffer.allocUnsafeSlow(HEADROOM_BYTES + READ_BYTES);
    const socket = openSocket(target, {
      buffer: this.#read.subarray(HEADROOM_BYTES),
      callback: (bytes) => {
        this.#onBytes(bytes);
        return true;
      },
    });
    this.#socket = socket;
    socket.once(target.tls === null ? 'connect' : 'secureConnect', () => this.#onConnect());
    socket.on('end', () => this.#onEnd());
    socket.on('drain', () => this.#onDrain());
    socket.on('error', (error) =>
      this.#fail(this.#phase === 'connecting' ? 'connect_error' : 'reset', errorText(error)),
    );
    socket.on('close', () => this.#onClose());
    deps.deadlines.add(this);
  }

  get isBusy(): boolean {
    return this.#events !== null || this.#phase === 'tunnel';
  }

  /** Whether it may serve another attempt now. */
  isUsable(nowMs: number): boolean {
    return this.#phase === 'idle' && !this.#socket.destroyed && nowMs < this.#bornMs + this.#limits.maxAgeMs;
  }

  /** Gives the connection to an attempt; `onReady` comes at once or when it is connected. */
  open(events: AttemptEvents): void {
    this.#events = events;
    this.#isRequestDone = false;
    this.#wasSent = false;
    this.#hadAnswer = false;
    this.#interims = 0;
    this.#head = null;
    this.#wantsUpgrade = false;
    if (this.#phase === 'idle') {
      this.#phase = 'busy';
      events.onReady();
    }
  }

  // ---- sending

  /**
   * Sends the head and as much of the body as is known.
   * @param text the whole head with its empty line
   * @param body what has come of the body
   * @param isChunked whether the body is framed in chunks
   * @param isComplete whether the body is complete with this
   */
  send(
    method: string,
    text: string,
    body: readonly Buffer[],
    isChunked: boolean,
    isComplete: boolean,
    trailers: string,
    wantsUpgrade: boolean,
  ): void {
    this.#method = method;
    this.#sendsChunks = isChunked;
    this.#wantsUpgrade = wantsUpgrade;
    this.#exchanges++;
    this.#wasSent = true;
    this.#isRequestDone = isComplete;
    this.#armForAnswer();
    if (body.length === 0 && (!isChunked || !isComplete)) {
      this.bytesUp += text.length;
      this.#socket.write(text, 'latin1');
      return;
    }
    this.#socket.cork();
    let first = text;
    for (const chunk of body) {
      if (chunk.length <= JOIN_BELOW_BYTES && first !== '') {
        first += isChunked
          ? `${chunkHead(chunk.length)}${chunk.toString('latin1')}\r\n`
          : chunk.toString('latin1');
        continue;
      }
      if (first !== '') this.#writeText(first);
      first = '';
      this.writeBody(chunk);
    }
    if (isComplete && isChunked) first += `0\r\n${trailers}\r\n`;
    if (first !== '') this.#writeText(first);
    this.#socket.uncork();
  }

  #writeText(text: string): void {
    this.bytesUp += text.length;
    this.#socket.write(text, 'latin1');
  }

  /**
   * While the request is incomplete its pace is the client's affair (its own deadlines run); from then on the
   * server has `first_byte_timeout`.
   */
  #armForAnswer(): void {
    if (this.#hadAnswer) return;
    this.deadlineMs = this.#isRequestDone
      ? this.#deps.clock.nowMs() + this.#limits.firstByteTimeoutMs
      : Number.POSITIVE_INFINITY;
  }

  /** @returns false when the buffer is full; `onServerDrain` follows */
  writeBody(chunk: Buffer): boolean {
    const socket = this.#socket;
    this.bytesUp += chunk.length;
    let hasRoom: boolean;
    if (this.#sendsChunks) {
      socket.cork();
      socket.write(chunkHead(chunk.length), 'latin1');
      socket.write(chunk);
      hasRoom = socket.write('\r\n', 'latin1');
      socket.uncork();
    } else hasRoom = socket.write(chunk);
    // A server that stops reading is as silent as one that does not answer.
    if (!hasRoom && !this.#hadAnswer)
      this.deadlineMs = this.#deps.clock.nowMs() + this.#limits.firstByteTimeoutMs;
    return hasRoom;
  }

  endBody(trailers: string): void {
    this.#isRequestDone = true;
    if (this.#sendsChunks) this.#writeText(`0\r\n${trailers}\r\n`);
    this.#armForAnswer();
  }

  #onDrain(): void {
    if (this.#tunnel) {
      this.#tunnel.deliverDrain();
      return;
    }
    if (this.#phase === 'busy') this.#armForAnswer();
    this.#events?.onServerDrain();
  }

  // ---- receiving

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#socket.pause();
    this.deadlineMs = Number.POSITIVE_INFINITY;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#phase === 'busy') this.deadlineMs = this.#deps.clock.nowMs() + this.#limits.bodyTimeoutMs;
    this.#socket.resume();
  }

  #onBytes(bytes: number): void {
    this.bytesDown += bytes;
    const from = HEADROOM_BYTES;
    const to = HEADROOM_BYTES + bytes;
    if (this.#phase === 'tunnel') {
      this.#tunnel?.deliver(Buffer.from(this.#read.subarray(from, to)));
      return;
    }
    const events = this.#events;
    if (this.#phase !== 'busy' || events === null || !this.#wasSent) {
      // Bytes that no request asked for: nobody may ever take them for an answer.
      this.#fail('bad_answer', 'the server spoke before it was asked');
      return;
    }
    this.#hadAnswer = true;
    let at = from;
    while (at < to && this.#events === events) {
      const next = this.#head === null ? this.#readHead(at, to) : this.#readBody(at, to);
      if (next < 0) return;
      at = next;
    }
    if (this.#events === events) {
      if (!this.#isPaused) this.deadlineMs = this.#deps.clock.nowMs() + this.#limits.bodyTimeoutMs;
      events.onReadDone();
    } else if (at < to && this.#tunnel === null) this.#socket.destroy();
  }

  /** @returns where to go on, or -1 when the connection failed */
  #readHead(at: number, to: number): number {
    const { maxHeadBytes } = this.#limits;
    const before = this.#partial.length;
    const room = maxHeadBytes + 4 - before;
    const text = this.#partial + this.#read.toString('latin1', at, Math.min(to, at + room));
    const end = text.indexOf('\r\n\r\n', Math.max(0, before - 3));
    if (end < 0) {
      if (!couldBeStatusLine(text)) return this.#fail('bad_answer', 'the answer is not HTTP/1.x');
      if (text.length > maxHeadBytes)
        return this.#fail('bad_answer', `the head is larger than ${maxHeadBytes} bytes`);
      this.#partial = text;
      return to;
    }
    this.#partial = '';
    const head = this.#parseHead(text, end);
    if (head instanceof HttpFault) return this.#fail('bad_answer', head.detail);
    const bodyStart = at + end + 4 - before;
    const events = this.#events as AttemptEvents;
    if (head.isInterim) return this.#takeInterim(head, events, bodyStart, to);
    this.#head = head;
    this.#framing = head.framing(this.#method);
    this.#remaining = head.fields.contentLength;
    this.#decoder = this.#framing === 'chunked' ? new ChunkedDecoder(maxHeadBytes) : null;
    events.onAnswerHead(head);
    if (this.#framing === 'none') this.#finish('', bodyStart < to);
    return bodyStart;
  }

  #parseHead(text: string, end: number): ResponseHead | HttpFault {
    const lineEnd = text.indexOf('\r\n');
    const line = parseStatusLine(text.slice(0, lineEnd));
    if (line instanceof HttpFault) return line;
    const block = lineEnd === end ? '' : text.slice(lineEnd + 2, end + 2);
    let fields = this.#lastFields;
    if (fields === null || fields.text !== block) {
      const parsed = parseResponseFields(block, this.#deps.names, this.#limits.maxFields);
      if (parsed instanceof HttpFault) return parsed;
      fields = parsed;
      this.#lastFields = parsed;
    }
    return new ResponseHead(line.status, line.minor, line.phrase, fields);
  }

  #takeInterim(head: ResponseHead, events: AttemptEvents, bodyStart: number, to: number): number {
    if (head.status === 101) {
      if (!this.#wantsUpgrade) return this.#fail('bad_answer', 'a 101 that nobody asked for');
      this.#phase = 'tunnel';
      this.#events = null;
      this.deadlineMs = Number.POSITIVE_INFINITY;
      const early = bodyStart < to ? [Buffer.from(this.#read.subarray(bodyStart, to))] : [];
      this.#tunnel = new TunnelEnd(this.#socket, early);
      events.onUpgrade(head, this.#tunnel);
      return to;
    }
    if (++this.#interims > MAX_INTERIM)
      return this.#fail('bad_answer', `more than ${MAX_INTERIM} interim answers`);
    events.onInterim(head);
    return bodyStart;
  }

  #readBody(at: number, to: number): number {
    const events = this.#events as AttemptEvents;
    if (this.#decoder) {
      const end = this.#decoder.push(this.#read, at, to, this);
      if (end instanceof HttpFault) return this.#fail('bad_answer', end.detail);
      if (this.#events !== events) return to;
      if (this.#decoder.isDone) this.#finishChunked(this.#decoder.trailers, end < to);
      return end;
    }
    if (this.#framing === 'close') {
      events.onAnswerData(this.#read, at, to);
      return to;
    }
    const end = Math.min(to, at + this.#remaining);
    this.#remaining -= end - at;
    events.onAnswerData(this.#read, at, end);
    if (this.#remaining === 0 && this.#events === events) this.#finish('', end < to);
    return end;
  }

  onChunkData(buffer: Buffer, from: number, to: number): void {
    this.#events?.onAnswerData(buffer, from, to);
  }

  #finishChunked(section: string, hasSurplus: boolean): void {
    const trailers = section === '' ? '' : filterTrailers(section, this.#deps.names, this.#limits.maxFields);
    if (trailers instanceof HttpFault) this.#fail('bad_answer', trailers.detail);
    else this.#finish(trailers, hasSurplus);
  }

  /** The answer is complete. The connection goes back, or ends when it cannot be trusted with another request. */
  #finish(trailers: string, hasSurplus: boolean): void {
    const events = this.#events as AttemptEvents;
    const head = this.#head as ResponseHead;
    this.#events = null;
    this.#head = null;
    this.#decoder = null;
    const isReusable = head.keepsAlive && this.#isRequestDone && !hasSurplus && this.#framing !== 'close';
    if (isReusable) {
      this.#phase = 'idle';
      this.deadlineMs = this.#deps.clock.nowMs() + this.#idleLimit(head);
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

  /** A server that says how long it keeps the connection (`Keep-Alive: timeout=5`) is left a second before. */
  #idleLimit(head: ResponseHead): number {
    const hint = head.fields.keepAliveTimeoutS;
    return hint < 0 ? this.#idleLimitMs : Math.min(this.#idleLimitMs, Math.max(0, hint * 1000 - 1000));
  }

  // ---- ends

  /** Ends the attempt without a word: the client is gone, or another attempt goes on. */
  cancel(): void {
    this.#events = null;
    this.#socket.destroy();
  }

  /** Fails an attempt that has no byte of its answer yet: its server is known to be gone. */
  failUnanswered(detail: string): void {
    if (this.#events !== null && !this.#hadAnswer)
      this.#fail(this.#wasSent ? 'reset' : 'connect_error', detail);
  }

  /** Closes an idle connection; a busy one closes after its exchange. */
  retire(): void {
    if (!this.isBusy) this.#socket.destroy();
  }

  #onConnect(): void {
    if (this.#phase !== 'connecting') return;
    this.#phase = this.#events ? 'busy' : 'idle';
    this.deadlineMs = Number.POSITIVE_INFINITY;
    if (this.#events) this.#events.onReady();
    else this.#onIdle(this);
  }

  #onEnd(): void {
    if (this.#phase === 'tunnel') this.#tunnel?.deliverEnd();
    else if (this.#events && this.#head && this.#framing === 'close') this.#finish('', false);
    else this.#fail('reset', 'the server closed the connection');
  }

  onDeadline(): void {
    this.deadlineMs = Number.POSITIVE_INFINITY;
    if (this.#phase === 'connecting')
      this.#fail('connect_error', `no connection within ${this.#limits.connectTimeoutMs} ms`);
    else if (this.#phase === 'busy')
      this.#fail(
        'timeout',
        this.#hadAnswer
          ? `silent for ${this.#limits.bodyTimeoutMs} ms within its answer`
          : `no answer within ${this.#limits.firstByteTimeoutMs} ms`,
      );
    else if (this.#phase === 'idle') this.#socket.destroy();
  }

  #onClose(): void {
    const wasTunnel = this.#phase === 'tunnel';
    this.#fail('reset', 'the server closed the connection');
    this.#phase = 'closed';
    this.#deps.deadlines.remove(this);
    if (wasTunnel) this.#tunnel?.deliverClose();
    this.#onGone(this);
  }

  /** Ends the connection and tells the attempt, if there is one. Returns -1 for the readers' sake. */
  #fail(kind: AttemptFailure['kind'], detail: string): -1 {
    const events = this.#events;
    this.#events = null;
    this.#socket.destroy();
    events?.onFailed({
      kind,
      detail,
      wasSent: this.#wasSent,
      hadAnswer: this.#hadAnswer,
      wasReused: this.#exchanges > 1,
    });
    return -1;
  }
}

function openSocket(target: ConnectTarget, onread: OnReadOpts): Socket {
  const where = target.path === '' ? { host: target.host, port: target.port } : { path: target.path };
  let socket: Socket;
  if (target.tls === null) socket = connectTcp({ ...where, onread });
  else {
    // `onread` works for tls.connect as it does for net.connect, which its types do not know.
    const options: ConnectionOptions & { onread: OnReadOpts } = {
      ...target.tls.connectOptions(),
      ...where,
      onread,
    };
    const secured = connectTls(options);
    target.tls.follow(secured);
    socket = secured;
  }
  socket.setNoDelay(true);
  socket.setKeepAlive(true, TCP_KEEPALIVE_MS);
  return socket;
}

/** Whether more bytes could still make this a status line; tells another protocol from a slow answer. */
function couldBeStatusLine(text: string): boolean {
  const start = 'HTTP/1.';
  return text.length < start.length ? start.startsWith(text) : text.startsWith(start);
}
