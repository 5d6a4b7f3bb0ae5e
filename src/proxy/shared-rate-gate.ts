/**
 * A rate limit that several daemons share. The limiter of this daemon is asked first: it is exact over its threads, refuses
 * whom it refuses without asking anybody, and is all there is while Redis cannot be asked. What it lets pass is then counted
 * where all daemons count; a request that is refused there is given back here.
 */
import { hash } from 'node:crypto';
import {
  type ClientKey,
  type LimiterTable,
  type RateRule,
  rateLimitHeaders,
  type SharedLimits,
  Verdict,
} from '../limit/index.ts';
import { DryRun } from './dry-run.ts';
import type { Exchange } from './exchange.ts';
import type { Gate } from './gate.ts';
import { limitKeyOf, limitKeyText } from './limit-key.ts';
import { type LimitReasons, refuseRate } from './limits.ts';
import type { RateLimitOptions } from './rate-limits.ts';

/** Of a hash, in characters of 6 bits: what clients sent does not stand in Redis, and 120 bits have no doubles. */
const HASH_LENGTH = 20;

export class SharedRateGate implements Gate {
  readonly #rule: RateRule;
  readonly #key: RateLimitOptions['key'];
  readonly #dryRun: DryRun | null;
  readonly #limiter: LimiterTable;
  readonly #shared: SharedLimits;
  readonly #reasons: LimitReasons;
  readonly #verdict = new Verdict();

  constructor(
    { rule, key, dryRun }: RateLimitOptions,
    limiter: LimiterTable,
    shared: SharedLimits,
    reasons: LimitReasons,
  ) {
    this.#rule = rule;
    this.#key = key;
    this.#dryRun = dryRun ? new DryRun(rule.name) : null;
    this.#limiter = limiter;
    this.#shared = shared;
    this.#reasons = reasons;
  }

  check(exchange: Exchange): boolean | Promise<boolean> {
    const rule = this.#rule;
    const verdict = this.#verdict;
    const key = limitKeyOf(this.#key, exchange, this.#limiter, { hi: 0, lo: 0 });
    this.#limiter.check(rule, key, exchange.stream.startedMs, verdict);
    if (!verdict.allowed) return this.#refused(exchange);
    if (!this.#shared.isShared) {
      this.#shared.noteLocal();
      return true;
    }
    return this.#ask(exchange, key, verdict.place);
  }

  async #ask(exchange: Exchange, key: ClientKey, place: number): Promise<boolean> {
    const answer = await this.#shared.take(this.#rule, this.#sharedKey(exchange));
    if (answer === null) {
      this.#shared.noteLocal();
      return true;
    }
    if (answer.allowed) return true;
    this.#limiter.giveBack(this.#rule, key, place);
    if (exchange.isFinished) return false;
    const verdict = this.#verdict;
    verdict.allowed = false;
    verdict.remaining = 0;
    verdict.resetMs = verdict.retryAfterMs = answer.resetMs;
    return this.#refused(exchange);
  }

  /** By what the verdict says. */
  #refused(exchange: Exchange): boolean {
    if (this.#dryRun !== null) {
      this.#dryRun.note(exchange);
      return true;
    }
    refuseRate(exchange, rateLimitHeaders(this.#verdict, this.#rule), this.#reasons);
    return false;
  }

  /** The same for a client on every daemon. */
  #sharedKey(exchange: Exchange): string {
    const text = limitKeyText(this.#key, exchange);
    if (text === null) return 'all';
    if (text !== undefined && text !== '') return hash('sha256', text, 'base64url').slice(0, HASH_LENGTH);
    const { hi, lo } = exchange.asker.key;
    return `ip:${(hi >>> 0).toString(16)}.${(lo >>> 0).toString(16)}`;
  }
}
