/**
 * One HTTP/2 connection to a server, shared by attempts (stream.ts).
 *
 *   connecting ──▶ ready ──GOAWAY, age, retired──▶ leaving ──last attempt over──▶ over        any ──error──▶ over
 *
 * Whether the other side still lives shows when something is waited for and nothing comes: then it is asked by a ping, and
 * a connection that does not answer ends, with all its attempts. Idle ones are asked with the next request. All attempts
 * are looked at together, a few times a second: a deadline each would cost more than it says.
 */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  constants,
} from 'node:http2';
import type { Socket } from 'node:net';
import {
  type AttemptFailure,
  type ConnectionDeps,
  type ConnectionLimits,
  type ConnectionMeter,
  type ConnectTarget,
  failureKindOf,
} from '../forward/index.ts';
import type { Expiring } from '../kernel/deadlines.ts';
import { errorText } from '../kernel/errors.ts';
import { type Linked, LinkedSet } from '../kernel/linked-set.ts';
import { afterThisLook } from '../kernel/loop-turn.ts';
import { AnswerHeads } from './answer-head.ts';
import {
  CONNECTION_WINDOW_BYTES,
  MAX_STREAMS,
  PING_AFTER_MS,
  PING_AGAIN_MS,
  PING_TIMEOUT_MS,
  sessionOptions,
} from './limits.ts';
import { type SessionListener, watchRules } from './node-events.ts';
import { RequestFields } from './request-fields.ts';
import { codeName } from './reset-codes.ts';
import { linkFault, openLink } from './server-link.ts';
import { ServerStream } from './stream.ts';

const NEVER = Number.POSITIVE_INFINITY;
const LOOK_MS = 250;
/** A server that was heard of so recently lives. */
const FRESH_MS = 1000;

/** Who keeps the sessions to a server. */
export interface SessionOwner {
  readonly limits: ConnectionLimits;
  readonly deps: ConnectionDeps;
  readonly meter: ConnectionMeter;
  /** Nothing is under way on it any more. */
  onIdle(session: ServerSession): void;
  /** There is room for a further attempt, here or on another connection. */
  onRoom(): void;
  /** One that waits for room is over. */
  onWaiterOver(stream: ServerStream): void;
  onGone(session: ServerSession): void;
}

export class ServerSession implements Expiring, Linked<ServerSession>, SessionListener {
  deadlineMs: number;
  deadlineIndex = -1;
  previous: ServerSession | null = null;
  next: ServerSession | null = null;
  readonly limits: ConnectionLimits;
  readonly heads: AnswerHeads;
  /** An attempt on it was answered. */
  hasServed = false;
  /** Streams that were reset for a broken rule. Written by them. */
  brokenStreams = 0;
  /** Why it ended, if for something other than its end. */
  failure: { readonly kind: AttemptFailure['kind']; readonly detail: string } | null = null;
  readonly #owner: SessionOwner;
  readonly #deps: ConnectionDeps;
  readonly #socket: Socket;
  readonly #isTls: boolean;
  readonly #fields: RequestFields;
  readonly #bornMs: number;
  readonly #streams = new LinkedSet<ServerStream>();
  readonly #toFlush: ServerStream[] = [];
  #session: ClientHttp2Session | null = null;
  /** Streams at a time, as the server has last said. */
  #allowed = MAX_STREAMS;
  #isLeaving = false;
  #isGone = false;
  #hasSettings = false;
  /** The last stream that the server looks at; Infinity = all of them. */
  #lastStream = NEVER;
  #idleSinceMs = 0;
  /** Bytes read by the last look, and when the last ones came: coarse. */
  #readBytes = 0;
  #heardMs: number;
  /** When an answer to a ping is due, and from when on another one may be sent. */
  #pongDueMs = NEVER;
  #pingFromMs = 0;
  #countedUp = 0;
  #countedDown = 0;

  constructor(target: ConnectTarget, owner: SessionOwner) {
    const { limits, deps } = owner;
    this.#owner = owner;
    this.limits = limits;
    this.#deps = deps;
    this.#isTls = target.tls !== null;
    this.heads = new AnswerHeads(limits.maxFields);
    this.#fields = new RequestFields(this.#isTls);
    this.#bornMs = this.#heardMs = deps.clock.nowMs();
    this.deadlineMs = this.#bornMs + limits.connectTimeoutMs;
    const socket = openLink(target);
    this.#socket = socket;
    socket.once(this.#isTls ? 'secureConnect' : 'connect', () => this.#onConnect());
    socket.on('error', (error) => this.#onSocketError(error));
    socket.on('close', () => this.#onClose());
    deps.deadlines.add(this);
  }

  // ---- for who keeps it

  get isReady(): boolean {
    return this.#session !== null && !this.isOver;
  }

  get isOver(): boolean {
    return this.#isGone || this.failure !== null || (this.#session?.destroyed ?? false);
  }

  /** It takes no further attempts. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  get isIdle(): boolean {
    return this.#streams.size === 0;
  }

  get idleSinceMs(): number {
    return this.#idleSinceMs;
  }

  /** Whether another attempt may go on it. @param mustBeFresh only if the server was heard of just now, or is being called */
  hasRoom(mustBeFresh: boolean): boolean {
    if (!this.#isUsable || this.#streams.size >= this.#allowed) return false;
    return !mustBeFresh || !this.hasServed || this.#heardMs + FRESH_MS >= this.after(0);
  }

  /** The server lets no stream be opened for now, and does not mean to end the connection. */
  get isShut(): boolean {
    return this.#allowed === 0 && this.#isUsable;
  }

  get #isUsable(): boolean {
    if (this.#isLeaving || this.isOver || (this.#session?.closed ?? false)) return false;
    return this.after(0) < this.#bornMs + this.limits.maxAgeMs;
  }

  take(): ServerStream {
    const stream = new ServerStream(this);
    this.#streams.add(stream);
    return stream;
  }

  /** An attempt that was waiting for room. */
  adopt(stream: ServerStream): void {
    this.#streams.add(stream);
    stream.moveTo(this);
  }

  /** No further attempts; ends with the last one of those that are under way. */
  retire(): void {
    this.#isLeaving = true;
    if (this.isIdle) this.#leave();
  }

  destroy(): void {
    for (const stream of this.#streams) stream.cancel();
    this.#socket.destroy();
  }

  tellServerDown(detail: string): void {
    for (const stream of this.#streams) stream.tellServerDown(detail);
  }

  // ---- for its streams

  after(delayMs: number): number {
    return this.#deps.deadlines.after(delayMs);
  }

  /** @throws when Node lets something of the request not pass */
  request(text: string, options: { endStream: boolean; waitForTrailers: boolean }): ClientHttp2Stream {
    const session = this.#session as ClientHttp2Session;
    const node = session.request(this.#fields.read(text), options);
    this.#owner.meter.http2.countStreamOpened();
    // What was idle for long may have lost its server without a word.
    if (this.#streams.size === 1 && this.hasServed && this.#idleSinceMs + PING_AFTER_MS < this.after(0))
      this.suspect();
    this.deadlineMs = Math.min(this.deadlineMs, this.after(LOOK_MS));
    return node;
  }

  /** @param isServed it was answered */
  onStreamOver(stream: ServerStream, isServed: boolean): void {
    if (stream.isWaiting) {
      this.#owner.onWaiterOver(stream);
      return;
    }
    this.hasServed ||= isServed;
    if (stream.isSent) this.#owner.meter.http2.countStreamOver();
    if (!this.#streams.delete(stream)) return;
    this.#owner.onRoom();
    if (this.#streams.size > 0) return;
    const nowMs = this.after(0);
    this.#idleSinceMs = nowMs;
    if (this.#session === null) return;
    this.#count();
    this.deadlineMs = nowMs + (this.#pongDueMs === NEVER ? this.limits.idleTimeoutMs : LOOK_MS);
    if (this.#isLeaving || this.#session.closed) this.#leave();
    else this.#owner.onIdle(this);
  }

  flushLater(stream: ServerStream): void {
    if (stream.isFlushDue) return;
    stream.isFlushDue = true;
    if (this.#toFlush.push(stream) === 1) afterThisLook(() => this.#flush());
  }

  #flush(): void {
    for (const stream of this.#toFlush.splice(0)) stream.flush();
  }

  /** Something of an answer came: the next silence may be asked about again. */
  onAnswer(): void {
    this.#pingFromMs = 0;
  }

  /** Something that was due did not come: is there anybody? */
  suspect(): void {
    if (this.#session === null || this.isOver || this.#pongDueMs !== NEVER) return;
    const sentMs = this.#deps.clock.nowMs();
    const isSent = this.#session.ping((error) => {
      if (error !== null) return;
      this.#pongDueMs = NEVER;
      this.#heardMs = this.#deps.clock.nowMs();
    });
    if (!isSent) return;
    this.#pongDueMs = sentMs + PING_TIMEOUT_MS;
    this.#pingFromMs = sentMs + PING_AGAIN_MS;
    this.deadlineMs = Math.min(this.deadlineMs, sentMs + LOOK_MS);
  }

  /** Whether the server will never look at this stream. */
  isBehindGoaway(id: number): boolean {
    return id > this.#lastStream;
  }

  countRefused(): void {
    this.#owner.meter.http2.countStreamRefused();
  }

  brokenText(error: Error): string {
    return this.#hasSettings ? `it broke HTTP/2: ${errorText(error)}` : 'it does not speak HTTP/2';
  }

  // ---- its life

  #onConnect(): void {
    const fault = linkFault(this.#socket, this.#isTls);
    if (fault !== '') {
      this.#end('connect_error', fault);
      return;
    }
    this.#heardMs = this.#deps.clock.nowMs();
    this.deadlineMs = this.#heardMs + LOOK_MS;
    const session = connectHttp2(this.#isTls ? 'https://server' : 'http://server', {
      ...sessionOptions(this.limits),
      createConnection: () => this.#socket,
    });
    this.#session = session;
    this.#owner.meter.http2.countHttp2Opened();
    watchRules(session, this);
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    session.on('remoteSettings', ({ maxConcurrentStreams = MAX_STREAMS }) =>
      this.#onAllowed(maxConcurrentStreams),
    );
    session.on('goaway', (code: number, lastStream: number) => this.#onGoaway(code, lastStream));
    session.on('error', (error) => {
      this.failure ??= { kind: 'bad_answer', detail: this.brokenText(error) };
    });
    if (this.#isLeaving && this.isIdle) this.#leave();
    for (const stream of this.#streams) stream.onSessionReady();
  }

  #onAllowed(streams: number): void {
    this.#hasSettings = true;
    this.#allowed = Math.min(MAX_STREAMS, streams);
    if (this.#streams.size > streams) for (const stream of this.#streams) stream.isOneOfTooMany = true;
    this.#owner.onRoom();
  }

  onBrokenRule(destroy: () => void): void {
    const before = this.brokenStreams;
    // By then a stream that was at fault has ended.
    afterThisLook(() => {
      if (this.brokenStreams === before) destroy();
      else this.suspect();
    });
  }

  #onGoaway(code: number, lastStream: number): void {
    this.#isLeaving = true;
    this.#owner.meter.http2.countGoaway();
    this.#lastStream = lastStream;
    // With an error Node ends the session at once, and all of its streams with it.
    if (code !== constants.NGHTTP2_NO_ERROR)
      this.failure ??= { kind: 'reset', detail: `the server ended the connection (${codeName(code)})` };
    this.#owner.onRoom();
  }

  #onSocketError(error: Error): void {
    const isConnecting = this.#session === null;
    this.#end(failureKindOf(error, isConnecting), errorText(error));
  }

  #end(kind: AttemptFailure['kind'], detail: string): void {
    this.failure ??= { kind, detail };
    this.#socket.destroy();
    if (this.#session === null) this.#failAll();
  }

  #failAll(): void {
    for (const stream of this.#streams) stream.onSessionOver();
  }

  #leave(): void {
    this.#isLeaving = true;
    if (this.#session === null) this.#socket.destroy();
    else this.#session.close();
  }

  #onClose(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#count();
    this.#deps.deadlines.remove(this);
    this.#owner.onGone(this);
    if (this.#session === null)
      this.failure ??= { kind: 'connect_error', detail: 'the server closed the connection' };
    else {
      this.#owner.meter.http2.countHttp2Over();
      this.#session.destroy();
    }
    // Those that have a stream hear of its end; what is left has none.
    this.#failAll();
  }

  // ---- looks

  onDeadline(nowMs: number): void {
    if (this.#session === null) {
      this.#end('connect_error', `no connection within ${this.limits.connectTimeoutMs} ms`);
      return;
    }
    const { bytesRead } = this.#socket;
    if (bytesRead !== this.#readBytes) {
      this.#readBytes = bytesRead;
      this.#heardMs = nowMs;
    }
    if (nowMs >= this.#pongDueMs) {
      this.#end('reset', `no answer to a ping within ${PING_TIMEOUT_MS} ms`);
      return;
    }
    if (this.isIdle) {
      if (nowMs >= this.#idleSinceMs + this.limits.idleTimeoutMs) this.#leave();
      this.deadlineMs = nowMs + (this.#pongDueMs === NEVER ? this.limits.idleTimeoutMs : LOOK_MS);
      return;
    }
    this.deadlineMs = nowMs + LOOK_MS;
    if (nowMs >= this.#heardMs + PING_AFTER_MS && nowMs >= this.#pingFromMs) this.suspect();
    for (const stream of this.#streams) if (stream.dueMs <= nowMs) stream.onDue();
  }

  #count(): void {
    const { bytesWritten, bytesRead } = this.#socket;
    this.#owner.meter.moved(bytesWritten - this.#countedUp, bytesRead - this.#countedDown);
    this.#countedUp = bytesWritten;
    this.#countedDown = bytesRead;
  }
}
