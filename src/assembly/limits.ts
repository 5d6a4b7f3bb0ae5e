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
  EachTenantsGates,
  type Gate,
  LIMIT_REASONS,
  type LimitKey,
  type LimitReasons,
  type Limits,
  limitKeyName,
  type MeterOptions,
  type RateLimitOptions,
  RateLimits,
  SharedRateGate,
  TENANT_LIMIT_REASONS,
  TenantGate,
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

/** Of a listener, a route or a tenant. */
export interface LimitsSnapshot {
  readonly rateLimits: readonly RateLimitSnapshot[];
  readonly concurrency: readonly ConcurrencySnapshot[];
  readonly meter: MeterOptions | null;
}

/**
 * @param owner what has the limits, unique in the process: `route:api`
 * @param usual what its limits count by when they say nothing
 */
export function limitsSnapshot(
  owner: string,
  { rateLimits, concurrency, meter }: LimitsConfig & { readonly meter?: MeterConfig | undefined },
  usual: LimitKey['kind'] = 'client_ip',
): LimitsSnapshot {
  // Without its place in the list: limits that are sorted otherwise keep their counts.
  const nameOf = ({ key, dryRun }: { readonly key: LimitKey; readonly dryRun: boolean }): string =>
    `${owner}${key.kind === usual ? '' : `/${limitKeyName(key)}`}${dryRun ? '/dry_run' : ''}`;
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
  /** When it is known who asks; null = none. */
  readonly late: Limits | null;
  /** After those: limits that somebody outside has to be asked about. */
  readonly shared: readonly Gate[];
}

/** By name, those who have any. */
export interface CompiledTenantLimits {
  readonly limits: ReadonlyMap<string, Limits>;
  readonly shared: ReadonlyMap<string, readonly Gate[]>;
}

export interface LimitTables {
  readonly limiter: LimiterTable;
  readonly places: PlaceTable;
}

/** Where limits are shared, by the settings of a snapshot. */
export type OpenShared = () => SharedLimits | null;

const NO_LIMITS: CompiledLimits = { limits: null, late: null, shared: [] };

/** @param openShared asked when a limit wants to be shared */
export function compileLimits(
  snapshot: LimitsSnapshot,
  tables: LimitTables,
  openShared: OpenShared,
): CompiledLimits {
  const { rateLimits, concurrency, meter } = snapshot;
  if (rateLimits.length === 0 && concurrency.length === 0 && meter === null) return NO_LIMITS;
  const isLate = ({ key }: { readonly key: LimitKey }): boolean => key.kind === 'tenant';
  const own = snapshot.rateLimits.filter((it) => !it.shared);
  const pick = (wanted: boolean): Limits | null =>
    compiled(
      own.filter((it) => isLate(it) === wanted),
      snapshot.concurrency.filter((it) => isLate(it) === wanted),
      wanted ? null : snapshot.meter,
      tables,
      LIMIT_REASONS,
    );
  return {
    limits: pick(false),
    late: pick(true),
    shared: sharedGates(snapshot, tables, openShared, LIMIT_REASONS),
  };
}

/** Once for all routes of a snapshot: they are the same limits wherever a tenant asks. */
export function compileTenantLimits(
  tenants: readonly (LimitsSnapshot & { readonly name: string })[],
  tables: LimitTables,
  openShared: OpenShared,
): CompiledTenantLimits {
  const limits = new Map<string, Limits>();
  const shared = new Map<string, readonly Gate[]>();
  for (const { name, ...tenant } of tenants) {
    const rates = tenant.rateLimits.filter((it) => !it.shared);
    const own = compiled(rates, tenant.concurrency, null, tables, TENANT_LIMIT_REASONS);
    if (own !== null) limits.set(name, own);
    const gates = sharedGates(tenant, tables, openShared, TENANT_LIMIT_REASONS);
    if (gates.length > 0) shared.set(name, gates);
  }
  return { limits, shared };
}

/**
 * What of a route's limits comes after the gates that find out who asks.
 * @param tenants null = nothing on this route says which tenant it is
 */
export function lateGates(
  { late, shared }: CompiledLimits,
  tenants: CompiledTenantLimits | null,
): readonly Gate[] {
  const own = tenants?.limits ?? new Map();
  return [
    ...(late === null && own.size === 0 ? [] : [new TenantGate(late, own)]),
    ...shared,
    ...(tenants === null || tenants.shared.size === 0 ? [] : [new EachTenantsGates(tenants.shared)]),
  ];
}

function sharedGates(
  { rateLimits }: LimitsSnapshot,
  { limiter }: LimitTables,
  openShared: OpenShared,
  reasons: LimitReasons,
): Gate[] {
  return rateLimits.flatMap((it) => {
    const shared = it.shared ? openShared() : null;
    return shared === null ? [] : [new SharedRateGate(rateOptions(it), limiter, shared, reasons)];
  });
}

function rateOptions({ key, dryRun, shared: _, ...rule }: RateLimitSnapshot): RateLimitOptions {
  return { rule: new RateRule(rule), key, dryRun };
}

function compiled(
  rates: readonly RateLimitSnapshot[],
  concurrency: readonly ConcurrencySnapshot[],
  meter: MeterOptions | null,
  { limiter, places }: LimitTables,
  reasons: LimitReasons,
): Limits | null {
  if (rates.length + concurrency.length === 0 && meter === null) return null;
  const placeOptions = concurrency.map(({ key, dryRun, ...rule }) => ({
    rule: new ConcurrencyRule(rule),
    key,
    dryRun,
  }));
  return {
    reasons,
    rates: rates.length === 0 ? null : new RateLimits(rates.map(rateOptions), limiter),
    concurrency: concurrency.length === 0 ? null : new ConcurrencyLimits(placeOptions, places, limiter),
    meter,
  };
}
