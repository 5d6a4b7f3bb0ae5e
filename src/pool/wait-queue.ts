/**
 * Requests of one pool that wait in this thread for a place on a full server: bounded, first come first served, with a timeout.
 *
 * The bound holds over all threads: a waiting request is "in flight" on the pool's own slot, taken by the same exact
 * `tryAcquire` as a place on a server, and struck out with its thread when that dies. Places are freed by other threads too, of
 * which nobody tells us; so the queue looks every 5 ms while it is not empty, and at once when this thread frees one.
 *
 * Fair between threads: what a thread frees it would always take for itself, and a thread that holds nothing would starve. So
 * each shows since when its oldest request waits; who is more than 50 ms younger leaves freed places to the other's next
 * look, and takes them only at its own. Nobody is ever blocked by a thread that has stopped looking.
 */
import type { Clock, Timer } from '../kernel/clock.ts';
import { type Linked, LinkedSet } from '../kernel/linked-set.ts';
import { COUNTER } from '../kernel/slot-counters.ts';
import type { SlotTable } from '../kernel/slots.ts';
import type { PickContext, PickResult, QueueOptions, Refusal, Waiting } from './options.ts';

const LOOK_PERIOD_MS = 5;
const FAIRNESS_MS = 50;
const TIMED_OUT: Refusal = { kind: 'none', reason: 'queue_timeout' };

export interface WaitQueueDeps {
  readonly slots: SlotTable;
  readonly thread: number;
  readonly clock: Clock;
  /** The pool's own slot. */
  readonly slot: number;
  /** Picks now; `lastChance`: the request will be refused otherwise, so a backup may take it. */
  readonly select: (ctx: PickContext, nowMs: number, lastChance: boolean) => PickResult;
}

class Waiter implements Waiting, Linked<Waiter> {
  readonly kind = 'waiting';
  previous: Waiter | null = null;
  next: Waiter | null = null;
  readonly ctx: PickContext;
  readonly settle: (result: PickResult) => void;
  readonly sinceMs: number;
  readonly #leave: (waiter: Waiter) => void;

  constructor(
    ctx: PickContext,
    settle: (result: PickResult) => void,
    sinceMs: number,
    leave: (waiter: Waiter) => void,
  ) {
    this.ctx = ctx;
    this.settle = settle;
    this.sinceMs = sinceMs;
    this.#leave = leave;
  }

  cancel(): void {
    this.#leave(this);
  }
}

export class WaitQueue {
  readonly #options: QueueOptions;
  readonly #deps: WaitQueueDeps;
  /** In order of arrival. */
  readonly #waiters = new LinkedSet<Waiter>();
  readonly #leave = (waiter: Waiter): void => this.#remove(waiter);
  #ticker: Timer | undefined;
  #isDrainPlanned = false;

  constructor(options: QueueOptions, deps: WaitQueueDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Whether somebody, here or in another thread, was clearly earlier than a request that comes now. */
  hasPrecedence(nowMs: number): boolean {
    if (this.#waiters.size > 0) return true;
    return this.#deps.slots.inFlight(this.#deps.slot) > 0 && this.#isOlderElsewhere(nowMs);
  }

  /** Undefined when the queue is full (always, when its `max` is 0). */
  add(ctx: PickContext, settle: (result: PickResult) => void): Waiting | undefined {
    const { slots, slot, thread, clock } = this.#deps;
    const max = this.#options.max;
    if (max === 0 || !slots.tryAcquire(slot, thread, max)) return undefined;
    const waiter = new Waiter(ctx, settle, clock.nowMs(), this.#leave);
    this.#waiters.add(waiter);
    if (this.#waiters.size === 1) this.#showOldest();
    this.#ticker ??= clock.setTicker(LOOK_PERIOD_MS, () => this.#drain());
    return waiter;
  }

  /** A place was freed in this thread. The look comes in a microtask: a release must not run other requests' code. */
  released(): void {
    if (this.#waiters.size === 0 || this.#isDrainPlanned) return;
    this.#isDrainPlanned = true;
    queueMicrotask(() => {
      this.#isDrainPlanned = false;
      const oldest = this.#waiters.first;
      if (oldest && !this.#isOlderElsewhere(oldest.sinceMs)) this.#drain();
    });
  }

  #drain(): void {
    const nowMs = this.#deps.clock.nowMs();
    let waiter = this.#waiters.first;
    while (waiter !== null) {
      const { next } = waiter;
      const isLate = nowMs - waiter.sinceMs >= this.#options.timeoutMs;
      const result = this.#deps.select(waiter.ctx, nowMs, isLate);
      if (result.kind === 'none' && result.reason === 'busy') {
        if (isLate) this.#settle(waiter, TIMED_OUT);
        // Full for this one is full for all behind it, unless it has tried servers that are free for them.
        else if (waiter.ctx.tried.length === 0) return;
      } else this.#settle(waiter, result);
      // The next one may have left over that.
      waiter = next === null || this.#waiters.has(next) ? next : this.#waiters.first;
    }
  }

  #settle(waiter: Waiter, result: PickResult): void {
    this.#remove(waiter);
    waiter.settle(result);
  }

  #remove(waiter: Waiter): void {
    if (!this.#waiters.delete(waiter)) return;
    this.#deps.slots.release(this.#deps.slot, this.#deps.thread);
    this.#showOldest();
    if (this.#waiters.size > 0) return;
    this.#ticker?.cancel();
    this.#ticker = undefined;
  }

  #showOldest(): void {
    const { slots, slot, thread } = this.#deps;
    slots.counters.set(slot, thread, COUNTER.waitingSinceMs, this.#waiters.first?.sinceMs ?? 0);
  }

  #isOlderElsewhere(thanMs: number): boolean {
    const { slots, slot, thread } = this.#deps;
    for (let other = 0; other < slots.threads; other++) {
      const since = other === thread ? 0 : slots.counters.of(slot, other, COUNTER.waitingSinceMs);
      if (since > 0 && since < thanMs - FAIRNESS_MS) return true;
    }
    return false;
  }
}
