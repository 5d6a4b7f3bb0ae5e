import { resolve as resolvePath } from 'node:path';
import { readSecret } from './resolve-access.ts';
import type { ResolveContext } from './resolve-context.ts';
import type {
  ConcurrencyConfig,
  LimitKey,
  LimitsConfig,
  MeterConfig,
  RateLimitConfig,
  SharedLimitsConfig,
} from './resolved-limits.ts';
import type { LongForm } from './schema/file.ts';
import { parseLimitKey } from './schema/request-key.ts';

type LongRoute = NonNullable<LongForm['routes']>[number];
type LongListener = NonNullable<LongForm['listeners']>[string];
type LongTenant = LongForm['tenants'][string];
type LongOwner = LongListener | LongRoute | LongTenant;

/** The limits of a listener, a route or a tenant; see resolve.ts. */
export function resolveLimits(spec: Pick<LongOwner, 'rate_limit' | 'concurrency'>): LimitsConfig {
  return {
    rateLimits: resolveRateLimits(spec.rate_limit),
    concurrency: resolveConcurrency(spec.concurrency),
  };
}

/** Those of a tenant have no key. */
function keyOf(spec: object | { readonly key: string }): LimitKey {
  return 'key' in spec ? parseLimitKey(spec.key) : { kind: 'tenant' };
}

function resolveRateLimits(specs: LongOwner['rate_limit'] = []): RateLimitConfig[] {
  return [specs].flat().map((spec) => ({
    count: spec.rate.count,
    windowMs: spec.rate.windowMs,
    burst: spec.burst,
    key: keyOf(spec),
    dryRun: spec.dry_run,
    shared: 'shared' in spec && spec.shared,
  }));
}

function resolveConcurrency(specs: LongOwner['concurrency'] = []): ConcurrencyConfig[] {
  return [specs].flat().map((spec) => ({ max: spec.max, key: keyOf(spec), dryRun: spec.dry_run }));
}

export function resolveMeter({
  max_body_size,
  bandwidth,
}: Pick<LongRoute, 'max_body_size' | 'bandwidth'>): MeterConfig | undefined {
  if (max_body_size === undefined && bandwidth === undefined) return undefined;
  const { download = 0, upload = 0 } = bandwidth ?? {};
  return { maxBodyBytes: max_body_size ?? 0, downloadRate: download, uploadRate: upload };
}

export function resolveSharedLimits(
  spec: LongForm['shared_limits'],
  context: ResolveContext,
): SharedLimitsConfig | undefined {
  return (
    spec && {
      url: spec.url,
      username: spec.username,
      password: spec.password === undefined ? undefined : readSecret(spec.password, context),
      prefix: spec.prefix,
      timeoutMs: spec.timeout,
      caPath: spec.ca === undefined ? undefined : resolvePath(context.baseDir, spec.ca),
    }
  );
}
