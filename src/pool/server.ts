/**
 * The one definition of "this server can take this request". Everything that chooses, explains or lists servers asks here.
 * Whether a place was really got is decided after it, by `SlotTable.tryAcquire` and `claimProbe`: a verdict is a look, not a promise.
 */
import { type SlotTable, STATE } from '../kernel/slots.ts';
import { hashText } from './client-key.ts';
import type { PickContext, PoolServer, ServerOptions, Verdict } from './options.ts';

/** @param sticky the client belongs to this server: draining and weight 0 do not send it away. */
export function canTake(slots: SlotTable, server: PoolServer, nowMs: number, sticky: boolean): Verdict {
  const slot = server.slot;
  if (slots.generation(slot) !== server.generation) return 'gone';
  const state = slots.state(slot);
  if ((state & STATE.maintenance) !== 0) return 'maintenance';
  if ((state & STATE.healthy) === 0) return 'unhealthy';
  if (!sticky) {
    if ((state & STATE.draining) !== 0) return 'draining';
    if (slots.weight(slot) === 0) return 'weightless';
  }
  const max = slots.maxConnections(slot);
  if (max !== 0 && slots.inFlight(slot) >= max) return 'full';
  if (!slots.isSuspect(slot)) return 'yes';
  return slots.isProbeDue(slot, nowMs) ? 'probe' : 'suspect';
}

/** True while the server is meant to get new clients, however busy or suspect it is at the moment. */
export function isMember(slots: SlotTable, server: PoolServer): boolean {
  const state = slots.state(server.slot) & (STATE.healthy | STATE.maintenance | STATE.draining);
  return (
    state === STATE.healthy &&
    slots.generation(server.slot) === server.generation &&
    slots.weight(server.slot) > 0
  );
}

export function makeServer(options: ServerOptions, index: number): PoolServer {
  const { id, address, host, port, tls, slot, generation, backup } = options;
  return { id, address, host, port, tls, slot, generation, backup, index, hash: hashText(id) };
}

/** One question to an algorithm. A pool has one and fills it anew for each pick, so that picking allocates nothing. */
export class Ask {
  clientKey = 0;
  nowMs = 0;
  /** Suspect servers are good enough: nobody else is left. */
  acceptsSuspects = false;
  #tried: readonly PoolServer[] = [];
  readonly #slots: SlotTable;

  constructor(slots: SlotTable) {
    this.#slots = slots;
  }

  fill(ctx: PickContext, nowMs: number): void {
    this.clientKey = ctx.clientKey;
    this.nowMs = nowMs;
    this.#tried = ctx.tried;
    this.acceptsSuspects = false;
  }

  hasTried(server: PoolServer): boolean {
    return this.#tried.length > 0 && this.#tried.includes(server);
  }

  accepts(server: PoolServer): boolean {
    if (this.hasTried(server)) return false;
    const verdict = canTake(this.#slots, server, this.nowMs, false);
    return verdict === 'yes' || verdict === 'probe' || (verdict === 'suspect' && this.acceptsSuspects);
  }
}
