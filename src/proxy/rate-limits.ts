/**
 * The rate limits of a listener or a route: all of them have to allow a request. Each takes its place in turn; when one
 * refuses, those before it give theirs back, so that a refused request costs nothing anywhere. Between taking and
 * giving back another thread may see the limit fuller than it is, never emptier: none lets more through than it says.
 */
import { type LimiterTable, type RateRule, rateLimitHeaders, type TextKey, Verdict } from '../limit/index.ts';
import type { Exchange } from './exchange.ts';
import type { Gate } from './gate.ts';
import { type LimitKey, limitKeyOf } from './limit-key.ts';

export interface RateLimitOptions {
  readonly rule: RateRule;
  readonly key: LimitKey;
  /** Counts and logs whom it would have refused, and refuses nobody. */
  readonly dryRun: boolean;
}

/** One limit, and where it counted the request that is being looked at. */
interface Limit extends RateLimitOptions {
  readonly text: TextKey;
  place: number;
}

/** Whom a dry run would have refused is logged so often at most, in each thread. */
const DRY_RUN_LOG_MS = 1000;

export class RateLimits {
  readonly #limits: readonly Limit[];
  readonly #limiter: LimiterTable;
  readonly #verdict = new Verdict();
  #loggedMs = Number.NEGATIVE_INFINITY;
  #unlogged = 0;

  constructor(limits: readonly RateLimitOptions[], limiter: LimiterTable) {
    this.#limits = limits.map((it) => ({ ...it, text: { hi: 0, lo: 0 }, place: -1 }));
    this.#limiter = limiter;
  }

  /** @returns field lines for the 429, or null when the request may pass */
  check(exchange: Exchange): string | null {
    const limits = this.#limits;
    const verdict = this.#verdict;
    const nowMs = exchange.stream.startedMs;
    for (let i = 0; i < limits.length; i++) {
      const limit = limits[i] as Limit;
      const { rule } = limit;
      this.#limiter.check(rule, limitKeyOf(limit.key, exchange, this.#limiter, limit.text), nowMs, verdict);
      limit.place = verdict.allowed ? verdict.place : -1;
      if (verdict.allowed) continue;
      if (limit.dryRun) {
        this.#note(limit, exchange, nowMs);
        continue;
      }
      this.#giveBack(i, exchange);
      return rateLimitHeaders(verdict, rule)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join('');
    }
    return null;
  }

  /** What the first `count` limits have taken. */
  #giveBack(count: number, exchange: Exchange): void {
    for (let i = 0; i < count; i++) {
      const { rule, key, text, place } = this.#limits[i] as Limit;
      if (place >= 0) this.#limiter.giveBack(rule, limitKeyOf(key, exchange, this.#limiter, text), place);
    }
  }

  #note({ rule }: Limit, exchange: Exchange, nowMs: number): void {
    exchange.listener.cells.countLimitedDryRun();
    this.#unlogged++;
    if (nowMs - this.#loggedMs < DRY_RUN_LOG_MS) return;
    exchange.deps.log.info('a rate limit in dry run would have refused', {
      limit: rule.name,
      request_id: exchange.requestId,
      client_ip: exchange.asker.identity.clientIp,
      requests: this.#unlogged,
    });
    this.#loggedMs = nowMs;
    this.#unlogged = 0;
  }
}

/** Limits that need to know more of a request than its head: they wait for the gates before them. */
export class RateLimitGate implements Gate {
  readonly #limits: RateLimits;

  constructor(limits: RateLimits) {
    this.#limits = limits;
  }

  check(exchange: Exchange): boolean {
    return passesRateLimits(exchange, this.#limits);
  }
}

/** @returns false when the request was answered 429 */
export function passesRateLimits(exchange: Exchange, limits: RateLimits | null): boolean {
  const refused = limits === null ? null : limits.check(exchange);
  if (refused === null) return true;
  exchange.listener.cells.countLimited();
  exchange.refuse('limited', '', refused);
  return false;
}
