/**
 * A copy of a request at a server that nobody waits for. Its answer is read as far as that keeps the connection of use, and
 * counted for the server like any other; it is over in any case after `MAX_MS`.
 */
import type { Ticket } from '../admit/index.ts';
import type { AttemptEvents, AttemptFailure, ServerChannel, ServerRequest } from '../forward/index.ts';
import type { ResponseHead, TunnelEnd } from '../http/index.ts';
import type { Expiring } from '../kernel/deadlines.ts';
import type { MirrorResult, RouteCells } from '../observe/index.ts';
import type { Lease, Outcome } from '../pool/index.ts';
import type { MirrorPlaces } from './mirror.ts';
import type { ProxyDeps } from './plane.ts';

/** Of an answer; more costs more than a new connection. */
const MAX_ANSWER_BYTES = 1024 * 1024;
/** From its start to the end of the answer. The timeouts of the pool hold as well. */
const MAX_MS = 60_000;

/** Ends that say nothing against the server. */
const BLAMELESS: ReadonlySet<Outcome> = new Set(['cancelled', 'shortage', 'full']);

export interface MirrorJob {
  readonly deps: ProxyDeps;
  readonly requestId: string;
  /** Of the route. */
  readonly cells: RouteCells;
  readonly lease: Lease;
  /** Of a pool that does not let everybody in. */
  readonly ticket: Ticket | null;
  readonly request: ServerRequest;
}

export class MirrorAttempt implements AttemptEvents, Expiring {
  deadlineMs: number;
  deadlineIndex = -1;
  readonly #places: MirrorPlaces;
  readonly #job: MirrorJob;
  readonly #startMs: number;
  #channel: ServerChannel | null = null;
  #answerBytes = 0;

  constructor(places: MirrorPlaces, job: MirrorJob) {
    this.#places = places;
    this.#job = job;
    this.#startMs = job.deps.clock.nowMs();
    this.deadlineMs = this.#startMs + MAX_MS;
  }

  start(channel: ServerChannel): void {
    this.#places.taken++;
    this.#job.deps.deadlines.add(this);
    this.#channel = channel;
    channel.open(this);
  }

  onReady(): void {
    this.#channel?.send(this.#job.request);
  }

  onAnswerHead(head: ResponseHead): void {
    const { lease, ticket, deps } = this.#job;
    const nowMs = deps.clock.nowMs();
    lease.answered(head.judgedStatus, nowMs - this.#startMs);
    ticket?.answered(head.judgedStatus, nowMs);
  }

  onAnswerData(_buffer: Buffer, from: number, to: number): void {
    this.#answerBytes += to - from;
    if (this.#answerBytes <= MAX_ANSWER_BYTES) return;
    this.#channel?.cancel();
    this.#end('ok', 'cancelled');
  }

  onAnswerEnd(): void {
    this.#end('ok', 'ok');
  }

  onFailed({ kind, detail, wasReused, hadAnswer }: AttemptFailure): void {
    const { deps, requestId, lease } = this.#job;
    const fields = { request_id: requestId, server: lease.server.id, kind, detail };
    deps.log.debug('a copy of a request has failed', fields);
    // The server had closed an idle connection, as it may.
    const isStale = wasReused && kind === 'reset' && !hadAnswer;
    this.#end('failed', isStale ? 'cancelled' : kind);
  }

  onServerDown(failure: AttemptFailure): void {
    this.#channel?.cancel();
    this.onFailed(failure);
  }

  onUpgrade(_head: ResponseHead, server: TunnelEnd): void {
    server.destroy();
    this.#end('failed', 'bad_answer');
  }

  onInterim(): void {}
  onReadDone(): void {}
  onServerDrain(): void {}

  onDeadline(): void {
    this.#channel?.cancel();
    this.#end('failed', 'cancelled');
  }

  #end(result: MirrorResult, outcome: Outcome): void {
    if (this.#channel === null) return;
    this.#channel = null;
    this.#places.taken--;
    const { deps, lease, ticket, cells } = this.#job;
    deps.deadlines.remove(this);
    lease.release(outcome);
    ticket?.close(result === 'failed' && !BLAMELESS.has(outcome), deps.clock.nowMs());
    cells.countMirrored(result);
  }
}
