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
  /** A place is free again: somebody may be waiting for it. */
  released(): void;
}

/** A failure counts as having taken so much longer: a server that fails fast must not look like a fast one. */
const FAILURE_MS = 1000;

const FAILURES: ReadonlySet<Outcome> = new Set(['connect_error', 'reset', 'timeout', 'bad_answer']);

/** One object per pick and never used twice: with recycled ones a late second `release` would give back another's place. */
export class ServerLease implements Lease {
  readonly kind = 'picked';
  readonly server: PoolServer;
  readonly why: PickWhy;
  readonly setCookie: string | null;
  readonly #owner: LeaseOwner;
  #isHeld = true;

  constructor(owner: LeaseOwner, server: PoolServer, why: PickWhy, setCookie: string | null) {
    this.#owner = owner;
    this.server = server;
    this.why = why;
    this.setCookie = setCookie;
    owner.slots.counters.count(server.slot, owner.thread, COUNTER.picks, 1);
  }

  answered(status: number, responseMs: number): void {
    const { slots, thread, needsTimes } = this.#owner;
    slots.counters.countAnswer(this.server.slot, thread, status, responseMs);
    if (status >= 502 && status <= 504) slots.countError(this.server.slot, thread);
    else slots.clearErrors(this.server.slot);
    if (needsTimes) this.#observe(status >= 500 ? responseMs + FAILURE_MS : responseMs);
    slots.clearSuspect(this.server.slot);
  }

  release(outcome: Outcome): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    const { slots, thread, clock } = this.#owner;
    const slot = this.server.slot;
    switch (outcome) {
      case 'ok':
        slots.clearSuspect(slot);
        break;
      case 'connect_error':
        slots.markSuspect(slot, clock.nowMs());
        slots.counters.count(slot, thread, COUNTER.connectErrors, 1);
        break;
      case 'reset':
        slots.counters.count(slot, thread, COUNTER.resets, 1);
        break;
      case 'timeout':
        slots.counters.count(slot, thread, COUNTER.timeouts, 1);
        break;
      case 'bad_answer':
        slots.counters.count(slot, thread, COUNTER.badAnswers, 1);
        break;
      case 'client_abort':
        slots.counters.count(slot, thread, COUNTER.clientAborts, 1);
        break;
      case 'cancelled':
      case 'shortage':
        slots.counters.count(slot, thread, COUNTER.cancelled, 1);
        break;
      default:
        outcome satisfies never;
    }
    if (FAILURES.has(outcome)) {
      slots.countError(slot, thread);
      // Who refuses connections is suspect, and is asked again as soon as it answers.
      if (this.#owner.needsTimes && outcome !== 'connect_error') this.#observe(FAILURE_MS);
    }
    slots.release(slot, thread);
    this.#owner.released();
  }

  #observe(tookMs: number): void {
    const { slots, thread, clock } = this.#owner;
    slots.times.observe(this.server.slot, thread, tookMs, clock.nowMs());
  }
}
