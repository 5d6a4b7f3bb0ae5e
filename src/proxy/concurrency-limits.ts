/**
 * How many requests of one client may be in flight at one time. A request holds its place until its exchange is over,
 * however it ends; a tunnel holds it as long as it is open.
 */
import {
  type ConcurrencyRule,
  type LimiterTable,
  type PlaceTable,
  REFUSED,
  type TextKey,
} from '../limit/index.ts';
import { DryRun } from './dry-run.ts';
import type { Exchange } from './exchange.ts';
import { type LimitKey, limitKeyOf } from './limit-key.ts';

export interface ConcurrencyLimitOptions {
  readonly rule: ConcurrencyRule;
  readonly key: LimitKey;
  /** Counts and logs whom it would have refused, and refuses nobody. */
  readonly dryRun: boolean;
}

interface Limit {
  readonly rule: ConcurrencyRule;
  readonly key: LimitKey;
  readonly text: TextKey;
  readonly dryRun: DryRun | null;
}

/** What is given back when an exchange is over. */
export interface HeldPlace {
  readonly table: PlaceTable;
  readonly place: number;
  readonly next: HeldPlace | null;
}

export class ConcurrencyLimits {
  readonly #limits: readonly Limit[];
  readonly #places: PlaceTable;
  readonly #limiter: LimiterTable;

  constructor(limits: readonly ConcurrencyLimitOptions[], places: PlaceTable, limiter: LimiterTable) {
    this.#limits = limits.map(({ rule, key, dryRun }) => ({
      rule,
      key,
      text: { hi: 0, lo: 0 },
      dryRun: dryRun ? new DryRun(rule.name) : null,
    }));
    this.#places = places;
    this.#limiter = limiter;
  }

  /** Takes a place in each limit; those that were taken before one refuses are given back by the end of the exchange. */
  enter(exchange: Exchange): boolean {
    for (const { rule, key, text, dryRun } of this.#limits) {
      const place = this.#places.enter(rule, limitKeyOf(key, exchange, this.#limiter, text));
      if (place >= 0) exchange.places = { table: this.#places, place, next: exchange.places };
      if (place !== REFUSED) continue;
      if (dryRun === null) return false;
      dryRun.note(exchange);
    }
    return true;
  }
}

export function leavePlaces(first: HeldPlace | null): void {
  for (let held = first; held !== null; held = held.next) held.table.leave(held.place);
}
