/** Limits on their way: words of the file -> plain data for the threads -> what the phases ask. */
import type { LimitsConfig, MeterConfig, SharedLimitsConfig } from '../config/index.ts';
import {
  ConcurrencyRule,
  type ConcurrencyRuleOptions,
  type LimiterTable,
  type PlaceTable,
  RateRule,
  type RateRuleOptions,
  type SharedLimits,
  type SharedLimitsOptions,
} from '../limit/index.ts';
import {
  ConcurrencyLimits,
  type Gate,
  LimitGate,
  type LimitKey,
  type Limits,
  limitKeyName,
  type MeterOptions,
  type RateLimitOptions,
  RateLimits,
  SharedRateGate,
} from '../proxy/index.ts';

export interface RateLimitSnapshot extends RateRuleOptions {
  readonly key: LimitKey;
  readonly dryRun: boolean;
  /** Counted over several daemons. */
  readonly shared: boolean;
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

export function sharedLimitsSnapshot(
  config: SharedLimitsConfig | undefined,
  authorities: ReadonlyMap<string, string>,
): SharedLimitsOptions | null {
  if (config === undefined) return null;
  const { url, username = null, password, prefix, timeoutMs, caPath } = config;
  const ca = caPath === undefined ? null : (authorities.get(caPath) ?? null);
  return { url, username, password: password?.reveal() ?? null, prefix, timeoutMs, ca };
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

/** Where limits are shared, by the settings of a snapshot. */
export type OpenShared = () => SharedLimits | null;

/** @param openShared asked when a limit wants to be shared */
export function compileLimits(
  snapshot: LimitsSnapshot,
  tables: LimitTables,
  openShared: OpenShared,
): CompiledLimits {
  const isLate = ({ key }: { readonly key: LimitKey }): boolean => key.kind === 'tenant';
  const own = snapshot.rateLimits.filter((it) => !it.shared);
  const pick = (wanted: boolean): Limits | null =>
    compiled(
      own.filter((it) => isLate(it) === wanted),
      snapshot.concurrency.filter((it) => isLate(it) === wanted),
      wanted ? null : snapshot.meter,
      tables,
    );
  const late = pick(true);
  const gates: Gate[] = late === null ? [] : [new LimitGate(late)];
  for (const it of snapshot.rateLimits) {
    const shared = it.shared ? openShared() : null;
    if (shared !== null) gates.push(new SharedRateGate(rateOptions(it), tables.limiter, shared));
  }
  return { limits: pick(false), gates };
}

function rateOptions({ key, dryRun, shared: _, ...rule }: RateLimitSnapshot): RateLimitOptions {
  return { rule: new RateRule(rule), key, dryRun };
}

function compiled(
  rates: readonly RateLimitSnapshot[],
  concurrency: readonly ConcurrencySnapshot[],
  meter: MeterOptions | null,
  { limiter, places }: LimitTables,
): Limits | null {
  if (rates.length + concurrency.length === 0 && meter === null) return null;
  const placeOptions = concurrency.map(({ key, dryRun, ...rule }) => ({
    rule: new ConcurrencyRule(rule),
    key,
    dryRun,
  }));
  return {
    rates: rates.length === 0 ? null : new RateLimits(rates.map(rateOptions), limiter),
    concurrency: concurrency.length === 0 ? null : new ConcurrencyLimits(placeOptions, places, limiter),
    meter,
  };
}
