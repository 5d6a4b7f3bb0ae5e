/**
 * One pool of one snapshot in one thread: who takes this request? Nothing of it survives a reload; what must (health,
 * counters, turns, suspicion) lies in the slots, so that a new Pool goes on where the old one is and both agree while both live.
 *
 * The order of choice, each step only if the one before found nobody:
 *   1. the server that the client's sticky cookie names (also when it drains, has weight 0 or is a backup)
 *   2. the algorithm among the primaries (with a subset among this thread's, then among the others), of the own zone first (zones.ts); those that warm up (slow start) take a part of what they are offered, and all of it
 *      if nobody else is left. If fewer than `panic` of them are healthy, and no backup is, health is not asked for
 *   3. a primary is up but full: `busy`, wait for it; backups are for servers that are down, not for busy ones. Only a request
 *      that would be refused otherwise (no queue, queue full, waited too long) goes on to
 *   4. the algorithm among the backups
 *   5. the algorithm among primaries, then backups, that are healthy by their checks but suspect: better than a 503
 *   6. whoever passes its checks and was ejected for errors
 *
 * A choice is a look; the place is taken by `tryAcquire` (exact cap), `claimProbe` (one probe at a time) and a last look at
 * the generation, after the place was taken: so a slot that was freed is either seen to be in use by main, or seen to be
 * gone here. Who loses such a race chooses again.
 */
import type { Clock } from '../kernel/clock.ts';
import type { Random } from '../kernel/random.ts';
import type { SlotTable } from '../kernel/slots.ts';
import { isKeyed, makeAlgorithm, needsTimes } from './algorithms/index.ts';
import { type LeaseOwner, ServerLease } from './lease.ts';
import type {
  HashKey,
  Lease,
  PickContext,
  PickResult,
  PickWhy,
  Pool,
  PoolDeps,
  PoolOptions,
  PoolServer,
  PoolView,
  QueueOptions,
  Refusal,
  Waiting,
} from './options.ts';
import { Ask, canTake, isMember, makeServer, STICKY, STICKY_IN_PANIC } from './server.ts';
import { StickyTable } from './sticky.ts';
import { Subset } from './subset.ts';
import { Tier } from './tier.ts';
import { WaitQueue } from './wait-queue.ts';
import { Zones } from './zones.ts';

const NO_SERVER: Refusal = { kind: 'none', reason: 'no_server' };
const TRIED_ALL: Refusal = { kind: 'none', reason: 'tried_all' };
const BUSY: Refusal = { kind: 'none', reason: 'busy' };
const QUEUE_FULL: Refusal = { kind: 'none', reason: 'queue_full' };

/** Races lost in a row before the servers are walked one by one. */
const MAX_RACES = 4;

class ServerPool implements Pool, LeaseOwner {
  readonly name: string;
  readonly servers: readonly PoolServer[];
  readonly queue: QueueOptions;
  readonly hashKey: HashKey | null;
  readonly slots: SlotTable;
  readonly thread: number;
  readonly clock: Clock;
  readonly needsTimes: boolean;
  readonly placesSlot: number;
  readonly timesSlot: number;
  readonly #options: PoolOptions;
  readonly #primaries: Tier;
  readonly #backups: Tier;
  /** Of the primaries; null = they are all alike near. */
  readonly #zones: Zones | null;
  readonly #sticky: StickyTable | undefined;
  readonly #waiting: WaitQueue;
  readonly #ask: Ask;
  readonly #random: Random;
  /** Of the slot table when the tiers were last refreshed; no table has this one. */
  #version = Number.NaN;

  constructor(options: PoolOptions, deps: PoolDeps) {
    this.name = options.name;
    this.servers = options.servers.map(makeServer);
    this.queue = options.queue;
    this.hashKey = options.hash?.key ?? null;
    this.slots = deps.slots;
    this.thread = deps.thread;
    this.clock = deps.clock;
    this.needsTimes = needsTimes(options.algorithm);
    this.placesSlot = options.places?.slot ?? -1;
    this.timesSlot = options.places?.isAdaptive === true ? options.places.slot : -1;
    this.#options = options;
    const subset = isKeyed(options.algorithm) ? null : (options.subset ?? null);
    const place = { thread: deps.thread, threads: Math.max(1, deps.slots.threads - 1) };
    let turn = deps.random.below(2 ** 16);
    const tierOf = (servers: readonly PoolServer[]): Tier =>
      new Tier(
        servers,
        makeAlgorithm(options.algorithm, options.hash, {
          slots: deps.slots,
          random: deps.random,
          // Turns that all threads share say nothing of servers that are this thread's: it might get every second turn only.
          nextTurn: subset === null ? () => deps.slots.nextTurn(options.slot) : () => turn++,
        }),
        subset && new Subset(servers, subset, place),
      );
    const primaries = this.servers.filter((server) => !server.backup);
    this.#primaries = tierOf(primaries);
    this.#backups = tierOf(this.servers.filter((server) => server.backup));
    this.#zones = Zones.of(primaries, options.zone ?? '', tierOf);
    this.#sticky = options.sticky
      ? new StickyTable(options.sticky, deps.stickyKeys, this.servers)
      : undefined;
    this.#random = deps.random;
    this.#ask = new Ask(deps.slots, deps.random, isKeyed(options.algorithm));
    this.#waiting = new WaitQueue(options.queue, {
      slots: deps.slots,
      thread: deps.thread,
      clock: deps.clock,
      slot: options.slot,
      select: (ctx, nowMs, lastChance) => this.#select(ctx, nowMs, lastChance),
    });
  }

  pick(ctx: PickContext): PickResult {
    return this.#select(ctx, ctx.nowMs, this.queue.max === 0);
  }

  pickOrWait(ctx: PickContext, settle: (result: PickResult) => void): PickResult | Waiting {
    if (this.queue.max > 0) {
      if (!this.#waiting.hasPrecedence(ctx.nowMs, ctx.priority)) {
        const result = this.#select(ctx, ctx.nowMs, false);
        if (result !== BUSY) return result;
      }
      const waiting = this.#waiting.add(ctx, settle);
      if (waiting) return waiting;
    }
    const result = this.#select(ctx, ctx.nowMs, true);
    return result === BUSY ? QUEUE_FULL : result;
  }

  released(): void {
    this.#waiting.released();
  }

  view(nowMs: number): PoolView {
    const slots = this.slots;
    return {
      name: this.name,
      algorithm: this.#options.algorithm,
      waiting: slots.inFlight(this.#options.slot),
      servers: this.servers.map((server) => ({
        id: server.id,
        address: server.address,
        backup: server.backup,
        verdict: canTake(slots, server, nowMs),
        weight: slots.weight(server.slot),
        maxConnections: slots.maxConnections(server.slot),
        inFlight: slots.inFlight(server.slot),
        averageMs: slots.counters.averageMs(server.slot),
      })),
    };
  }

  // hot path: bench/micro/pick.ts
  #select(ctx: PickContext, nowMs: number, lastChance: boolean): PickResult {
    const { places } = this.#options;
    if (!places) return this.#selectServer(ctx, nowMs, lastChance);
    // The place comes first, so that it is exact; whoever gets no server gives it back.
    const max = places.isAdaptive ? this.slots.maxConnections(places.slot) : places.max;
    if (!this.slots.tryAcquire(places.slot, this.thread, max)) return BUSY;
    const result = this.#selectServer(ctx, nowMs, lastChance);
    if (result.kind === 'none') this.slots.release(places.slot, this.thread);
    return result;
  }

  #selectServer(ctx: PickContext, nowMs: number, lastChance: boolean): PickResult {
    this.#refresh();
    const ask = this.#ask;
    ask.fill(ctx, nowMs);
    if (this.#sticky !== undefined && ctx.cookieHeader !== null) {
      const lease = this.#takeSticky(this.#sticky, ctx, ask);
      if (lease) return lease;
    }
    const lease = this.#takePrimary(ctx, ask);
    if (lease) return lease;
    if (!lastChance && this.#isBusy(this.#primaries, ask)) return BUSY;
    return (
      this.#takeFrom(this.#backups, 'backup', ctx, ask) ??
      this.#takeSuspect(ctx, ask) ??
      this.#takeEjected(ctx, ask) ??
      this.#refusal(ask)
    );
  }

  #takePrimary(ctx: PickContext, ask: Ask): Lease | undefined {
    const tier = this.#primaries;
    ask.ignoresHealth = tier.isPanicking;
    const zones = this.#zones?.isSplit === true && !tier.isPanicking ? this.#zones : null;
    const why = tier.isPanicking ? 'panic' : this.#options.algorithm;
    const lease =
      zones === null ? this.#takeFrom(tier, why, ctx, ask) : this.#takeByZone(zones, why, ctx, ask);
    if (lease || !ask.hasSeenCold) return lease;
    // All that are left warm up: together they have to take it.
    ask.acceptsCold = true;
    return this.#takeFrom(tier, why, ctx, ask);
  }

  #takeByZone(zones: Zones, why: PickWhy, ctx: PickContext, ask: Ask): Lease | undefined {
    const { near, far } = zones;
    if (zones.isNearFirst(ask.unit()))
      return this.#takeFrom(near, why, ctx, ask) ?? this.#takeFrom(far, 'other_zone', ctx, ask);
    return this.#takeFrom(far, 'other_zone', ctx, ask) ?? this.#takeFrom(near, why, ctx, ask);
  }

  #takeSticky(sticky: StickyTable, ctx: PickContext, ask: Ask): Lease | undefined {
    const match = sticky.find(ctx.cookieHeader);
    if (!match || ask.hasTried(match.server)) return undefined;
    const leniency = this.#primaries.isPanicking ? STICKY_IN_PANIC : STICKY;
    const verdict = canTake(this.slots, match.server, ask.nowMs, leniency);
    if (verdict !== 'yes' && verdict !== 'probe') return undefined;
    if (!this.#acquire(match.server, ask)) return undefined;
    const cookie = match.isCurrent ? null : sticky.cookieFor(match.server, ctx.secure);
    return new ServerLease(this, match.server, 'sticky', cookie);
  }

  #takeSuspect(ctx: PickContext, ask: Ask): Lease | undefined {
    ask.acceptsSuspects = true;
    return (
      this.#takeFrom(this.#primaries, 'suspect', ctx, ask) ??
      this.#takeFrom(this.#backups, 'suspect', ctx, ask)
    );
  }

  /** Who failed requests, but passes its checks: it may have recovered, and a 503 it cannot be worse than. */
  #takeEjected(ctx: PickContext, ask: Ask): Lease | undefined {
    ask.acceptsEjected = true;
    const { servers } = this;
    for (let i = 0, start = this.#random.below(Math.max(1, servers.length)); i < servers.length; i++) {
      const server = servers[(start + i) % servers.length] as PoolServer;
      if (ask.accepts(server) && this.#acquire(server, ask)) return this.#lease(server, 'ejected', ctx);
    }
    ask.acceptsEjected = false;
    return undefined;
  }

  #takeFrom(tier: Tier, why: PickWhy, ctx: PickContext, ask: Ask): Lease | undefined {
    for (let race = 0; race < MAX_RACES; race++) {
      const server = tier.algorithm.choose(ask);
      if (!server) return this.#takeOther(tier, why, ctx, ask);
      const wasSuspect = this.slots.isSuspect(server.slot);
      if (this.#acquire(server, ask))
        return this.#lease(server, wasSuspect && !ask.acceptsSuspects ? 'probe' : why, ctx);
    }
    for (const server of tier.all)
      if (ask.accepts(server) && this.#acquire(server, ask)) return this.#lease(server, why, ctx);
    return undefined;
  }

  /** Outside of the subset: one of those that would be in it next, so that few others get to know this thread. */
  #takeOther({ others }: Tier, why: PickWhy, ctx: PickContext, ask: Ask): Lease | undefined {
    if (others.length === 0) return undefined;
    const size = this.#options.subset?.size ?? 1;
    const start = this.#random.below(Math.min(size, others.length));
    const isPlain = why === this.#options.algorithm;
    for (let i = 0; i < others.length; i++) {
      const server = others[(start + i) % others.length] as PoolServer;
      if (ask.accepts(server) && this.#acquire(server, ask))
        return this.#lease(server, isPlain ? 'outside_subset' : why, ctx);
    }
    return undefined;
  }

  #lease(server: PoolServer, why: PickWhy, ctx: PickContext): Lease {
    const cookie = this.#sticky === undefined ? null : this.#sticky.cookieFor(server, ctx.secure);
    return new ServerLease(this, server, why, cookie);
  }

  #acquire(server: PoolServer, ask: Ask): boolean {
    const slots = this.slots;
    const slot = server.slot;
    if (slots.isSuspect(slot) && !slots.claimProbe(slot, ask.nowMs) && !ask.acceptsSuspects) return false;
    if (!slots.tryAcquire(slot, this.thread, this.#capOf(slot, ask))) return false;
    if (slots.isOwned(slot, server.generation)) return true;
    slots.release(slot, this.thread);
    return false;
  }

  #capOf(slot: number, ask: Ask): number {
    return ask.acceptsCold ? this.slots.maxConnections(slot) : this.slots.cap(slot, ask.nowMs);
  }

  /** Whether waiting could help: a server that was not tried is up and at its cap. */
  #isBusy(tier: Tier, ask: Ask): boolean {
    return tier.all.some(
      (server) => !ask.hasTried(server) && canTake(this.slots, server, ask.nowMs, ask) === 'full',
    );
  }

  #refusal(ask: Ask): Refusal {
    if (this.#isBusy(this.#primaries, ask) || this.#isBusy(this.#backups, ask)) return BUSY;
    return this.servers.some((server) => ask.hasTried(server) && isMember(this.slots, server))
      ? TRIED_ALL
      : NO_SERVER;
  }

  #refresh(): void {
    const version = this.slots.version();
    if (version === this.#version) return;
    this.#version = version;
    this.#backups.refresh(this.slots, 0);
    // Whom health checks call sound is better than whom they do not.
    this.#primaries.refresh(this.slots, this.#backups.isEmpty ? this.#options.panic : 0);
    this.#zones?.refresh(this.slots);
  }
}

/** @throws SluiceError when the sticky cookie's name or keys cannot be used. */
export function compilePool(options: PoolOptions, deps: PoolDeps): Pool {
  return new ServerPool(options, deps);
}
