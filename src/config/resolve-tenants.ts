/** Tenants in the program's words; see resolve.ts. */
import { readSecret } from './resolve-access.ts';
import { type ResolveContext, sourceOf } from './resolve-context.ts';
import { resolveLimits } from './resolve-limits.ts';
import type { TenantConfig } from './resolved.ts';
import { parseExpiry } from './schema/auth.ts';
import type { LongForm } from './schema/file.ts';
import { Secret } from './secret.ts';

export function resolveTenants(tenants: LongForm['tenants'], context: ResolveContext): TenantConfig[] {
  return Object.entries(tenants).map(([name, spec]) => ({
    name,
    keys: spec.api_keys.map((key) => ({
      name: key.name,
      secret:
        key.hash === undefined
          ? readSecret(key, context)
          : new Secret(key.hash.toLowerCase(), 'the configuration'),
      expiresMs: key.expires === undefined ? undefined : parseExpiry(key.expires),
    })),
    routes: spec.routes,
    ...resolveLimits(spec),
    source: sourceOf(context, ['tenants', name]),
  }));
}
