import type { RateLimitConfig } from './resolved-limits.ts';
import type { LongForm } from './schema/file.ts';
import { parseLimitKey } from './schema/request-key.ts';

type LongRateLimit = NonNullable<LongForm['routes']>[number]['rate_limit'];

/** The limits of a route or a listener; see resolve.ts. */
export function resolveRateLimits(specs: LongRateLimit = []): RateLimitConfig[] {
  return [specs].flat().map((spec) => ({
    count: spec.rate.count,
    windowMs: spec.rate.windowMs,
    burst: spec.burst,
    key: parseLimitKey(spec.key),
    dryRun: spec.dry_run,
  }));
}
