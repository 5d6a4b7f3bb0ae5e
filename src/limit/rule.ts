/** A `rate_limit` of the file, compiled. */
import { createHash } from 'node:crypto';
import { SluiceError } from '../kernel/errors.ts';

export interface RateRuleOptions {
  /** What the limit belongs to, unique in the process (`route:api`, `listener:https`): separates the counts. */
  readonly name: string;
  /** At most `count` requests in any `windowMs`; with `burst`, a token bucket that refills at that rate. */
  readonly count: number;
  readonly windowMs: number;
  /** Size of the bucket. */
  readonly burst?: number | undefined;
  /** Name of the policy in the RateLimit fields; `default` when absent. */
  readonly policy?: string | undefined;
}

/** Integers of the table stay exact and fit 32 bits below these. */
const MAX_COUNT = 1_000_000_000;
const MAX_WINDOW_MS = 2_000_000_000;

/**
 * Immutable. Its id is made of the name and the numbers, so that a reload that leaves a limit as it was keeps
 * its counts, and one that changes it starts them anew (old buckets would be of another width).
 */
export class RateRule {
  readonly name: string;
  readonly count: number;
  readonly windowMs: number;
  /** Size of the token bucket; 0 = sliding window. */
  readonly burst: number;
  readonly idHi: number;
  readonly idLo: number;
  /**
   * The token bucket counts in ticks, of which a request takes `ticksPerRequest` and a millisecond brings
   * `ticksPerMs`: both are whole numbers, so nothing is ever rounded.
   */
  readonly ticksPerRequest: number;
  readonly ticksPerMs: number;
  readonly capacityTicks: number;
  /** `"default"`, a String of structured fields (RFC 9651 §3.3.3). */
  readonly policyName: string;
  /** The value of RateLimit-Policy. */
  readonly policyText: string;

  /** @throws SluiceError `bad_rate_limit` */
  constructor(options: RateRuleOptions) {
    const { name, count, windowMs } = options;
    const burst = options.burst ?? 0;
    if (options.burst !== undefined) requireInteger(name, 'burst', burst, MAX_COUNT);
    requireInteger(name, 'count', count, MAX_COUNT);
    requireInteger(name, 'windowMs', windowMs, MAX_WINDOW_MS);
    this.name = name;
    this.count = count;
    this.windowMs = windowMs;
    this.burst = burst;
    const id = createHash('sha256').update(`${count}/${windowMs}/${burst}/${name}`).digest();
    this.idHi = id.readInt32LE(0);
    this.idLo = id.readInt32LE(4);
    const divisor = greatestCommonDivisor(count, windowMs);
    this.ticksPerRequest = windowMs / divisor;
    this.ticksPerMs = count / divisor;
    this.capacityTicks = burst * this.ticksPerRequest;
    if (!Number.isSafeInteger(this.capacityTicks)) {
      throw new SluiceError(
        'bad_rate_limit',
        `rate limit of ${name}: the burst is too large for the window`,
        {
          hint: 'Use a smaller burst or a shorter window.',
        },
      );
    }
    this.policyName = quoted(options.policy ?? 'default');
    this.policyText = `${this.policyName};q=${this.limit};w=${this.#policySeconds()}`;
  }

  /** Most requests that can pass at once. */
  get limit(): number {
    return this.burst > 0 ? this.burst : this.count;
  }

  /** The window, or the time in which an empty bucket fills up: whoever keeps to q per w is never refused. */
  #policySeconds(): number {
    const ms = this.burst > 0 ? this.capacityTicks / this.ticksPerMs : this.windowMs;
    return Math.max(1, Math.ceil(ms / 1000));
  }
}

function requireInteger(name: string, field: string, value: number, max: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= max) return;
  throw new SluiceError('bad_rate_limit', `rate limit of ${name}: ${field} ${value} is out of range`, {
    hint: `Write a whole number from 1 to ${max}.`,
  });
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** Only visible ASCII and spaces may stand in a String; the rest becomes `?`. */
function quoted(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/gu, '?').replace(/["\\]/g, '\\$&')}"`;
}
