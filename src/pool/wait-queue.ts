/**
 * Requests of one pool that wait in this thread for a place on a full server: bounded, by class and then first come first served,
 * with a timeout. Whose turn it is: queue-order.ts.
 *
 * The bound holds over all threads: a waiting request is "in flight" on the pool's own slot, taken by the same exact
 * `tryAcquire` as a place on a server, and struck out with its thread when that dies. Places are freed by other threads too, of
 * which nobody tells us; so the queue looks every 5 ms while it is not empty, and at once when this thread frees one.
 *
 * Fair between threads: what a thread frees it would always take for itself, and a thread that holds nothing would starve. So
 * each shows, by class, since when its oldest request waits. Who is more than 50 ms younger, or of a lower class than one that has
 * looked in vain elsewhere, leaves freed places to the other's next look, and takes them only at its own; of a lower class, at every
 * fourth of those. Nobody is ever blocked by a thread that has stopped looking.
 *
 * Full: a higher class takes the place of the youngest of the lowest, which is refused. If those wait in other threads only, it
 * comes in over the bound (to twice of it at most), and they go at their thread's next look.
 */
import type { Clock, Timer } from '../kernel/clock.ts';
import { type Linked, LinkedSet } from '../kernel/linked-set.ts';
import { PRIORITIES } from '../kernel/priority.ts';
import { WAITING_SINCE } from '../kernel/slot-counters.ts';
import type { SlotTable } from '../kernel/slots.ts';
import type { PickContext, PickResult, QueueOptions, Refusal, Waiting } from './options.ts';
import { AGED_SHARE, nextTurn, STRICT_PLACES } from './queue-order.ts';

const LOOK_PERIOD_MS = 5;
const FAIRNESS_MS = 50;
/** Looks of its own that a lower class leaves to a higher one elsewhere. */
const LOOKS_LEFT = 3;
/** How far over the bound a higher class may come in. */
const OVERFILL = 2;
const LOWEST = PRIORITIES.length - 1;
const TIMED_OUT: Refusal = { kind: 'none', reason: 'queue_timeout' };
const DISPLACED: Refusal = { kind: 'none', reason: 'queue_displaced' };

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
  /** The look in which there was nothing for it, though perhaps for others. */
  passedAt = 0;
  isCancelled = false;
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
    this.isCancelled = true;
    this.#leave(this);
  }
}

export class WaitQueue {
  readonly #options: QueueOptions;
  readonly #deps: WaitQueueDeps;
  /** By rank, each in order of arrival. */
  readonly #classes = PRIORITIES.map(() => new LinkedSet<Waiter>());
  /** By rank: since when who is next waits. Scratch of a look. */
  readonly #oldestMs = new Float64Array(PRIORITIES.length);
  readonly #order: { readonly agedMs: number; given: number };
  readonly #leave = (waiter: Waiter): void => this.#remove(waiter);
  #size = 0;
  #look = 0;
  #looksLeft = 0;
  #ticker: Timer | undefined;
  #isDrainPlanned = false;

  constructor(options: QueueOptions, deps: WaitQueueDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#order = { agedMs: options.timeoutMs * AGED_SHARE, given: 0 };
  }

  /** Whether somebody, here or in another thread, is to be served before a request of this rank that comes now. */
  hasPrecedence(nowMs: number, rank: number): boolean {
    for (let at = 0; at <= rank; at++) if ((this.#classes[at]?.size ?? 0) > 0) return true;
    const { slots, slot } = this.#deps;
    return slots.inFlight(slot) > 0 && this.#isFirstElsewhere(rank, nowMs, nowMs);
  }

  /** Undefined when the queue is full (always, when its `max` is 0). */
  add(ctx: PickContext, settle: (result: PickResult) => void): Waiting | undefined {
    if (this.#options.max === 0 || !this.#takePlace(ctx.priority)) return undefined;
    const { clock } = this.#deps;
    const waiter = new Waiter(ctx, settle, clock.nowMs(), this.#leave);
    this.#size++;
    this.#classOf(waiter).add(waiter);
    if (this.#classOf(waiter).size === 1) this.#showOldest(ctx.priority);
    this.#ticker ??= clock.setTicker(LOOK_PERIOD_MS, () => this.#onTick());
    return waiter;
  }

  /** A place was freed in this thread. The look comes in a microtask: a release must not run other requests' code. */
  released(): void {
    if (this.#size === 0 || this.#isDrainPlanned) return;
    this.#isDrainPlanned = true;
    queueMicrotask(() => {
      this.#isDrainPlanned = false;
      const first = this.#first;
      const nowMs = this.#deps.clock.nowMs();
      if (first && !this.#isFirstElsewhere(first.ctx.priority, first.sinceMs, nowMs)) this.#serve(nowMs);
    });
  }

  /** The oldest of the highest class that waits here. */
  get #first(): Waiter | null {
    for (const waiters of this.#classes) if (waiters.first) return waiters.first;
    return null;
  }

  #onTick(): void {
    const nowMs = this.#deps.clock.nowMs();
    if (!this.#leavesLook(nowMs)) this.#serve(nowMs);
    this.#expire(nowMs);
    this.#shrink();
  }

  #leavesLook(nowMs: number): boolean {
    const rank = this.#first?.ctx.priority ?? 0;
    const leaves = this.#looksLeft < LOOKS_LEFT && this.#isHigherElsewhere(rank, nowMs);
    this.#looksLeft = leaves ? this.#looksLeft + 1 : 0;
    return leaves;
  }

  #serve(nowMs: number): void {
    this.#look++;
    for (;;) {
      for (let rank = 0; rank <= LOWEST; rank++) this.#oldestMs[rank] = this.#nextOf(rank)?.sinceMs ?? 0;
      const { rank, isAged } = nextTurn(this.#oldestMs, nowMs, this.#order);
      const waiter = rank < 0 ? null : this.#nextOf(rank);
      if (waiter === null) return;
      const result = this.#deps.select(waiter.ctx, nowMs, false);
      if (result.kind === 'none' && result.reason === 'busy') {
        // Full for this one is full for all behind it, unless it has tried servers that are free for them.
        if (waiter.ctx.tried.length === 0) return;
        waiter.passedAt = this.#look;
        continue;
      }
      if (result.kind === 'picked')
        this.#order.given = isAged ? 0 : Math.min(this.#order.given + 1, STRICT_PLACES);
      this.#settle(waiter, result);
    }
  }

  /** Who is next of a class in this look. */
  #nextOf(rank: number): Waiter | null {
    let waiter = this.#classes[rank]?.first ?? null;
    while (waiter !== null && waiter.passedAt === this.#look) waiter = waiter.next;
    return waiter;
  }

  /** Who has waited too long is refused, unless a backup takes it. */
  #expire(nowMs: number): void {
    for (const waiters of this.#classes) {
      let waiter = waiters.first;
      while (waiter !== null && nowMs - waiter.sinceMs >= this.#options.timeoutMs) {
        const result = this.#deps.select(waiter.ctx, nowMs, true);
        this.#settle(waiter, orRefused(result, TIMED_OUT));
        waiter = waiters.first;
      }
    }
  }

  // ---- a full queue

  #takePlace(rank: number): boolean {
    const { slots, slot, thread } = this.#deps;
    const { max } = this.#options;
    if (slots.tryAcquire(slot, thread, max)) return true;
    const victim = this.#youngestBelow(rank);
    if (victim === null)
      return this.#lowestElsewhere() > rank && slots.tryAcquire(slot, thread, OVERFILL * max);
    // Its place goes over as it is, so that no other thread gets in between.
    this.#unlink(victim);
    this.#refuseSoon(victim);
    return true;
  }

  /** Gives back what a higher class in another thread took over the bound. */
  #shrink(): void {
    const { slots, slot } = this.#deps;
    while (slots.inFlight(slot) > this.#options.max) {
      const victim = this.#youngestBelow(0);
      if (victim === null) return;
      const { priority } = victim.ctx;
      const isHigherHere = (this.#first?.ctx.priority ?? LOWEST) < priority;
      if (this.#lowestElsewhere() > priority) return;
      if (!isHigherHere && !this.#isHigherElsewhere(priority, Number.POSITIVE_INFINITY)) return;
      this.#remove(victim);
      this.#refuseSoon(victim);
    }
  }

  #youngestBelow(rank: number): Waiter | null {
    for (let at = LOWEST; at > rank; at--) {
      const youngest = this.#classes[at]?.last;
      if (youngest) return youngest;
    }
    return null;
  }

  /** Not inside the request that displaces it. */
  #refuseSoon(victim: Waiter): void {
    queueMicrotask(() => {
      if (victim.isCancelled) return;
      const result = this.#deps.select(victim.ctx, this.#deps.clock.nowMs(), true);
      victim.settle(orRefused(result, DISPLACED));
    });
  }

  // ---- who waits here

  #classOf(waiter: Waiter): LinkedSet<Waiter> {
    return this.#classes[waiter.ctx.priority] as LinkedSet<Waiter>;
  }

  #settle(waiter: Waiter, result: PickResult): void {
    this.#remove(waiter);
    waiter.settle(result);
  }

  #remove(waiter: Waiter): void {
    if (this.#unlink(waiter)) this.#deps.slots.release(this.#deps.slot, this.#deps.thread);
  }

  /** @returns whether it was here; its place is kept. */
  #unlink(waiter: Waiter): boolean {
    if (!this.#classOf(waiter).delete(waiter)) return false;
    this.#size--;
    this.#showOldest(waiter.ctx.priority);
    if (this.#size === 0) {
      this.#ticker?.cancel();
      this.#ticker = undefined;
    }
    return true;
  }

  // ---- who waits in other threads

  #showOldest(rank: number): void {
    const { slots, slot, thread } = this.#deps;
    const since = this.#classes[rank]?.first?.sinceMs ?? 0;
    slots.counters.set(slot, thread, WAITING_SINCE[rank] as number, since);
  }

  /** Whether another thread has a clearly older one of the same class, or a higher one that has looked in vain. */
  #isFirstElsewhere(rank: number, thanMs: number, nowMs: number): boolean {
    return this.#isElsewhere(rank, thanMs - FAIRNESS_MS) || this.#isHigherElsewhere(rank, nowMs);
  }

  #isHigherElsewhere(rank: number, nowMs: number): boolean {
    for (let at = 0; at < rank; at++) if (this.#isElsewhere(at, nowMs - LOOK_PERIOD_MS)) return true;
    return false;
  }

  /** The lowest class that waits in another thread; -1 = none does. */
  #lowestElsewhere(): number {
    for (let rank = LOWEST; rank >= 0; rank--)
      if (this.#isElsewhere(rank, Number.POSITIVE_INFINITY)) return rank;
    return -1;
  }

  #isElsewhere(rank: number, beforeMs: number): boolean {
    const { slots, slot, thread } = this.#deps;
    const counter = WAITING_SINCE[rank] as number;
    for (let other = 0; other < slots.threads; other++) {
      const since = other === thread ? 0 : slots.counters.of(slot, other, counter);
      if (since > 0 && since < beforeMs) return true;
    }
    return false;
  }
}

function orRefused(result: PickResult, refusal: Refusal): PickResult {
  return result.kind === 'none' && result.reason === 'busy' ? refusal : result;
}
