import type { RetryOptions, RetryQuestion } from '../forward/index.ts';

/** When requests of a pool, or of a route to it, are made again. Compiled once for each snapshot. */
export class RetryRule {
  readonly options: RetryOptions;
  readonly #failures: ReadonlySet<string>;
  readonly #statuses: ReadonlySet<number>;

  constructor(options: RetryOptions) {
    this.options = options;
    this.#failures = new Set(options.failures);
    this.#statuses = new Set(options.statuses);
  }

  wantsStatus(status: number): boolean {
    // hot path: asked for each answer
    return this.#statuses.size > 0 && this.#statuses.has(status);
  }

  /** (A status is asked about before.) */
  wants(kind: RetryQuestion['failure']['kind']): boolean {
    return kind === 'status' || this.#failures.has(kind);
  }
}

/** What a route wants otherwise than its pools; one rule is made for each of them. */
export class RouteRetry {
  readonly #changes: Partial<RetryOptions>;
  readonly #rules = new WeakMap<RetryRule, RetryRule>();

  constructor(changes: Partial<RetryOptions>) {
    this.#changes = changes;
  }

  over(rule: RetryRule): RetryRule {
    let merged = this.#rules.get(rule);
    if (merged === undefined) {
      merged = new RetryRule({ ...rule.options, ...this.#changes });
      this.#rules.set(rule, merged);
    }
    return merged;
  }
}

/** Whether a request says that it may be sent twice. @param lines its fields as they are passed on */
export function hasIdempotencyKey(lines: string): boolean {
  return /(?:^|\n)idempotency-key:[ \t]*\S/i.test(lines);
}
