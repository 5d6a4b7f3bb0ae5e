/**
 * One client connection that speaks HTTP/2: a session of node:http2 on a socket that a listener accepted. Its streams
 * become exchanges (stream.ts); here are what they share, the deadlines, the accounting, and the ends.
 *
 *   starting ──first request──▶ open ──drain, idle, GOAWAY of the client──▶ closing ──last stream over──▶ lingering
 *      └───────── too late ──────┴──────────── too much of something ─────────────────────────────────────▶ ┘
 *
 * Node's session reads and writes the socket's handle itself; the socket is ours only to count its bytes and to end it.
 * All streams are looked at together, a few times a second: a deadline each would cost more than it says.
 */
import {
  constants,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import { AnswerPace, HttpFault, type WireDeps, type WireLimits } from '../http/index.ts';
import type { ClientInfo } from '../kernel/client-info.ts';
import type { Expiring } from '../kernel/deadlines.ts';
import { LinkedSet } from '../kernel/linked-set.ts';
import type { MemoryPressure } from '../kernel/memory.ts';
import type { SocketWriter } from '../kernel/socket-write.ts';
import { Allowance, Noise } from './allowance.ts';
import { AnswerTranslator } from './answer.ts';
import {
  CONNECTION_WINDOW_BYTES,
  COPY_BELOW_BYTES,
  MOST_KEPT_BYTES,
  NOISE_BYTES,
  NOISE_BYTES_PER_S,
  sessionOptions,
  WASTED_REQUESTS,
  WASTED_REQUESTS_PER_S,
  WINDOW_BYTES,
} from './limits.ts';
import { replaceStreamTables } from './node-streams.ts';
import { listSizeBytes, RequestTranslator } from './request.ts';
import { Http2Stream } from './stream.ts';
import type { StreamOwner } from './stream-owner.ts';

const { NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_SETTINGS_TIMEOUT, NGHTTP2_FLAG_END_STREAM } = constants;
/** How often a connection is looked at: one that sends, and one that does not. */
const BUSY_LOOK_MS = 250;
const QUIET_LOOK_MS = 1000;
/** How long a client has to take our GOAWAY and close, once nothing is under way. */
const LINGER_MS = 2000;
const NEVER = Number.POSITIVE_INFINITY;
/** The preface, the first SETTINGS and their acknowledgement are no noise. */
const GREETING_BYTES = 256;

/** Counts what happens to HTTP/2 connections of a listener. */
export interface Http2Meter {
  countHttp2(): void;
  /** A connection was ended because of what its client did. */
  countHttp2Refused(): void;
}

export class Http2Connection implements StreamOwner<Http2Stream>, Expiring {
  deadlineMs: number;
  deadlineIndex = -1;
  readonly client: ClientInfo;
  readonly limits: WireLimits;
  readonly memory: MemoryPressure;
  readonly answers: AnswerTranslator;
  readonly #socket: Socket;
  readonly #session: ServerHttp2Session;
  readonly #deps: WireDeps;
  readonly #meter: Http2Meter;
  readonly #requests: RequestTranslator;
  readonly #streams = new LinkedSet<Http2Stream>();
  /** How many of them wait for their client to take what they were given, and how it takes all of that. */
  #waiting = 0;
  readonly #taking: AnswerPace;
  /** Of streams that were reset: Node holds no reference to bytes of them that are on their way to the system. */
  readonly #kept: Buffer[] = [];
  #keptBytes = 0;
  readonly #writer: SocketWriter;
  readonly #noise: Noise;
  readonly #wasted: Allowance;
  #readBytes = 0;
  /** By when the client must have taken our settings; sent a first request; sent another one. */
  #greetedMs: number;
  #startMs: number;
  #idleMs = NEVER;
  #lingerMs = NEVER;
  #isRefused = false;

  constructor(
    socket: Socket,
    client: ClientInfo,
    limits: WireLimits,
    deps: WireDeps,
    meter: Http2Meter,
    onClose: (connection: Http2Connection) => void,
  ) {
    const nowMs = deps.clock.nowMs();
    this.#socket = socket;
    this.client = client;
    this.limits = limits;
    this.memory = deps.memory;
    this.#deps = deps;
    this.#meter = meter;
    this.answers = new AnswerTranslator(deps.date);
    this.#requests = new RequestTranslator(limits, client.isTrusted);
    this.#taking = new AnswerPace(limits);
    this.#writer = deps.sockets.writer(socket, client.tlsVersion !== '');
    this.#noise = new Noise(NOISE_BYTES, NOISE_BYTES_PER_S, nowMs);
    this.#noise.useful(GREETING_BYTES);
    this.#wasted = new Allowance(WASTED_REQUESTS, WASTED_REQUESTS_PER_S, nowMs);
    this.#greetedMs = this.#startMs = nowMs + limits.headerTimeoutMs;
    this.deadlineMs = nowMs + BUSY_LOOK_MS;
    meter.countHttp2();
    // A client that ends its direction is gone; nothing of HTTP/2 is half open.
    socket.allowHalfOpen = false;
    socket.once('close', () => {
      this.#lingerMs = NEVER;
      deps.deadlines.remove(this);
      onClose(this);
    });
    const session = performServerHandshake(socket, sessionOptions(limits)) as ServerHttp2Session;
    this.#session = session;
    replaceStreamTables(session);
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    session.on('stream', (stream, _fields, flags, raw: string[]) => this.#onStream(stream, flags, raw));
    session.on('localSettings', () => {
      this.#greetedMs = NEVER;
    });
    session.on('error', () => this.#onSessionError());
    deps.deadlines.add(this);
  }

  nowMs(): number {
    return this.#deps.clock.nowMs();
  }

  useful(bytes: number): void {
    this.#noise.useful(bytes);
  }

  excuse(bytes: number): void {
    this.#noise.excuse(bytes);
  }

  /** GOAWAY: requests that are under way are answered, further ones the client has to send elsewhere. */
  close(): void {
    this.#session.close();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  // ---- memory

  heldBytes(): number {
    let bytes = this.#writer.heldBytes(0);
    // Small ones are copies, which lie in buffers together.
    for (const kept of this.#kept)
      bytes += kept.length > COPY_BELOW_BYTES ? kept.buffer.byteLength : kept.length;
    for (const stream of this.#streams) bytes += stream.allHeldBytes;
    return bytes;
  }

  heldSinceMs(): number {
    return this.#streams.first?.startedMs ?? 0;
  }

  /** One client, however many streams it has: all of them end. */
  overload(): void {
    const fault = new HttpFault('overloaded', 'there is no memory left for this request');
    if (this.#streams.size === 0) this.close();
    for (const stream of this.#streams) stream.overload(fault);
  }

  relieve(): void {
    for (const stream of this.#streams) stream.body.relieve();
  }

  // ---- requests

  #onStream(node: ServerHttp2Stream, flags: number, raw: string[]): void {
    // Before all else: what comes behind in the same read may have ended the session, and with it this stream by an error.
    node.on('error', () => {});
    this.#startMs = NEVER;
    this.#idleMs = NEVER;
    // As if nothing had packed them: no less than what came.
    this.#noise.useful(listSizeBytes(raw));
    if (node.destroyed || node.closed) {
      this.#waste();
      return;
    }
    const isComplete = (flags & NGHTTP2_FLAG_END_STREAM) !== 0;
    const read = this.#requests.read(raw, isComplete);
    if (read instanceof HttpFault) {
      if (!isComplete) this.excuse(WINDOW_BYTES);
      this.#refuse(node, read);
      return;
    }
    const stream = new Http2Stream(this, node, read, isComplete);
    this.#streams.add(stream);
    this.#deps.handler.onRequest(stream);
    stream.readBody();
  }

  /** Answers a request that could not be read; the others of the connection go on. */
  #refuse(node: ServerHttp2Stream, fault: HttpFault): void {
    this.#waste();
    const { head, body } = this.#deps.handler.onFault(fault, this.client);
    if (node.destroyed || node.closed) return;
    node.respond(this.answers.fieldsOf({ ...head, framing: 'none', contentLength: Buffer.byteLength(body) }));
    node.end(body);
    node.close(constants.NGHTTP2_NO_ERROR);
    if (this.#streams.size === 0) this.#idleMs = this.nowMs() + this.limits.idleTimeoutMs;
  }

  onWaiting(): void {
    if (this.#waiting++ === 0) this.#taking.begin(this.nowMs(), this.#takenBytes());
  }

  onTaken(): void {
    // In the order in which the session got it.
    this.#letKeptGo();
    this.#endWaiting();
  }

  #endWaiting(): void {
    if (--this.#waiting === 0) this.#taking.end();
  }

  keep(bytes: Buffer): void {
    // What was given to the session is on its way to the system, or nowhere.
    if (this.#writer.queuedBytes === 0) return;
    this.#kept.push(bytes);
    this.#keptBytes += bytes.length;
    // A client that takes nothing, asks and resets.
    if (this.#keptBytes > MOST_KEPT_BYTES) this.#calm();
  }

  #letKeptGo(): void {
    this.#kept.length = 0;
    this.#keptBytes = 0;
  }

  #takenBytes(): number {
    return this.#socket.bytesWritten - this.#writer.queuedBytes;
  }

  onStreamOver(stream: Http2Stream, isWasted: boolean): void {
    if (stream.isWaiting) this.#endWaiting();
    if (!this.#streams.delete(stream)) return;
    if (this.#streams.size === 0) this.#idleMs = this.#deps.deadlines.after(this.limits.idleTimeoutMs);
    if (isWasted) this.#waste();
  }

  #waste(): void {
    if (!this.#wasted.spend(1, this.nowMs())) this.#calm();
  }

  // ---- deadlines and accounting

  onDeadline(nowMs: number): void {
    const readBytes = this.#socket.bytesRead;
    this.deadlineMs = nowMs + (readBytes === this.#readBytes ? QUIET_LOOK_MS : BUSY_LOOK_MS);
    if (this.#session.destroyed) {
      this.#linger(nowMs);
      return;
    }
    if (this.#writer.queuedBytes === 0) this.#letKeptGo();
    if (readBytes !== this.#readBytes) {
      this.#readBytes = readBytes;
      let heldBytes = 0;
      for (const stream of this.#streams) heldBytes += stream.heldBytes;
      if (!this.#noise.look(readBytes, heldBytes, nowMs)) {
        this.#calm();
        return;
      }
    }
    for (const stream of this.#streams) if (stream.dueMs <= nowMs) stream.onDue(nowMs);
    if (this.#taking.dueMs <= nowMs) {
      const fault = this.#taking.look(nowMs, this.#takenBytes());
      if (fault) for (const stream of this.#streams) if (stream.isWaiting) stream.onNotTaken(fault);
    }
    this.#lookAtTimes(nowMs);
  }

  #lookAtTimes(nowMs: number): void {
    if (nowMs >= this.#greetedMs) this.#end(NGHTTP2_SETTINGS_TIMEOUT);
    else if (nowMs >= this.#startMs || nowMs >= this.#idleMs) this.close();
  }

  /** The session is over, the socket should be soon: a client that does not close, or takes nothing, is not waited for. */
  #linger(nowMs: number): void {
    if (this.#lingerMs === NEVER) this.#lingerMs = nowMs + LINGER_MS;
    else if (nowMs >= this.#lingerMs) this.#socket.destroy();
  }

  #calm(): void {
    this.#end(NGHTTP2_ENHANCE_YOUR_CALM);
  }

  #end(code: number): void {
    if (!this.#session.destroyed) this.#session.destroy(new Error('ended'), code);
  }

  /** nghttp2 or Node ended the session for what came, we did, or the socket failed. */
  #onSessionError(): void {
    if (this.#isRefused || this.#socket.errored !== null) return;
    this.#isRefused = true;
    this.#meter.countHttp2Refused();
  }
}
