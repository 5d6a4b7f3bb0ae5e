/**
 * One client connection of Node's server: what Node has read in its order, one exchange at a time, ended as the raw codec
 * ends it. Node reads on while a request is under way; of a client that pipelines more than a few no more is read until
 * those have had their turn. (Node resumes the socket on its own account, which is undone at once.)
 */
import { type IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import * as http from '../http/index.ts';
import type { ClientInfo } from '../kernel/client-info.ts';
import type { Expiring } from '../kernel/deadlines.ts';
import { CONNECTION_BYTES, TLS_CONNECTION_BYTES } from '../kernel/memory.ts';
import { isReset } from '../kernel/socket-reset.ts';
import { NodeStream } from './node-stream.ts';

/** So many requests may wait, and those of one read. */
const WAITING_REQUESTS = 16;
/** What Node's two messages of a request cost that waits. */
const REQUEST_BYTES = 4096;
/** Whether a next head has begun is only seen by looking, and whether a client that we do not read has reset. */
const LOOK_MS = 500;
const NEVER = Number.POSITIVE_INFINITY;
const NOTHING = Buffer.alloc(0);

/** A request in its turn; a fault of the bytes themselves has no messages. */
interface Arrived {
  readonly whole: http.WholeHead | http.HttpFault;
  readonly messages: readonly [IncomingMessage, ServerResponse] | null;
}

export class NodeConnection implements Expiring {
  isClosing = false;
  deadlineMs: number;
  deadlineIndex = -1;
  readonly socket: Socket;
  readonly client: ClientInfo;
  readonly limits: http.WireLimits;
  readonly deps: http.WireDeps;
  readonly #onClose: (connection: NodeConnection) => void;
  readonly #heads: http.HeadReader;
  #phase: 'idle' | 'exchange' | 'tunnel' | 'linger' | 'closed' = 'idle';
  #waiting: Arrived[] = [];
  /** What came behind the head of an upgrade. */
  readonly #early = new http.WaitingBytes();
  #stream: NodeStream | null = null;
  #tunnel: http.TunnelEnd | null = null;
  /** A fault of the bytes: Node has lost its place among them. */
  #fault: http.HttpFault | null = null;
  #isHeld = false;
  #farewell: http.Farewell | null = null;
  #requests = 0;
  /** When it was idle last, and what the socket had read by then. */
  #idleMs: number;
  #idleBytes = 0;
  #headDueMs: number;

  constructor(
    socket: Socket,
    client: ClientInfo,
    limits: http.WireLimits,
    deps: http.WireDeps,
    onClose: (connection: NodeConnection) => void,
  ) {
    this.socket = socket;
    this.client = client;
    this.limits = limits;
    this.deps = deps;
    this.#onClose = onClose;
    this.#heads = new http.HeadReader(limits, client.isTrusted);
    this.#idleMs = deps.clock.nowMs();
    this.deadlineMs = this.#headDueMs = this.#idleMs + limits.headerTimeoutMs;
    deps.deadlines.add(this);
    // Node's way to end a connection after its last answer: it reads no more, which may cost the client that answer.
    const linger = (): void => this.#linger();
    socket.destroySoon = linger;
    socket.on('resume', () => this.#isHeld && socket.pause());
    socket.on('drain', () => (this.#tunnel ? this.#tunnel.deliverDrain() : this.#stream?.onRoom()));
    socket.on('end', () => this.#onEnd());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#onSocketClose());
  }

  /** Answers what is under way or may be, then closes; a connection that was idle for longer closes now. */
  close(): void {
    if (this.isClosing) return;
    this.isClosing = true;
    if (this.#phase !== 'idle' || this.#isHeadBegun) return;
    const nowMs = this.deps.clock.nowMs();
    if (this.#requests === 0) this.#idleMs = nowMs;
    this.deadlineMs = Math.min(this.deadlineMs, this.#idleMs + http.LAST_REQUEST_MS);
    if (this.deadlineMs > nowMs) return;
    this.#phase = 'linger';
    this.socket.end(() => this.destroy());
  }

  destroy(): void {
    if (this.#stream) this.#stream.abort();
    else this.socket.destroy();
  }

  /** Time is up: who has seen nothing of an answer is told so, all else ends. */
  shed(): void {
    if (!this.#stream?.shed()) this.destroy();
  }

  heldBytes(): number {
    const own = this.client.tlsVersion === '' ? CONNECTION_BYTES : TLS_CONNECTION_BYTES;
    const waiting = this.#waiting.length * REQUEST_BYTES + this.#early.sizeBytes;
    return own + waiting + (this.#stream?.heldBytes ?? this.socket.writableLength);
  }

  heldSinceMs(): number {
    return this.#phase === 'linger' ? Number.NEGATIVE_INFINITY : (this.#stream?.startedMs ?? 0);
  }

  overload(): void {
    const fault = new http.HttpFault('overloaded', 'there is no memory left for this request');
    if (this.#stream) this.#stream.pace.fail(fault);
    else this.destroy();
  }

  // ---- what Node tells

  takesUpgrade(request: IncomingMessage): boolean {
    const whole = this.#read(request);
    return !(whole instanceof http.HttpFault) && whole.head.upgrade !== '';
  }

  onRequest(request: IncomingMessage, response: ServerResponse): void {
    this.#arrive({ whole: this.#read(request), messages: [request, response] });
  }

  /** An upgrade that we take, or CONNECT: Node has let go of the socket. */
  onUpgrade(request: IncomingMessage, early: Buffer): void {
    this.#readAlone((chunk) => this.#onTunnelData(chunk));
    if (early.length > 0) this.#onTunnelData(early);
    this.onRequest(request, new ServerResponse(request));
  }

  onError({ code = '', message }: NodeJS.ErrnoException): void {
    if (!code.startsWith('HPE_') || code === 'HPE_INVALID_EOF_STATE') this.socket.destroy();
    else if (this.#fault === null && (this.#phase === 'idle' || this.#phase === 'exchange')) {
      const reason = code === 'HPE_HEADER_OVERFLOW' ? 'head_too_large' : 'bad_request';
      this.#fault = new http.HttpFault(reason, message);
      const last = this.#waiting.at(-1)?.messages?.[0] ?? this.#stream?.request;
      this.#discard();
      // Within a body it is that body's.
      if (last === undefined || last.complete) this.#arrive({ whole: this.#fault, messages: null });
      else if (last === this.#stream?.request) this.#stream.failBody(this.#fault);
    }
  }

  /** The head as our own reader has it: the same rules, limits and passed fields as with the raw codec. */
  #read({ method, url, httpVersion, rawHeaders }: IncomingMessage): http.WholeHead | http.HttpFault {
    const text = `${method} ${url} HTTP/${httpVersion}\r\n${http.linesOf(rawHeaders)}\r\n`;
    return this.#heads.push(Buffer.from(text, 'latin1')) ?? new http.HttpFault('bad_request', 'half a head');
  }

  // ---- one exchange after the other

  #arrive(arrived: Arrived): void {
    if (this.#phase !== 'idle' && this.#phase !== 'exchange') return;
    this.#waiting.push(arrived);
    if (this.#waiting.length > WAITING_REQUESTS) {
      this.#isHeld = true;
      this.socket.pause();
    }
    if (this.#phase === 'idle') this.#next();
  }

  #next(): void {
    const arrived = this.#waiting.shift();
    if (arrived === undefined) return;
    if (this.#isHeld && this.#waiting.length === 0) {
      this.#isHeld = false;
      this.socket.resume();
    }
    const { whole, messages } = arrived;
    if (whole instanceof http.HttpFault || messages === null) {
      this.#refuse(whole as http.HttpFault);
      return;
    }
    const fault = http.announcedFault(whole.head, this.limits);
    if (fault) this.#refuse(fault);
    else this.#begin(whole, ...messages);
  }

  #begin(whole: http.WholeHead, request: IncomingMessage, response: ServerResponse): void {
    if (response.socket === null) response.assignSocket(this.socket);
    const stream = new NodeStream(this, whole, request, response);
    this.#stream = stream;
    this.#phase = 'exchange';
    this.#requests++;
    this.deadlineMs = stream.startedMs + LOOK_MS;
    this.deps.handler.onRequest(stream);
    if (this.#fault && !request.complete) stream.failBody(this.#fault);
  }

  /** Node has handed over the last byte of the answer. */
  onAnswerSent(stream: NodeStream): void {
    if (this.#stream !== stream || this.#phase !== 'exchange') return;
    if (stream.closesAfter || this.isClosing || !stream.isRequestComplete) {
      this.#linger();
      return;
    }
    this.#leave();
    this.#phase = 'idle';
    this.#headDueMs = NEVER;
    this.#idleMs = this.deps.clock.nowMs();
    this.#idleBytes = this.socket.bytesRead;
    this.deadlineMs = this.#idleMs + LOOK_MS;
    this.#next();
  }

  switchProtocols(): http.TunnelEnd {
    this.#leave();
    this.#phase = 'tunnel';
    this.socket.destroySoon = Socket.prototype.destroySoon;
    this.#tunnel = new http.TunnelEnd(this.socket, this.#early.takeAll());
    return this.#tunnel;
  }

  #leave(): void {
    this.#stream?.pace.stop();
    this.#stream = null;
  }

  #onTunnelData(chunk: Buffer): void {
    if (this.#tunnel) this.#tunnel.deliver(chunk);
    else {
      this.#early.add(chunk);
      if (this.#early.isTooMuch) this.socket.pause();
    }
  }

  // ---- ends

  get #isHeadBegun(): boolean {
    return this.socket.bytesRead > this.#idleBytes;
  }

  onDeadline(nowMs: number): void {
    if (this.#phase === 'linger' || (this.#phase === 'exchange' && isReset(this.socket))) this.destroy();
    else if (this.#phase !== 'idle') this.deadlineMs = this.#phase === 'exchange' ? nowMs + LOOK_MS : NEVER;
    else if (!this.#isHeadBegun) {
      const idleForMs = this.isClosing ? http.LAST_REQUEST_MS : this.limits.idleTimeoutMs;
      if (nowMs >= Math.min(this.#headDueMs, this.#idleMs + idleForMs)) this.destroy();
      else this.deadlineMs = nowMs + LOOK_MS;
    } else {
      if (this.#headDueMs === NEVER) this.#headDueMs = nowMs + this.limits.headerTimeoutMs;
      this.deadlineMs = this.#headDueMs;
      const detail = `no complete head within ${this.limits.headerTimeoutMs} ms`;
      if (nowMs >= this.#headDueMs) this.#refuse(new http.HttpFault('header_timeout', detail));
    }
  }

  /** Answers a request that could not be read; the connection carries no other. */
  #refuse(fault: http.HttpFault): void {
    const { head, body } = this.deps.handler.onFault(fault, this.client);
    this.socket.write(http.closingAnswer(head, body, this.deps.date.line()), 'latin1');
    this.#linger();
  }

  #linger(): void {
    if (this.#phase === 'linger' || this.#phase === 'closed') return;
    this.#leave();
    this.#phase = 'linger';
    this.#waiting = [];
    this.#discard().begin(this.deps.clock, this.limits.bodyTimeoutMs, null, false);
  }

  /** What comes is thrown away from now on. */
  #discard(): http.Farewell {
    this.#farewell ??= new http.Farewell(this);
    const farewell = this.#farewell;
    this.#readAlone((chunk) => farewell.onBytes(chunk.length));
    return farewell;
  }

  /** Reads past Node's parser, which leaves a socket that it has stopped as one that waits for bytes, and they never come. */
  #readAlone(onBytes: (chunk: Buffer) => void): void {
    this.#isHeld = false;
    this.socket.removeAllListeners('data');
    this.socket.on('data', onBytes);
    this.socket.push(NOTHING);
    this.socket.resume();
  }

  #onEnd(): void {
    if (this.#tunnel) this.#tunnel.deliverEnd();
    // Who closes while it waits has gone.
    else if (this.#stream && !this.#stream.isAnswerEnded) this.destroy();
    else this.socket.end();
  }

  #onSocketClose(): void {
    const stream = this.#stream;
    this.#leave();
    this.#phase = 'closed';
    this.#waiting = [];
    this.deps.deadlines.remove(this);
    if (this.#tunnel) this.#tunnel.deliverClose();
    else if (stream && !stream.isAnswerEnded) stream.sink?.onClientGone();
    this.#onClose(this);
  }
}
