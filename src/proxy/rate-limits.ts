/**
 * The rate limits of a listener, a route or a tenant: all of them have to allow a request. Each takes its place in turn; when one
 * refuses, those before it give theirs back, so that a refused request costs nothing anywhere. Between taking and
 * giving back another thread may see the limit fuller than it is, never emptier: none lets more through than it says.
 */
import {
  type FieldLine,
  type LimiterTable,
  type RateRule,
  rateLimitHeaders,
  type TextKey,
  Verdict,
} from '../limit/index.ts';
import { DryRun } from './dry-run.ts';
import type { Exchange } from './exchange.ts';
import { type LimitKey, limitKeyOf } from './limit-key.ts';

export interface RateLimitOptions {
  readonly rule: RateRule;
  readonly key: LimitKey;
  /** Counts and logs whom it would have refused, and refuses nobody. */
  readonly dryRun: boolean;
}

/** One limit, and where it counted the request that is being looked at. */
interface Limit {
  readonly rule: RateRule;
  readonly key: LimitKey;
  readonly text: TextKey;
  readonly dryRun: DryRun | null;
  place: number;
}

export class RateLimits {
  readonly #limits: readonly Limit[];
  readonly #limiter: LimiterTable;
  readonly #verdict = new Verdict();

  constructor(limits: readonly RateLimitOptions[], limiter: LimiterTable) {
    this.#limits = limits.map(({ rule, key, dryRun }) => ({
      rule,
      key,
      text: { hi: 0, lo: 0 },
      dryRun: dryRun ? new DryRun(rule.name) : null,
      place: -1,
    }));
    this.#limiter = limiter;
  }

  /** @returns field lines for the 429, or null when the request may pass */
  check(exchange: Exchange): FieldLine[] | null {
    const limits = this.#limits;
    const verdict = this.#verdict;
    const nowMs = exchange.stream.startedMs;
    for (let i = 0; i < limits.length; i++) {
      const limit = limits[i] as Limit;
      const { rule } = limit;
      this.#limiter.check(rule, limitKeyOf(limit.key, exchange, this.#limiter, limit.text), nowMs, verdict);
      limit.place = verdict.allowed ? verdict.place : -1;
      if (verdict.allowed) continue;
      if (limit.dryRun !== null) {
        limit.dryRun.note(exchange);
        continue;
      }
      this.#giveBack(i, exchange);
      return rateLimitHeaders(verdict, rule);
    }
    return null;
  }

  /** All that the last `check` has counted: of this exchange, which it let pass. */
  giveBack(exchange: Exchange): void {
    this.#giveBack(this.#limits.length, exchange);
  }

  /** What the first `count` limits have taken. */
  #giveBack(count: number, exchange: Exchange): void {
    for (let i = 0; i < count; i++) {
      const { rule, key, text, place } = this.#limits[i] as Limit;
      if (place >= 0) this.#limiter.giveBack(rule, limitKeyOf(key, exchange, this.#limiter, text), place);
    }
  }
}
