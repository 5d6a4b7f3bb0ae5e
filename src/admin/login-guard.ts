/**
 * Makes guessing tokens slow: counts failures per client address (an IPv6 client counts with its whole /64), in
 * fixed windows, in memory.
 *
 * Two counts, because two things fail. A program with an outdated token repeats the same wrong one: it is told 429
 * after MAX_FAILURES a minute, but a valid token from its address still works, or a forgotten scraper on this machine
 * would lock its operators out. Different wrong tokens are guesses: after as many, nothing from that address is
 * looked at until the minute is over, not even a valid token, or the last guess could be the right one.
 * A request without any token is no guess and is not counted.
 *
 * The package is loaded at the first failure: a start does not pay for it.
 */
import { isIPv6 } from 'node:net';
import type { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { unmapAddress } from '../kernel/address.ts';
import { hashToken } from './tokens.ts';

export interface GuardOptions {
  readonly maxFailures: number;
  readonly windowSeconds: number;
}

export const DEFAULT_GUARD: GuardOptions = { maxFailures: 10, windowSeconds: 60 };

interface Counters {
  /** Every failure, by address. */
  readonly failures: RateLimiterMemory;
  /** Different wrong tokens, by address. */
  readonly guesses: RateLimiterMemory;
  /** Which wrong tokens an address has shown, by address and hash. */
  readonly seen: RateLimiterMemory;
}

export class LoginGuard {
  readonly #options: GuardOptions;
  #counters: Counters | undefined;

  constructor(options: GuardOptions = DEFAULT_GUARD) {
    this.#options = options;
  }

  /** Seconds for which nothing from this address is looked at; 0 = come in. */
  async blockedSeconds(address: string): Promise<number> {
    if (this.#counters === undefined) return 0;
    const state = await this.#counters.guesses.get(guardKey(address));
    return state !== null && state.consumedPoints >= this.#options.maxFailures ? seconds(state) : 0;
  }

  /** Notes a wrong token. @returns seconds after which to try again when there were too many, else 0 */
  async noteFailure(address: string, token: string): Promise<number> {
    const counters = await this.#load();
    const { maxFailures } = this.#options;
    const key = guardKey(address);
    const seen = await counters.seen.penalty(`${key} ${hashToken(token).toString('base64')}`);
    if (seen.consumedPoints === 1) await counters.guesses.penalty(key);
    const state = await counters.failures.penalty(key);
    return state.consumedPoints > maxFailures ? seconds(state) : 0;
  }

  async #load(): Promise<Counters> {
    const { RateLimiterMemory } = await import('rate-limiter-flexible');
    const { maxFailures, windowSeconds } = this.#options;
    const limiter = (keyPrefix: string): RateLimiterMemory =>
      new RateLimiterMemory({ keyPrefix, points: maxFailures, duration: windowSeconds });
    this.#counters ??= { failures: limiter('failures'), guesses: limiter('guesses'), seen: limiter('seen') };
    return this.#counters;
  }
}

function seconds(state: RateLimiterRes): number {
  return Math.max(1, Math.ceil(state.msBeforeNext / 1000));
}

/** The address as it is counted: IPv4 whole, IPv6 by its /64, which one machine owns as a rule. */
export function guardKey(address: string): string {
  const plain = unmapAddress(address);
  const bare = plain.split('%')[0] ?? plain;
  if (!isIPv6(bare)) return plain;
  const [head = '', tail] = bare.split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? 0 : tail.split(':').length + (tail.includes('.') ? 1 : 0);
  while (tail !== undefined && groups.length + after < 8) groups.push('0');
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
