import type { Clock } from '../kernel/clock.ts';
import { COUNTER } from '../kernel/slot-counters.ts';
import type { SlotTable } from '../kernel/slots.ts';
import type { Lease, Outcome, PickWhy, PoolServer } from './options.ts';

/** The pool as its leases know it. */
export interface LeaseOwner {
  readonly slots: SlotTable;
  readonly thread: number;
  readonly clock: Clock;
  /** Its algorithm chooses by how long servers take. */
  readonly needsTimes: boolean;
  /** Where requests at all servers of the pool are counted; -1 = they are not. */
  readonly placesSlot: number;
  /** Where times of answers are summed for the pool; -1 = nowhere. */
  readonly timesSlot: number;
  /** A place is free again: somebody may be waiting for it. */
  released(): void;
}

/** What each end is counted as; -1 = its answer has been counted. */
const COUNTED: Readonly<Record<Outcome, number>> = {
  ok: -1,
  connect_error: COUNTER.connectErrors,
  reset: COUNTER.resets,
  timeout: COUNTER.timeouts,
  bad_answer: COUNTER.badAnswers,
  client_abort: COUNTER.clientAborts,
  cancelled: COUNTER.cancelled,
  shortage: COUNTER.cancelled,
  full: COUNTER.cancelled,
};

/** A failure counts as having taken so much longer: a server that fails fast must not look like a fast one. */
const FAILURE_MS = 1000;
/** Nor is one that was silent for an hour so much worse than one that was for a minute. */
const MOST_MS = 60_000;

/** One object per pick and never used twice: with recycled ones a late second `release` would give back another's place. */
export class ServerLease implements Lease {
  readonly kind = 'picked';
  readonly server: PoolServer;
  readonly why: PickWhy;
  readonly setCookie: string | null;
  readonly #owner: LeaseOwner;
  /** Where the algorithm asks for times. */
  readonly #pickedMs: number;
  #isHeld = true;
  /** 0 = it has not answered. */
  #status = 0;
  #servedMs = 0;

  constructor(owner: LeaseOwner, server: PoolServer, why: PickWhy, setCookie: string | null) {
    this.#owner = owner;
    this.server = server;
    this.why = why;
    this.setCookie = setCookie;
    this.#pickedMs = owner.needsTimes ? owner.clock.nowMs() : 0;
    owner.slots.counters.count(server.slot, owner.thread, COUNTER.picks, 1);
  }

  answered(status: number, responseMs: number, servedMs = responseMs): void {
    const { slots, thread, needsTimes } = this.#owner;
    const { slot } = this.server;
    slots.counters.countAnswer(slot, thread, status, responseMs);
    slots.clearSuspect(slot);
    this.#status = status;
    this.#servedMs = servedMs;
    // A tunnel may last for hours: what it shows of the server it shows now.
    if (status === 101) slots.clearErrors(slot);
    const { timesSlot } = this.#owner;
    // A failure says nothing of how long an answer takes.
    if (timesSlot >= 0 && servedMs >= 0 && status < 500) {
      slots.counters.count(timesSlot, thread, COUNTER.ended, 1);
      slots.counters.count(timesSlot, thread, COUNTER.responseMs, servedMs);
    }
    if (needsTimes && servedMs >= 0) this.#observe(status >= 500 ? servedMs + FAILURE_MS : servedMs);
  }

  release(outcome: Outcome): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    const { slots, thread, clock } = this.#owner;
    const slot = this.server.slot;
    const counter = COUNTED[outcome];
    if (counter >= 0) slots.counters.count(slot, thread, counter, 1);
    switch (outcome) {
      case 'ok':
        slots.clearSuspect(slot);
        this.#judge(isGatewayError(this.#status));
        break;
      case 'connect_error':
        // That is enough, and over as soon as it answers.
        slots.markSuspect(slot, clock.nowMs());
        break;
      case 'reset':
      case 'timeout':
      case 'bad_answer':
        this.#fail();
        break;
      case 'client_abort':
      case 'cancelled':
      case 'shortage':
      case 'full':
        this.#acquit();
        break;
      default:
        outcome satisfies never;
    }
    slots.release(slot, thread);
    if (this.#owner.placesSlot >= 0) slots.release(this.#owner.placesSlot, thread);
    this.#owner.released();
  }

  #fail(): void {
    this.#judge(true);
    const { needsTimes, clock } = this.#owner;
    if (!needsTimes) return;
    // A body may last for hours, which says nothing of the time to an answer.
    const tookMs = this.#status === 0 ? clock.nowMs() - this.#pickedMs : this.#servedMs;
    this.#observe(Math.min(MOST_MS, Math.max(0, tookMs)) + FAILURE_MS);
  }

  /** It was ended by others. What it had answered by then stands: streams hardly ever end otherwise. */
  #acquit(): void {
    if (this.#status !== 0) this.#judge(isGatewayError(this.#status));
  }

  /** What the whole attempt says of its server: a head alone is no success. */
  #judge(hasFailed: boolean): void {
    const { slots, thread } = this.#owner;
    const { slot } = this.server;
    slots.counters.count(slot, thread, COUNTER.ended, 1);
    if (hasFailed) slots.countError(slot, thread);
    else slots.clearErrors(slot);
  }

  #observe(tookMs: number): void {
    const { slots, thread, clock } = this.#owner;
    slots.times.observe(this.server.slot, thread, tookMs, clock.nowMs());
  }
}

/** It, or what stands behind it, has failed. */
function isGatewayError(status: number): boolean {
  return status >= 502 && status <= 504;
}
