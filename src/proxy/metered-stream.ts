/**
 * A client's stream between wire and phases that counts what passes: it holds the answer and the body of the request to
 * a bandwidth, and the body to a size. Only exchanges of routes with such limits have one; neither side knows of it.
 *
 *    wire ◀──▶ MeteredStream ◀──▶ phases        answer over its pace: sendBody says "full" until it is paid for
 *                                               body over its pace: the client is not read, as if the server were slow
 *
 * Time is looked after by the coarse deadlines of the thread; what a late look costs is made up for (BytePace).
 */
import {
  type AnswerHead,
  type ClientStream,
  HttpFault,
  type RequestSink,
  type TunnelEnd,
} from '../http/index.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Deadlines, Expiring } from '../kernel/deadlines.ts';
import { BytePace } from '../limit/index.ts';

export interface MeterOptions {
  /** Of the request's body; 0 = any. */
  readonly maxBodyBytes: number;
  /** Bytes a second of the answer, and of the request's body; 0 = as fast as they go. */
  readonly downloadRate: number;
  readonly uploadRate: number;
}

const NEVER = Number.POSITIVE_INFINITY;

export class MeteredStream implements ClientStream, RequestSink, Expiring {
  deadlineMs = NEVER;
  deadlineIndex = -1;
  /** Smaller pieces flow more evenly. */
  readonly takesLargePieces = false;
  readonly #inner: ClientStream;
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #maxBodyBytes: number;
  readonly #download: BytePace | null;
  readonly #upload: BytePace | null;
  #sink: RequestSink | null;
  #bodyBytes = 0;
  /** When the answer, and the body, are paid for; NEVER = they are. */
  #downDueMs = NEVER;
  #upDueMs = NEVER;
  /** The wire has no room; the phases have been told that there is none. */
  #isFull = false;
  #isWaitedFor = false;
  /** By the phases. */
  #isPaused = false;

  constructor(inner: ClientStream, options: MeterOptions, tools: { clock: Clock; deadlines: Deadlines }) {
    this.#inner = inner;
    this.#clock = tools.clock;
    this.#deadlines = tools.deadlines;
    this.#maxBodyBytes = options.maxBodyBytes;
    const nowMs = inner.startedMs;
    this.#download = options.downloadRate > 0 ? new BytePace(options.downloadRate, nowMs) : null;
    this.#upload = options.uploadRate > 0 ? new BytePace(options.uploadRate, nowMs) : null;
    this.#sink = inner.sink;
    inner.sink = this;
  }

  // ---- what the phases see of the wire's stream

  get client(): ClientStream['client'] {
    return this.#inner.client;
  }
  get head(): ClientStream['head'] {
    return this.#inner.head;
  }
  get protocol(): string {
    return this.#inner.protocol;
  }
  get startedMs(): number {
    return this.#inner.startedMs;
  }
  get isRequestComplete(): boolean {
    return this.#inner.isRequestComplete;
  }
  get switchStatus(): ClientStream['switchStatus'] {
    return this.#inner.switchStatus;
  }
  get bytesIn(): number {
    return this.#inner.bytesIn;
  }
  set bytesIn(bytes: number) {
    this.#inner.bytesIn = bytes;
  }
  get bytesOut(): number {
    return this.#inner.bytesOut;
  }
  set bytesOut(bytes: number) {
    this.#inner.bytesOut = bytes;
  }
  get sink(): RequestSink | null {
    return this.#sink;
  }
  set sink(sink: RequestSink | null) {
    this.#sink = sink;
    this.#inner.sink = sink === null ? null : this;
    if (sink === null) this.#stop();
  }

  converse(silenceMs: number): void {
    this.#inner.converse(silenceMs);
  }
  sendInterim(status: number, phrase: string, fields: string): void {
    this.#inner.sendInterim(status, phrase, fields);
  }
  startAnswer(head: AnswerHead): void {
    this.#inner.startAnswer(head);
  }
  takeBack(): boolean {
    return this.#inner.takeBack();
  }
  flush(): void {
    this.#inner.flush();
  }
  checkSwitch(fields: string): string {
    return this.#inner.checkSwitch(fields);
  }
  switchProtocols(phrase: string, fields: string): TunnelEnd {
    this.#stop();
    return this.#inner.switchProtocols(phrase, fields);
  }
  endAnswer(trailers: string): void {
    this.#stop();
    this.#inner.endAnswer(trailers);
  }
  abort(): void {
    this.#stop();
    this.#inner.abort();
  }

  // ---- the answer

  sendBody(buffer: Buffer, from: number, to: number): boolean {
    if (!this.#inner.sendBody(buffer, from, to)) this.#isFull = true;
    if (this.#download !== null) {
      const nowMs = this.#clock.nowMs();
      const dueMs = this.#download.moved(to - from, nowMs);
      if (dueMs > nowMs) this.#wait(dueMs, this.#upDueMs);
    }
    this.#isWaitedFor = this.#isFull || this.#downDueMs !== NEVER;
    return !this.#isWaitedFor;
  }

  onClientDrain(): void {
    this.#isFull = false;
    this.#tellDrain();
  }

  #tellDrain(): void {
    if (!this.#isWaitedFor || this.#isFull || this.#downDueMs !== NEVER) return;
    this.#isWaitedFor = false;
    this.#sink?.onClientDrain();
  }

  // ---- the body of the request

  pauseBody(isInUse: boolean): void {
    this.#isPaused = true;
    this.#inner.pauseBody(isInUse);
  }

  resumeBody(): void {
    this.#isPaused = false;
    if (this.#upDueMs === NEVER) this.#inner.resumeBody();
  }

  onBodyData(chunk: Buffer): void {
    this.#bodyBytes += chunk.length;
    if (this.#maxBodyBytes > 0 && this.#bodyBytes > this.#maxBodyBytes) {
      this.#sink?.onBodyFault(tooLarge(this.#maxBodyBytes));
      return;
    }
    this.#sink?.onBodyData(chunk);
    if (this.#upload === null || this.#sink === null) return;
    const nowMs = this.#clock.nowMs();
    const dueMs = this.#upload.moved(chunk.length, nowMs);
    if (dueMs <= nowMs) return;
    if (!this.#isPaused && this.#upDueMs === NEVER) this.#inner.pauseBody(false);
    this.#wait(this.#downDueMs, dueMs);
  }

  onBodyEnd(trailers: string): void {
    this.#wait(this.#downDueMs, NEVER);
    this.#sink?.onBodyEnd(trailers);
  }
  onBodyFault(fault: HttpFault): void {
    this.#sink?.onBodyFault(fault);
  }
  onClientGone(): void {
    this.#stop();
    this.#sink?.onClientGone();
  }
  heldBytes(): number {
    return this.#sink?.heldBytes() ?? 0;
  }

  // ---- time

  #wait(downDueMs: number, upDueMs: number): void {
    this.#downDueMs = downDueMs;
    this.#upDueMs = upDueMs;
    this.deadlineMs = Math.min(downDueMs, upDueMs);
    if (this.deadlineMs !== NEVER) this.#deadlines.add(this);
  }

  onDeadline(nowMs: number): void {
    const isBodyPaid = this.#upDueMs <= nowMs;
    const isAnswerPaid = this.#downDueMs <= nowMs;
    this.#wait(isAnswerPaid ? NEVER : this.#downDueMs, isBodyPaid ? NEVER : this.#upDueMs);
    if (isBodyPaid && !this.#isPaused) this.#inner.resumeBody();
    if (isAnswerPaid) this.#tellDrain();
  }

  /** Nothing waits for time any more. */
  #stop(): void {
    this.#wait(NEVER, NEVER);
    this.#deadlines.remove(this);
  }
}

export function tooLarge(maxBytes: number): HttpFault {
  return new HttpFault('too_large', `the body is larger than ${maxBytes} bytes`);
}
