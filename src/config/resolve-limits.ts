import { resolve as resolvePath } from 'node:path';
import { readSecret } from './resolve-access.ts';
import type { ResolveContext } from './resolve-context.ts';
import type {
  ConcurrencyConfig,
  LimitsConfig,
  MeterConfig,
  RateLimitConfig,
  SharedLimitsConfig,
} from './resolved-limits.ts';
import type { LongForm } from './schema/file.ts';
import { parseLimitKey } from './schema/request-key.ts';

type LongRoute = NonNullable<LongForm['routes']>[number];
type LongListener = NonNullable<LongForm['listeners']>[string];
type LongRateLimit = LongRoute['rate_limit'];

/** The limits of a route or a listener; see resolve.ts. */
export function resolveLimits(spec: {
  readonly rate_limit?: LongRateLimit | LongListener['rate_limit'];
  readonly concurrency?: LongRoute['concurrency'];
}): LimitsConfig {
  return {
    rateLimits: resolveRateLimits(spec.rate_limit),
    concurrency: resolveConcurrency(spec.concurrency),
  };
}

function resolveRateLimits(specs: LongRateLimit | LongListener['rate_limit'] = []): RateLimitConfig[] {
  return [specs].flat().map((spec) => ({
    count: spec.rate.count,
    windowMs: spec.rate.windowMs,
    burst: spec.burst,
    key: parseLimitKey(spec.key),
    dryRun: spec.dry_run,
    shared: 'shared' in spec && spec.shared,
  }));
}

function resolveConcurrency(specs: LongRoute['concurrency'] = []): ConcurrencyConfig[] {
  return [specs].flat().map(({ max, key, dry_run }) => ({ max, key: parseLimitKey(key), dryRun: dry_run }));
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
