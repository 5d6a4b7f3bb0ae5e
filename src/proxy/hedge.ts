/**
 * A second attempt at a request whose first is slow, on another server: the first answer wins, the other attempt is cancelled
 * (Dean and Barroso, The Tail at Scale, 2013). Only for the first attempt of what may be sent twice and lies here whole, and
 * within the retry budget: under load a hedge is one more load.
 *
 *   waiting ──delay──▶ asking ──its answer, or the first attempt is over──▶ adopted (all events go on to the owner)
 *      └───────────────── the first attempt answers, the exchange ends ────▶ over
 */
import type { AttemptEvents, AttemptFailure, ServerChannel } from '../forward/index.ts';
import type { ResponseHead, TunnelEnd } from '../http/index.ts';
import type { Timer } from '../kernel/clock.ts';
import type { Choice, Other } from './choice.ts';
import type { Exchange } from './exchange.ts';
import { introduction } from './request-text.ts';

/** Whose request it is. */
export interface HedgeOwner extends AttemptEvents {
  /** Sends the request on a connection to another server. */
  sendOn(connection: ServerChannel, other: Other): void;
  /** Its answer is the first: from here on it is the attempt. */
  onHedgeAnswers(): void;
}

/** A hedge of the first attempt, if there is to be one. @param isBodyAtHand all of the request lies here */
export function planHedge(
  owner: HedgeOwner,
  choice: Choice,
  exchange: Exchange,
  isBodyAtHand: boolean,
): Hedge | null {
  const delayMs = choice.pool.hedge?.delayMs ?? Number.POSITIVE_INFINITY;
  if (delayMs === Number.POSITIVE_INFINITY || !choice.mayHedge(isBodyAtHand)) return null;
  return new Hedge(owner, choice, exchange, delayMs);
}

export class Hedge implements AttemptEvents {
  connection: ServerChannel | null = null;
  /** Its server, while it asks. */
  other: Other | null = null;
  startMs = 0;
  isSending = false;
  readonly #owner: HedgeOwner;
  readonly #choice: Choice;
  readonly #exchange: Exchange;
  readonly #timer: Timer;
  #isAdopted = false;

  constructor(owner: HedgeOwner, choice: Choice, exchange: Exchange, delayMs: number) {
    this.#owner = owner;
    this.#choice = choice;
    this.#exchange = exchange;
    this.#timer = exchange.deps.clock.setTimer(delayMs, () => this.#ask());
  }

  #ask(): void {
    const other = this.#choice.findHedge();
    if (other === null) return;
    const { pool, lease } = other;
    this.other = other;
    this.startMs = this.#exchange.deps.clock.nowMs();
    this.#exchange.attempts = this.#choice.attempts;
    pool.cells.countHedge();
    this.connection = pool
      .connectionsOf(lease.server)
      .take(this.#choice.reuse, introduction(this.#exchange, pool));
    this.connection.open(this);
  }

  /** It goes on in the place of the attempt before. @returns false when it is not under way */
  adopt(): boolean {
    this.#timer.cancel();
    this.#isAdopted = this.other !== null;
    return this.#isAdopted;
  }

  /** It is not needed any more. */
  cancel(): void {
    this.#timer.cancel();
    this.connection?.cancel();
    this.#leave('cancelled');
  }

  #leave(outcome: 'ok' | 'cancelled' | AttemptFailure['kind']): void {
    const { other } = this;
    this.other = this.connection = null;
    if (other === null) return;
    this.#choice.noteTried(other.lease.server);
    other.lease.release(outcome);
  }

  // ---- AttemptEvents

  onReady(): void {
    if (this.#isAdopted) {
      this.#owner.onReady();
      return;
    }
    this.isSending = true;
    this.#owner.sendOn(this.connection as ServerChannel, this.other as Other);
  }

  onAnswerHead(head: ResponseHead): void {
    if (!this.#isAdopted) {
      if (this.#choice.rule.wantsStatus(head.judgedStatus)) {
        // No better than none: the first attempt may do better.
        const tookMs = this.#exchange.deps.clock.nowMs() - this.startMs;
        this.other?.lease.answered(head.judgedStatus, tookMs);
        this.connection?.cancel(true);
        this.#leave('ok');
        return;
      }
      this.other?.pool.cells.countHedgeWon();
      this.#owner.onHedgeAnswers();
    }
    this.#owner.onAnswerHead(head);
  }

  onFailed(failure: AttemptFailure): void {
    if (this.#isAdopted) this.#owner.onFailed(failure);
    else this.#leave(failure.kind);
  }

  onServerDown(failure: AttemptFailure): void {
    if (this.#isAdopted) this.#owner.onServerDown(failure);
  }

  onUpgrade(head: ResponseHead, server: TunnelEnd): void {
    this.#owner.onUpgrade(head, server);
  }

  // (The others come when the head has come, which adopts it, or do nothing for a request that is sent whole.)

  onInterim(head: ResponseHead): void {
    if (this.#isAdopted) this.#owner.onInterim(head);
  }
  onAnswerData(buffer: Buffer, from: number, to: number): void {
    this.#owner.onAnswerData(buffer, from, to);
  }
  onAnswerEnd(trailers: string): void {
    this.#owner.onAnswerEnd(trailers);
  }
  onReadDone(): void {
    if (this.#isAdopted) this.#owner.onReadDone();
  }
  onServerDrain(): void {
    if (this.#isAdopted) this.#owner.onServerDrain();
  }
}
