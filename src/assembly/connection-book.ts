/** What of a thread's ways to servers outlives snapshots. */
import {
  QuantileEstimate,
  RetryBudget,
  type RetryBudgetOptions,
  type ServerChannels,
} from '../forward/index.ts';
import type { MirrorPlaces } from '../proxy/index.ts';

/** The connections of this thread, by server; a server that a new snapshot keeps as it is keeps them. */
export class ConnectionBook {
  readonly #byKey = new Map<string, ServerChannels>();
  readonly #budgets = new Map<string, RetryBudget>();
  readonly #estimates = new Map<string, QuantileEstimate>();
  readonly #mirrors = new Map<string, MirrorPlaces>();

  of(key: string, make: () => ServerChannels): ServerChannels {
    let connections = this.#byKey.get(key);
    if (!connections) {
      connections = make();
      this.#byKey.set(key, connections);
    }
    return connections;
  }

  /** What a pool may repeat; counted on from snapshot to snapshot. */
  budgetOf(pool: string, options: RetryBudgetOptions): RetryBudget {
    const known = this.#budgets.get(pool);
    known?.adjust(options);
    if (known) return known;
    const budget = new RetryBudget(options);
    this.#budgets.set(pool, budget);
    return budget;
  }

  /** How long answers of a pool take; counted on from snapshot to snapshot. */
  estimateOf(pool: string, quantile: number): QuantileEstimate {
    const key = `${pool}\n${quantile}`;
    const estimate = this.#estimates.get(key) ?? new QuantileEstimate(quantile);
    this.#estimates.set(key, estimate);
    return estimate;
  }

  /** How many copies a route has at a pool; counted on from snapshot to snapshot. */
  mirrorPlacesOf(pool: string, route: string): MirrorPlaces {
    const key = `${pool}\n${route}`;
    const places = this.#mirrors.get(key) ?? { taken: 0 };
    this.#mirrors.set(key, places);
    return places;
  }

  find(key: string): ServerChannels | undefined {
    return this.#byKey.get(key);
  }

  /** Retires what is not among `keys` any more. */
  keepOnly(keys: ReadonlySet<string>, pools: ReadonlySet<string>): void {
    for (const name of this.#budgets.keys()) if (!pools.has(name)) this.#budgets.delete(name);
    for (const book of [this.#estimates, this.#mirrors])
      for (const key of book.keys()) if (!pools.has(key.slice(0, key.indexOf('\n')))) book.delete(key);
    for (const [key, connections] of this.#byKey) {
      if (keys.has(key)) continue;
      connections.retire();
      this.#byKey.delete(key);
    }
  }

  /** Attempts on this server that have no answer yet go elsewhere, if they can. */
  serverDown(pool: string, server: string, why: string): void {
    for (const [key, connections] of this.#byKey) {
      if (key.startsWith(`${pool}\n${server}\n`)) connections.tellServerDown(why);
    }
  }

  destroyAll(): void {
    for (const connections of this.#byKey.values()) connections.destroy();
  }
}
