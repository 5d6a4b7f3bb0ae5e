/** Who may use a route: from the file's words to the program's. Part of resolve.ts. */
import { resolve as resolvePath } from 'node:path';
import { type ResolveContext, sourceOf } from './resolve-context.ts';
import type { AuthConfig, TenantConfig } from './resolved.ts';
import { parseExpiry } from './schema/auth.ts';
import type { LongForm } from './schema/file.ts';
import type { SecretInput } from './schema/secret.ts';
import { Secret } from './secret.ts';

type LongAuth = NonNullable<NonNullable<LongForm['routes']>[number]['auth']>;

export function resolveAuth(spec: LongAuth, context: ResolveContext): AuthConfig {
  const passCredentials = spec.pass_credentials;
  switch (spec.type) {
    case 'basic':
      return {
        type: 'basic',
        realm: spec.realm,
        users: Object.entries(spec.users).map(([name, hash]) => ({ name, hash: readSecret(hash, context) })),
        usersFile: spec.users_file === undefined ? undefined : readSecret({ file: spec.users_file }, context),
        passCredentials,
      };
    case 'api_key':
      return {
        type: 'api_key',
        header: spec.header === false ? '' : spec.header.toLowerCase(),
        query: spec.query ?? '',
        passCredentials,
      };
    default:
      return spec satisfies never;
  }
}

export function resolveTenants(tenants: LongForm['tenants'], context: ResolveContext): TenantConfig[] {
  return Object.entries(tenants).map(([name, { api_keys, routes }]) => ({
    name,
    keys: api_keys.map((key) => ({
      name: key.name,
      secret:
        key.hash === undefined
          ? readSecret(key, context)
          : new Secret(key.hash.toLowerCase(), 'the configuration'),
      expiresMs: key.expires === undefined ? undefined : parseExpiry(key.expires),
    })),
    routes,
    source: sourceOf(context, ['tenants', name]),
  }));
}

export function readSecret(
  spec: SecretInput | { readonly file?: string | undefined; readonly env?: string | undefined },
  context: ResolveContext,
): Secret {
  if (typeof spec === 'string') return new Secret(spec, 'the configuration');
  if (spec.env !== undefined) return new Secret(context.env[spec.env], `$${spec.env}`);
  const path = resolvePath(context.baseDir, spec.file ?? '');
  return new Secret(context.readFile?.(path).trim(), `the file ${path}`);
}
