/**
 * The one definition of "this server can take this request". Everything that chooses, explains or lists servers asks here.
 * Whether a place was really got is decided after it, by `SlotTable.tryAcquire` and `claimProbe`: a verdict is a look, not a promise.
 */
import type { Random } from '../kernel/random.ts';
import { type SlotTable, STATE } from '../kernel/slots.ts';
import { hashText, mix32 } from './client-key.ts';
import type { PickContext, PoolServer, ServerOptions, Verdict } from './options.ts';

/** What makes a server good enough that would not be otherwise. */
export interface Leniency {
  /** The client belongs to this server: draining and weight 0 do not send it away. */
  readonly isSticky?: boolean;
  /** Too few are healthy for checks to be believed (panic). */
  readonly ignoresHealth?: boolean;
  /** Nobody else is left: who was taken out for errors may do better than a 503. */
  readonly acceptsEjected?: boolean;
  /** Nobody else is left: who warms up takes all it can. */
  readonly acceptsCold?: boolean;
}

/** So that which keys spill has nothing to do with where they go. */
const ZONE_SALT = 0x7a6f6e65;
const STRICT: Leniency = {};
export const STICKY: Leniency = { isSticky: true };
export const STICKY_IN_PANIC: Leniency = { isSticky: true, ignoresHealth: true };

export function canTake(
  slots: SlotTable,
  server: PoolServer,
  nowMs: number,
  { isSticky, ignoresHealth, acceptsEjected, acceptsCold }: Leniency = STRICT,
): Verdict {
  const slot = server.slot;
  if (slots.generation(slot) !== server.generation) return 'gone';
  const state = slots.state(slot);
  if ((state & STATE.maintenance) !== 0) return 'maintenance';
  // (Who was never checked is not known to be there at all.)
  if ((state & STATE.healthy) === 0 && !(ignoresHealth === true && (state & STATE.checked) !== 0))
    return 'unhealthy';
  if ((state & STATE.ejected) !== 0 && acceptsEjected !== true) return 'ejected';
  if (isSticky !== true) {
    if ((state & STATE.draining) !== 0) return 'draining';
    if (slots.weight(slot) === 0) return 'weightless';
  }
  const max = acceptsCold === true ? slots.maxConnections(slot) : slots.cap(slot, nowMs);
  if (max !== 0 && slots.inFlight(slot) >= max) return 'full';
  if (!slots.isSuspect(slot)) return 'yes';
  return slots.isProbeDue(slot, nowMs) ? 'probe' : 'suspect';
}

/** True while the server is meant to get new clients, if it is healthy. */
export function isEnabled(slots: SlotTable, server: PoolServer): boolean {
  const state = slots.state(server.slot) & (STATE.maintenance | STATE.draining);
  return state === 0 && slots.generation(server.slot) === server.generation && slots.weight(server.slot) > 0;
}

/** True when checks have said something of it, be it bad. */
export function isKnown(slots: SlotTable, server: PoolServer): boolean {
  return (slots.state(server.slot) & (STATE.healthy | STATE.checked)) !== 0;
}

/** True while the server is meant to get new clients, however busy or suspect it is at the moment. */
export function isMember(slots: SlotTable, server: PoolServer): boolean {
  const health = slots.state(server.slot) & (STATE.healthy | STATE.ejected);
  return health === STATE.healthy && isEnabled(slots, server);
}

export function makeServer(options: ServerOptions, index: number): PoolServer {
  const { id, address, host, port, foundAs = '', zone = '', tls, slot, generation, backup } = options;
  return { id, address, host, port, foundAs, zone, tls, slot, generation, backup, index, hash: hashText(id) };
}

/** One question to an algorithm. A pool has one and fills it anew for each pick, so that picking allocates nothing. */
export class Ask implements Leniency {
  hashKey = 0;
  nowMs = 0;
  /** Suspect servers are good enough: nobody else is left. */
  acceptsSuspects = false;
  /** So are those that warm up, for more than their part. */
  acceptsCold = false;
  /** One was passed over because it warms up. */
  hasSeenCold = false;
  ignoresHealth = false;
  acceptsEjected = false;
  readonly isSticky = false;
  #tried: readonly PoolServer[] = [];
  readonly #slots: SlotTable;
  readonly #random: Random;
  readonly #isKeyed: boolean;

  /** @param isKeyed the algorithm goes by `hashKey`, so who warms up takes always the same part of the keys */
  constructor(slots: SlotTable, random: Random, isKeyed: boolean) {
    this.#slots = slots;
    this.#random = random;
    this.#isKeyed = isKeyed;
  }

  fill(ctx: PickContext, nowMs: number): void {
    this.hashKey = ctx.hashKey;
    this.nowMs = nowMs;
    this.#tried = ctx.tried;
    this.acceptsSuspects = this.acceptsCold = this.hasSeenCold = false;
    this.ignoresHealth = this.acceptsEjected = false;
  }

  hasTried(server: PoolServer): boolean {
    return this.#tried.length > 0 && this.#tried.includes(server);
  }

  accepts(server: PoolServer): boolean {
    if (this.hasTried(server)) return false;
    const verdict = canTake(this.#slots, server, this.nowMs, this);
    if (verdict === 'full' && !this.acceptsCold && this.#slots.rampShare(server.slot, this.nowMs) < 1)
      this.hasSeenCold = true;
    if (verdict === 'suspect' ? !this.acceptsSuspects : verdict !== 'yes' && verdict !== 'probe')
      return false;
    return this.acceptsCold || this.#isWarmEnough(server);
  }

  /** From 0 to 1, by chance; with keys by the key, so that the same ones get the same. */
  unit(): number {
    return this.#isKeyed ? mix32(this.hashKey ^ ZONE_SALT) / 2 ** 32 : this.#random.next();
  }

  /** A server that warms up takes a part of what it is offered: so any algorithm ramps it up. */
  #isWarmEnough(server: PoolServer): boolean {
    const share = this.#slots.rampShare(server.slot, this.nowMs);
    if (share === 1) return true;
    const unit = this.#isKeyed ? mix32(this.hashKey ^ server.hash) / 2 ** 32 : this.#random.next();
    if (unit < share) return true;
    this.hasSeenCold = true;
    return false;
  }
}
