import type { Clock } from '../kernel/clock.ts';
import { COUNTER } from '../kernel/slot-counters.ts';
import type { SlotTable } from '../kernel/slots.ts';
import type { Lease, Outcome, PickWhy, PoolServer } from './options.ts';

/** The pool as its leases know it. */
export interface LeaseOwner {
  readonly slots: SlotTable;
  readonly thread: number;
  readonly clock: Clock;
  /** A place is free again: somebody may be waiting for it. */
  released(): void;
}

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
    owner.slots.count(server.slot, owner.thread, COUNTER.picks, 1);
  }

  answered(status: number, responseMs: number): void {
    const { slots, thread } = this.#owner;
    slots.countAnswer(this.server.slot, thread, status, responseMs);
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
        slots.count(slot, thread, COUNTER.connectErrors, 1);
        break;
      case 'reset':
        slots.count(slot, thread, COUNTER.resets, 1);
        break;
      case 'timeout':
        slots.count(slot, thread, COUNTER.timeouts, 1);
        break;
      case 'bad_answer':
        slots.count(slot, thread, COUNTER.badAnswers, 1);
        break;
      case 'client_abort':
        slots.count(slot, thread, COUNTER.clientAborts, 1);
        break;
      case 'cancelled':
      case 'shortage':
        slots.count(slot, thread, COUNTER.cancelled, 1);
        break;
      default:
        outcome satisfies never;
    }
    slots.release(slot, thread);
    this.#owner.released();
  }
}
