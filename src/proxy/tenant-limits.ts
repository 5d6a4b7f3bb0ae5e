/**
 * Limits that wait until it is known who asks: those of a route by tenant, and those of the tenant itself, which hold over all its
 * routes. The narrower are asked first, so that requests which one route refuses do not use up what the tenant has for the others;
 * what the tenant's own refuse costs the route nothing. Limits that daemons share come after these: they ask somebody outside.
 */
import type { Exchange } from './exchange.ts';
import type { Gate } from './gate.ts';
import { type Limits, passesLimits } from './limits.ts';

export class TenantGate implements Gate {
  readonly #route: Limits | null;
  readonly #tenants: ReadonlyMap<string, Limits>;

  /** @param tenants limits by the name of the tenant; those who are not in it have none */
  constructor(route: Limits | null, tenants: ReadonlyMap<string, Limits>) {
    this.#route = route;
    this.#tenants = tenants;
  }

  check(exchange: Exchange): boolean {
    const route = this.#route;
    if (!passesLimits(exchange, route)) return false;
    const own = this.#tenants.get(exchange.tenant);
    // Nothing comes between the two: the route's limits know yet where they have counted this request.
    return own === undefined || passesLimits(exchange, own, route === null ? null : route.rates);
  }
}

/** The gates of the tenant that asks. */
export class EachTenantsGates implements Gate {
  readonly #tenants: ReadonlyMap<string, readonly Gate[]>;

  /** @param tenants by name */
  constructor(tenants: ReadonlyMap<string, readonly Gate[]>) {
    this.#tenants = tenants;
  }

  check(exchange: Exchange): boolean | Promise<boolean> {
    const gates = this.#tenants.get(exchange.tenant);
    return gates === undefined || passAll(exchange, gates, 0);
  }
}

function passAll(exchange: Exchange, gates: readonly Gate[], from: number): boolean | Promise<boolean> {
  for (let index = from; index < gates.length; index++) {
    const passes = (gates[index] as Gate).check(exchange);
    if (passes === false) return false;
    // Who has gone meanwhile is counted no further.
    if (passes !== true)
      return passes.then((it) => it && !exchange.isFinished && passAll(exchange, gates, index + 1));
  }
  return true;
}
