/**
 * Which server an exchange goes to: picks one, waits for one, leaves one for another, and knows what was tried. Owns the
 * lease of the present attempt.
 *
 *   pick ─▶ picked ─▶ leave ─▶ pick …            waiting: in the pool's queue until there is room
 *     └───▶ waiting ─▶ picked / refused          refused: nobody can be picked, also not in the snapshot in force
 *
 * It keeps to the snapshot that the exchange started with until that has nobody left; then it looks at the one in force.
 */
import {
  type AttemptFailure,
  backoffMs,
  decideRetry,
  type RetryDecision,
  type RetryQuestion,
  type Reuse,
  reuseFor,
} from '../forward/index.ts';
import type { Timer } from '../kernel/clock.ts';
import { NORMAL_RANK } from '../kernel/priority.ts';
import type { Lease, Outcome, PickContext, PickResult, Pool, PoolServer, Waiting } from '../pool/index.ts';
import type { Exchange } from './exchange.ts';
import { hashKeyOf } from './hash-key.ts';
import type { PoolPlane } from './plane.ts';
import { askedRank } from './priority.ts';
import { hasIdempotencyKey, type RetryRule } from './retry-rule.ts';

export type Refusal = Extract<PickResult, { kind: 'none' }>['reason'];

/** Who is told of the server, at once or later. */
export interface ChoiceEvents {
  onPicked(): void;
  onRefused(reason: Refusal): void;
}

/** A server that an exchange could go to instead, its slot taken already. */
export interface Other {
  readonly lease: Lease;
  readonly pool: PoolPlane;
}

/** Why a server is left: how an attempt failed, or which answer was not wanted. */
export type LeftFailure = Omit<AttemptFailure, 'kind'> & { readonly kind: RetryQuestion['failure']['kind'] };

export class Choice {
  /** The pool as the present snapshot of this exchange has it. */
  pool: PoolPlane;
  lease: Lease | null = null;
  /** When the request is made again; of the pool that it began with. */
  readonly rule: RetryRule;
  /** It stood in the pool's queue. */
  hasWaited = false;
  /** Attempts, those on stale connections too. */
  attempts = 0;
  readonly #exchange: Exchange;
  readonly #events: ChoiceEvents;
  readonly #context: PickContext;
  /** Servers that are not picked again. */
  readonly #tried: PoolServer[] = [];
  #waiting: Waiting | null = null;
  /** Attempts that met a stale connection, or a server that takes nothing for now: no failures. */
  #blamelessCount = 0;
  #fullServers = 0;
  #hasRetriedStale = false;
  /** Repeats of what was sent. */
  #repeats = 0;
  /** Before a repeat. */
  #pause: Timer | null = null;

  constructor(exchange: Exchange, pool: PoolPlane, events: ChoiceEvents) {
    this.#exchange = exchange;
    this.pool = pool;
    this.rule = exchange.route?.retry?.over(pool.retry) ?? pool.retry;
    pool.retryBudget.countRequest(exchange.actedMs);
    this.#events = events;
    const { stream } = exchange;
    const { cookie, text } = stream.head.fields;
    const ofRoute = exchange.route?.priority ?? NORMAL_RANK;
    this.#context = {
      hashKey: hashKeyOf(pool.pool.hashKey, stream.head, exchange.asker.keyHash),
      cookieHeader: cookie === '' ? null : cookie,
      tried: this.#tried,
      secure: stream.client.tlsVersion !== '',
      priority: pool.priorityField === '' ? ofRoute : askedRank(pool.priorityField, text, ofRoute),
      nowMs: exchange.actedMs,
    };
  }

  /** The server of the present attempt. */
  get server(): PoolServer {
    return (this.lease as Lease).server;
  }

  pick(): void {
    this.#take(this.pool.pool.pickOrWait(this.#context, (result) => this.#onSettled(result)));
  }

  #onSettled(result: PickResult): void {
    const { cells } = this.pool;
    this.#waiting = null;
    cells.countDequeued(this.#context.priority);
    if (result.kind === 'none' && result.reason === 'queue_displaced')
      cells.countDisplaced(this.#context.priority);
    this.#take(result);
  }

  #take(result: PickResult | Waiting): void {
    switch (result.kind) {
      case 'picked':
        this.lease = result;
        this.#events.onPicked();
        return;
      case 'waiting':
        this.#waiting = result;
        this.hasWaited = true;
        this.pool.cells.countQueued(this.#context.priority);
        return;
      case 'none':
        if (this.#followReload()) this.pick();
        else this.#events.onRefused(result.reason);
        return;
      default:
        result satisfies never;
    }
  }

  /** Goes on with the pool as it is in force now, if that is another than this exchange has. */
  #followReload(): boolean {
    const newer = this.#newerPool();
    if (newer === null) return false;
    this.#moveTo(newer.pool);
    this.pool = newer;
    return true;
  }

  #newerPool(): PoolPlane | null {
    const { deps, stream, poolName } = this.#exchange;
    const current = deps.planeFor(stream.client).pools.get(poolName);
    return current === undefined || current === this.pool ? null : current;
  }

  /** A newer snapshot of the same pool has servers of its own for what was tried. */
  #moveTo(pool: Pool): void {
    const tried = this.#tried.splice(0);
    for (const server of pool.servers)
      if (tried.some((it) => it.slot === server.slot && it.generation === server.generation))
        this.#tried.push(server);
  }

  // ---- after a failure

  decide(
    failure: RetryQuestion['failure'],
    request: { isBodyAtHand: boolean; isAnswerStarted: boolean },
  ): RetryDecision {
    const { head } = this.#exchange.stream;
    const { attempts, nonIdempotent } = this.rule.options;
    const question: RetryQuestion = {
      ...request,
      method: head.method,
      hasKey: nonIdempotent === 'with_key' && hasIdempotencyKey(head.fields.forward),
      nonIdempotent,
      isWanted: this.rule.wants(failure.kind),
      maxAttempts: attempts,
      failure,
      attempts: this.attempts - this.#blamelessCount,
      fullServers: this.#fullServers,
      hasRetriedStale: this.#hasRetriedStale,
      hasBudget: true,
    };
    const decision = decideRetry(question);
    // Only what would be repeated else may claim a place among the repeats, which it has until it ends.
    if (decision.kind !== 'other_server' || !failure.wasSent || this.#claimRepeat()) return decision;
    return decideRetry({ ...question, hasBudget: false });
  }

  #claimRepeat(): boolean {
    const { deps, ticket } = this.#exchange;
    return this.pool.retryBudget.hasLeft(deps.clock.nowMs()) && (ticket?.claimRetry() ?? true);
  }

  /** The last attempt met a stale connection; the next goes to the same server. */
  noteStale(): void {
    this.#blamelessCount++;
    this.#hasRetriedStale = true;
  }

  /** Which connections the request may go out on. */
  get reuse(): Reuse {
    const { head } = this.#exchange.stream;
    const { nonIdempotent } = this.rule.options;
    if (nonIdempotent === 'never') return reuseFor(head.method);
    const isRepeatable = nonIdempotent === 'always' || hasIdempotencyKey(head.fields.forward);
    return isRepeatable ? 'any' : reuseFor(head.method);
  }

  /** Calls `then` when the next repeat may go, at once if it need not wait. @param wasSent what failed */
  pause(wasSent: boolean, then: () => void): void {
    const { clock, random } = this.#exchange.deps;
    const delayMs = wasSent ? backoffMs(this.#repeats++, this.rule.options.backoff, random.next()) : 0;
    // Less than the timers of the platform know.
    if (delayMs < 1) then();
    else this.#pause = clock.setTimer(delayMs, then);
  }

  /** A repeat that is wanted is not made. */
  countRefused({ why }: RetryDecision): void {
    if (why === 'attempts_used' || why === 'budget_used') this.pool.cells.countRetryRefused();
  }

  /** Whether a second attempt may be made beside the first. @param isBodyAtHand all of it is here */
  mayHedge(isBodyAtHand: boolean): boolean {
    const { head } = this.#exchange.stream;
    const isPlain = head.upgrade === '' && !head.fields.bindsConnection;
    return this.attempts === 1 && isBodyAtHand && isPlain && this.reuse === 'any';
  }

  /** A server for one more attempt beside the present one, which counts as a repeat; null = there may be none. */
  findHedge(): Other | null {
    const { retryBudget } = this.pool;
    if (this.attempts - this.#blamelessCount >= this.rule.options.attempts) return null;
    if (!this.#claimRepeat()) return null;
    const other = this.findOther();
    if (other === null) {
      // The first attempt may be waited for much longer: others need the place.
      this.#exchange.ticket?.dropRetry();
      return null;
    }
    retryBudget.spend(this.#exchange.deps.clock.nowMs());
    this.attempts++;
    return other;
  }

  noteTried(server: PoolServer): void {
    if (!this.#tried.includes(server)) this.#tried.push(server);
  }

  /** Gives the present server up for another one. */
  leave({ kind, detail, wasSent }: LeftFailure, why: string): void {
    const { server } = this;
    const { requestId: request_id, poolName: pool, deps } = this.#exchange;
    const fields = { request_id, pool, server: server.id, kind, detail, why };
    deps.log.debug('attempt failed, trying another server', fields);
    if (wasSent) this.pool.retryBudget.spend(this.#exchange.deps.clock.nowMs());
    this.noteTried(server);
    if (kind === 'full') {
      this.#blamelessCount++;
      this.#fullServers++;
    }
    this.#hasRetriedStale = false;
    this.release(kind === 'status' ? 'ok' : kind);
    this.pool.cells.countRetry();
  }

  /** Looks for another server while the present one, which has not failed yet, is kept. */
  findOther(): Other | null {
    const known = [...this.#tried];
    this.noteTried(this.server);
    const found = this.#pickIn(this.pool) ?? this.#pickInNewer();
    if (found === null) this.#tried.splice(0, this.#tried.length, ...known);
    return found;
  }

  #pickInNewer(): Other | null {
    const newer = this.#newerPool();
    if (newer === null) return null;
    this.#moveTo(newer.pool);
    return this.#pickIn(newer);
  }

  #pickIn(pool: PoolPlane): Other | null {
    const result = pool.pool.pick(this.#context);
    return result.kind === 'picked' ? { lease: result, pool } : null;
  }

  /** Goes to what `findOther` found; the server before was left. */
  goTo({ lease, pool }: Other): void {
    this.pool = pool;
    this.lease = lease;
  }

  // ---- ends

  /** The present attempt is over. */
  release(outcome: Outcome): void {
    const { lease } = this;
    this.lease = null;
    lease?.release(outcome);
  }

  /** Lets go of a server, and of a place in the queue. */
  cancel(outcome: Outcome): void {
    this.#pause?.cancel();
    if (this.#waiting) {
      this.#waiting.cancel();
      this.#waiting = null;
      this.pool.cells.countDequeued(this.#context.priority);
    }
    this.release(outcome);
  }
}
