/**
 * An exchange on its way to a server and back: pick, attempt, retry, answer. Owns the connection and the part of the
 * request body that might have to be sent again; which server it goes to is choice.ts'.
 *
 *   start ─▶ pick ─▶ attempt ─▶ answer ─▶ end            client gone, timeout, fault of the body: end from anywhere
 *              ▲        │ failed before the client saw a byte, or its server turned unhealthy and another can take it
 *              └────────┘ (decideRetry)
 *
 * The body is kept until an answer begins, up to 64 KiB; while nothing of it has been sent the client is paused
 * there, afterwards a larger body passes on and the attempt becomes the only one.
 */
import {
  type AttemptFailure,
  BUFFER_BYTES,
  type RetryDecision,
  type RetryQuestion,
  type ServerChannel,
  type Tunnel,
} from '../forward/index.ts';
import type { HttpFault, RequestSink, ResponseHead, TunnelEnd } from '../http/index.ts';
import type { Lease, Outcome } from '../pool/index.ts';
import { answerForClient, wantsInterim } from './answer-text.ts';
import { Choice, type ChoiceEvents, type LeftFailure, type Other, type Refusal } from './choice.ts';
import { type Ending, failureEnding, lateFailure, ROUTE_TIMEOUT, refusalEnding } from './endings.ts';
import type { Exchange } from './exchange.ts';
import { beginCall, breakOff, checkCall, endCall } from './grpc.ts';
import { type Hedge, type HedgeOwner, planHedge } from './hedge.ts';
import { KeptBody, NO_BODY } from './kept-body.ts';
import type { PoolPlane } from './plane.ts';
import { introduction, serverRequest, trailersForServer } from './request-text.ts';
import { makeTunnel } from './switching.ts';
import { type TimedOwner, TimeLimits } from './time-limits.ts';

export class Forwarding implements RequestSink, HedgeOwner, ChoiceEvents, TimedOwner {
  readonly #exchange: Exchange;
  readonly #choice: Choice;
  #connection: ServerChannel | null = null;
  /** The request's head was given to the connection. */
  #isSending = false;
  #attemptStartMs = 0;
  #lastFailure: AttemptFailure | null = null;
  /** null = the request has no body. */
  readonly #kept: KeptBody | null;
  #isAnswerStarted = false;
  /** The client still holds on to the connection's read buffer. */
  #isClientFull = false;
  #isAnswerComplete = false;
  #tunnel: Tunnel | null = null;
  /** null = it may take as long as it likes. */
  readonly #time: TimeLimits | null;
  #hedge: Hedge | null = null;

  constructor(exchange: Exchange, pool: PoolPlane, timeoutMs: number) {
    this.#exchange = exchange;
    this.#choice = new Choice(exchange, pool, this);
    const { stream, deps } = exchange;
    exchange.relay = this;
    exchange.poolName = pool.pool.name;
    this.#kept = exchange.body ?? (stream.isRequestComplete ? null : new KeptBody());
    const { attemptTimeoutMs } = this.#choice.rule.options;
    this.#time = TimeLimits.of(this, deps, stream.startedMs, timeoutMs, attemptTimeoutMs);
    if (pool.isHttp2) beginCall(exchange);
  }

  start(): void {
    this.#choice.pick();
  }

  get #isBodyComplete(): boolean {
    return this.#kept === null || this.#kept.isComplete;
  }

  /** All of it that has been read, if it has one, could be sent again. */
  get #isBodyAtHand(): boolean {
    return this.#kept === null || this.#kept.isWhole;
  }

  // ---- the server (ChoiceEvents)

  onPicked(): void {
    this.#attempt(false);
  }

  onRefused(reason: Refusal): void {
    this.#end(refusalEnding(reason, this.#lastFailure));
  }

  #attempt(isFresh: boolean): void {
    const exchange = this.#exchange;
    const { pool, server } = this.#choice;
    exchange.attempts = ++this.#choice.attempts;
    exchange.serverId = server.id;
    if (exchange.attempts > 1) pool.cellsOf(server).countRetry();
    const isFirst = exchange.attempts === 1 && !this.#choice.hasWaited;
    this.#attemptStartMs = isFirst ? exchange.actedMs : exchange.deps.clock.nowMs();
    this.#isSending = false;
    this.#boundAttempt();
    const channels = pool.connectionsOf(server);
    this.#connection = channels.take(isFresh ? 'none' : this.#choice.reuse, introduction(exchange, pool));
    this.#connection.open(this);
  }

  /** While the request is incomplete, the time is its client's. */
  #boundAttempt(): void {
    if (this.#isBodyComplete) this.#time?.beginAttempt();
  }

  // ---- the attempt (AttemptEvents)

  onReady(): void {
    this.#isSending = true;
    const { pool, lease } = this.#choice;
    this.sendOn(this.#connection as ServerChannel, { pool, lease: lease as Lease });
    this.#planHedge();
    if (this.#isBodyComplete) return;
    this.#kept?.trim();
    this.#exchange.stream.resumeBody();
  }

  sendOn(connection: ServerChannel, { pool, lease }: Other): void {
    connection.send(serverRequest(this.#exchange, pool.host, lease.server, this.#kept ?? NO_BODY));
  }

  #planHedge(): void {
    if (this.#choice.pool.hedge === null || !this.#isBodyComplete) return;
    this.#hedge = planHedge(this, this.#choice, this.#exchange, this.#isBodyAtHand);
  }

  onHedgeAnswers(): void {
    // Its server has taken as long as this, and longer.
    this.#choice.pool.hedge?.observe(this.#exchange.deps.clock.nowMs() - this.#attemptStartMs);
    this.#handOver('cancelled');
  }

  /** A hedge that is under way goes on in the place of the present attempt, if there is one. */
  #handOver(outcome: Outcome, isAnswered = false): boolean {
    const hedge = this.#hedge;
    this.#hedge = null;
    if (hedge === null || !hedge.adopt()) return false;
    this.#connection?.cancel(isAnswered);
    this.#choice.release(outcome);
    this.#choice.goTo(hedge.other as Other);
    this.#connection = hedge.connection;
    this.#isSending = hedge.isSending;
    this.#attemptStartMs = hedge.startMs;
    this.#exchange.serverId = this.#choice.server.id;
    this.#boundAttempt();
    return true;
  }

  onInterim(head: ResponseHead): void {
    const { stream } = this.#exchange;
    if (wantsInterim(head.status, stream.head, this.#isBodyComplete))
      stream.sendInterim(head.status, head.phrase, head.fields.forward);
  }

  onAnswerHead(head: ResponseHead): void {
    const exchange = this.#exchange;
    const { stream } = exchange;
    const lease = this.#choice.lease as Lease;
    exchange.upstreamMs = exchange.deps.clock.nowMs() - this.#attemptStartMs;
    lease.answered(head.judgedStatus, exchange.upstreamMs, this.#servedMs());
    this.#choice.pool.hedge?.observe(exchange.upstreamMs);
    if (this.#choice.rule.wantsStatus(head.judgedStatus) && this.#askAnother(head.judgedStatus)) return;
    this.#hedge?.cancel();
    this.#hedge = null;
    this.#isAnswerStarted = true;
    this.#time?.endAttempt();
    exchange.ticket?.answered(head.judgedStatus, exchange.deps.clock.nowMs());
    this.#kept?.drop();
    exchange.status = head.status;
    checkCall(exchange, head.fields.forward);
    const answer = head.answerTo(stream.head.method);
    stream.startAnswer(answerForClient(exchange, answer, lease, this.#choice.pool.host));
  }

  /** How long the server has had the whole request; -1 = it has not. */
  #servedMs(): number {
    if (!this.#isBodyComplete) return -1;
    const sinceMs = Math.max(this.#attemptStartMs, this.#kept?.endMs ?? 0);
    return this.#attemptStartMs + this.#exchange.upstreamMs - sinceMs;
  }

  onAnswerData(buffer: Buffer, from: number, to: number): void {
    if (this.#exchange.out.sendBody(buffer, from, to) || this.#isClientFull) return;
    this.#isClientFull = true;
    this.#connection?.pause();
  }

  onReadDone(): void {
    this.#exchange.out.flush();
  }

  onAnswerEnd(trailers: string): void {
    this.#isAnswerComplete = true;
    const { stream } = this.#exchange;
    this.#choice.release('ok');
    if (this.#isClientFull) {
      // The client still reads from the buffer of the connection, which therefore waits.
      stream.flush();
      this.#pendingTrailers = trailers;
      return;
    }
    this.#connection = null;
    this.#finish(trailers);
  }
  #pendingTrailers = '';

  #finish(trailers: string): void {
    const exchange = this.#exchange;
    this.#time?.stop();
    endCall(exchange, trailers);
    exchange.endAnswer(trailers);
  }

  onUpgrade(head: ResponseHead, server: TunnelEnd): void {
    const exchange = this.#exchange;
    this.#connection = null;
    const fault = exchange.stream.checkSwitch(head.fields.forward);
    if (fault !== '') {
      server.destroy();
      this.#choice.release('bad_answer');
      this.#end({ reason: 'bad_upstream', detail: fault, fields: '' });
      return;
    }
    this.#isAnswerStarted = true;
    this.#time?.stop();
    this.#tunnel = makeTunnel(exchange, this.#choice, head, server, this.#attemptStartMs);
    this.#tunnel.open();
  }

  onFailed(failure: AttemptFailure): void {
    this.#connection = null;
    this.#isSending = false;
    this.#lastFailure = failure;
    this.#time?.endAttempt();
    if (this.#handOver(failure.wasReused && failure.kind === 'reset' ? 'cancelled' : failure.kind)) return;
    const decision = this.#decide(failure);
    switch (decision.kind) {
      case 'same_server':
        this.#choice.noteStale();
        this.#attempt(true);
        return;
      case 'other_server':
        this.#choice.leave(failure, decision.why);
        this.#choice.pause(failure.wasSent, () => this.start());
        return;
      case 'give_up':
        this.#choice.countRefused(decision);
        this.#choice.release(failure.kind);
        this.#end(failureEnding(failure));
        return;
      default:
        decision satisfies never;
    }
  }

  /** Leaves a server that is down if the request may be made again and another takes it; else it may still answer. */
  onServerDown(failure: AttemptFailure): void {
    if (this.#handOver(failure.kind)) return;
    const decision = this.#decide(failure);
    if (decision.kind === 'other_server' && this.#moveOn(failure, decision.why, false))
      this.#lastFailure = failure;
  }

  #decide(failure: RetryQuestion['failure']): RetryDecision {
    const request = { isBodyAtHand: this.#isBodyAtHand, isAnswerStarted: this.#isAnswerStarted };
    return this.#choice.decide(failure, request);
  }

  /** Has the request answered by another server, if that may be and there is one; else this answer is the answer. */
  #askAnother(status: number): boolean {
    if (this.#handOver('ok', true)) return true;
    const failure = { kind: 'status', wasSent: true, hadAnswer: true, wasReused: false } as const;
    const decision = this.#decide(failure);
    if (decision.kind === 'other_server')
      return this.#moveOn({ ...failure, detail: `status ${status}` }, 'status', true);
    this.#choice.countRefused(decision);
    return false;
  }

  /** Gives an attempt up that has not failed, if there is another server. @param isAnswered what is left of its answer may come */
  #moveOn(failure: LeftFailure, why: string, isAnswered: boolean): boolean {
    const other = this.#choice.findOther();
    if (other === null) return false;
    this.#connection?.cancel(isAnswered);
    this.#connection = null;
    this.#isSending = false;
    this.#time?.endAttempt();
    this.#choice.leave(failure, why);
    this.#choice.goTo(other);
    this.#choice.pause(failure.wasSent, () => this.#attempt(false));
    return true;
  }

  onServerDrain(): void {
    this.#exchange.stream.resumeBody();
  }

  // ---- the client (RequestSink)

  onBodyData(chunk: Buffer): void {
    const kept = this.#kept;
    if (this.#isAnswerComplete || kept === null) return;
    kept.add(chunk);
    if (this.#isSending) {
      kept.trim();
      if (!(this.#connection as ServerChannel).writeBody(chunk)) this.#exchange.stream.pauseBody(true);
    } else if (kept.isFull) this.#exchange.stream.pauseBody(false);
  }

  onBodyEnd(trailers: string): void {
    const kept = trailersForServer(this.#exchange, trailers);
    this.#kept?.end(kept, this.#exchange.deps.clock.nowMs());
    if (this.#connection !== null && !this.#isAnswerStarted) this.#boundAttempt();
    if (!this.#isSending || this.#connection === null) return;
    this.#connection.endBody(kept);
    this.#planHedge();
  }

  onBodyFault(fault: HttpFault): void {
    this.#end({ reason: fault.reason, detail: fault.detail, fields: '' });
  }

  onClientGone(): void {
    if (this.#isAnswerComplete) {
      // All of the answer was there, only the end of its delivery is missing; its bytes may still be on their way.
      this.#connection?.cancel();
      this.#connection = null;
      this.#time?.stop();
    } else this.#abandon('client_abort');
    this.#exchange.finish('client_abort');
  }

  onClientDrain(): void {
    if (!this.#isClientFull) return;
    this.#isClientFull = false;
    if (!this.#isAnswerComplete) {
      this.#connection?.resume();
      return;
    }
    this.#connection?.release();
    this.#connection = null;
    this.#finish(this.#pendingTrailers);
  }

  heldBytes(): number {
    const tunnelBytes = this.#tunnel === null ? 0 : this.#tunnel.heldBytes + BUFFER_BYTES;
    return (this.#kept?.sizeBytes ?? 0) + tunnelBytes + (this.#connection?.heldBytes ?? 0);
  }

  // ---- ends

  onAttemptLate(): void {
    const isSent = this.#isSending;
    this.#connection?.cancel();
    this.onFailed(lateFailure(isSent, this.#choice.rule.options.attemptTimeoutMs));
  }

  onRouteLate(nowMs: number): void {
    // A server that has the whole request and says nothing has failed; else the time may have been the client's.
    const isServers = this.#isSending && this.#isBodyComplete && !this.#isAnswerStarted;
    if (isServers) this.#exchange.ticket?.failed(nowMs);
    this.#end(ROUTE_TIMEOUT, isServers ? 'timeout' : 'cancelled');
  }

  #end({ reason, detail, fields }: Ending, outcome: Outcome = 'cancelled'): void {
    const exchange = this.#exchange;
    this.#abandon(outcome);
    exchange.relay = null;
    if (this.#isAnswerStarted && !exchange.stream.takeBack()) {
      // What the client has is not a whole answer, and it must not look like one.
      breakOff(exchange, reason, detail);
    } else exchange.refuse(reason, detail, fields);
  }

  /** Lets go of everything that this exchange holds. */
  #abandon(outcome: Outcome): void {
    this.#time?.stop();
    this.#connection?.cancel();
    this.#connection = null;
    this.#isSending = false;
    this.#hedge?.cancel();
    this.#choice.cancel(outcome);
    this.#tunnel?.close();
  }
}
