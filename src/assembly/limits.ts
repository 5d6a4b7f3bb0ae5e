/** Limits on their way: words of the file -> plain data for the threads -> what the phases ask. */
import type { RateLimitConfig } from '../config/index.ts';
import { type LimiterTable, RateRule, type RateRuleOptions } from '../limit/index.ts';
import { type Gate, type LimitKey, limitKeyName, RateLimitGate, RateLimits } from '../proxy/index.ts';

export interface RateLimitSnapshot extends RateRuleOptions {
  readonly key: LimitKey;
  readonly dryRun: boolean;
}

/** @param owner what has the limits, unique in the process: `route:api` */
export function rateLimitSnapshots(owner: string, limits: readonly RateLimitConfig[]): RateLimitSnapshot[] {
  return limits.map(({ count, windowMs, burst, key, dryRun }) => {
    const by = limitKeyName(key);
    const isUsual = key.kind === 'client_ip';
    return {
      // Without its place in the list: limits that are sorted otherwise keep their counts.
      name: `${owner}${isUsual ? '' : `/${by}`}${dryRun ? '/dry_run' : ''}`,
      count,
      windowMs,
      burst,
      ...(isUsual ? {} : { policy: by }),
      key,
      dryRun,
    };
  });
}

/** What a route has of limits, by when they can be asked. */
export interface CompiledLimits {
  /** As soon as the route is known; null = none. */
  readonly limits: RateLimits | null;
  /** After the gates that find out who asks. */
  readonly gates: readonly Gate[];
}

export function compileRateLimits(
  snapshots: readonly RateLimitSnapshot[],
  limiter: LimiterTable,
): CompiledLimits {
  const compiled = (limits: readonly RateLimitSnapshot[]): RateLimits | null =>
    limits.length === 0
      ? null
      : new RateLimits(
          limits.map(({ key, dryRun, ...rule }) => ({ rule: new RateRule(rule), key, dryRun })),
          limiter,
        );
  const byTenant = compiled(snapshots.filter(({ key }) => key.kind === 'tenant'));
  return {
    limits: compiled(snapshots.filter(({ key }) => key.kind !== 'tenant')),
    gates: byTenant === null ? [] : [new RateLimitGate(byTenant)],
  };
}
