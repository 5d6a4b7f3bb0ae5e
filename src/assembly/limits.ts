/** Limits on their way: words of the file -> plain data for the threads -> what the phases ask. */
import type { LimitsConfig, MeterConfig } from '../config/index.ts';
import {
  ConcurrencyRule,
  type ConcurrencyRuleOptions,
  type LimiterTable,
  type PlaceTable,
  RateRule,
  type RateRuleOptions,
} from '../limit/index.ts';
import {
  ConcurrencyLimits,
  type Gate,
  LimitGate,
  type LimitKey,
  type Limits,
  limitKeyName,
  type MeterOptions,
  RateLimits,
} from '../proxy/index.ts';

export interface RateLimitSnapshot extends RateRuleOptions {
  readonly key: LimitKey;
  readonly dryRun: boolean;
}

export interface ConcurrencySnapshot extends ConcurrencyRuleOptions {
  readonly key: LimitKey;
  readonly dryRun: boolean;
}

/** Of a listener or a route. */
export interface LimitsSnapshot {
  readonly rateLimits: readonly RateLimitSnapshot[];
  readonly concurrency: readonly ConcurrencySnapshot[];
  readonly meter: MeterOptions | null;
}

/** @param owner what has the limits, unique in the process: `route:api` */
export function limitsSnapshot(
  owner: string,
  { rateLimits, concurrency, meter }: LimitsConfig & { readonly meter?: MeterConfig | undefined },
): LimitsSnapshot {
  // Without its place in the list: limits that are sorted otherwise keep their counts.
  const nameOf = ({ key, dryRun }: { readonly key: LimitKey; readonly dryRun: boolean }): string =>
    `${owner}${key.kind === 'client_ip' ? '' : `/${limitKeyName(key)}`}${dryRun ? '/dry_run' : ''}`;
  return {
    rateLimits: rateLimits.map((limit) => ({
      ...limit,
      name: nameOf(limit),
      ...(limit.key.kind === 'client_ip' ? {} : { policy: limitKeyName(limit.key) }),
    })),
    concurrency: concurrency.map((limit) => ({ ...limit, name: nameOf(limit) })),
    meter: meter ?? null,
  };
}

/** Of a listener or a route, by when they can be asked. */
export interface CompiledLimits {
  /** As soon as it is known which one it is; null = none. */
  readonly limits: Limits | null;
  /** After the gates that find out who asks. */
  readonly gates: readonly Gate[];
}

export interface LimitTables {
  readonly limiter: LimiterTable;
  readonly places: PlaceTable;
}

export function compileLimits(snapshot: LimitsSnapshot, tables: LimitTables): CompiledLimits {
  const isLate = ({ key }: { readonly key: LimitKey }): boolean => key.kind === 'tenant';
  const pick = (wanted: boolean): Limits | null =>
    compiled(
      snapshot.rateLimits.filter((it) => isLate(it) === wanted),
      snapshot.concurrency.filter((it) => isLate(it) === wanted),
      wanted ? null : snapshot.meter,
      tables,
    );
  const late = pick(true);
  return { limits: pick(false), gates: late === null ? [] : [new LimitGate(late)] };
}

function compiled(
  rates: readonly RateLimitSnapshot[],
  concurrency: readonly ConcurrencySnapshot[],
  meter: MeterOptions | null,
  { limiter, places }: LimitTables,
): Limits | null {
  if (rates.length + concurrency.length === 0 && meter === null) return null;
  const rateOptions = rates.map(({ key, dryRun, ...rule }) => ({ rule: new RateRule(rule), key, dryRun }));
  const placeOptions = concurrency.map(({ key, dryRun, ...rule }) => ({
    rule: new ConcurrencyRule(rule),
    key,
    dryRun,
  }));
  return {
    rates: rates.length === 0 ? null : new RateLimits(rateOptions, limiter),
    concurrency: concurrency.length === 0 ? null : new ConcurrencyLimits(placeOptions, places, limiter),
    meter,
  };
}
