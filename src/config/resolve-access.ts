/** Who may use a route: from the file's words to the program's. Part of resolve.ts. */
import { resolve as resolvePath } from 'node:path';
import type { ResolveContext } from './resolve-context.ts';
import type { AuthConfig, CorsConfig } from './resolved.ts';
import { isUrl } from './schema/auth.ts';
import type { LongForm } from './schema/file.ts';
import type { SecretInput } from './schema/secret.ts';
import { Secret } from './secret.ts';

type LongAuth = NonNullable<NonNullable<LongForm['routes']>[number]['auth']>;

export function resolveAuth(spec: LongAuth, context: ResolveContext): AuthConfig {
  switch (spec.type) {
    case 'basic':
      return {
        type: 'basic',
        realm: spec.realm,
        users: Object.entries(spec.users).map(([name, hash]) => ({ name, hash: readSecret(hash, context) })),
        usersFile: spec.users_file === undefined ? undefined : readSecret({ file: spec.users_file }, context),
        passCredentials: spec.pass_credentials,
      };
    case 'api_key':
      return {
        type: 'api_key',
        header: spec.header === false ? '' : spec.header.toLowerCase(),
        query: spec.query ?? '',
        passCredentials: spec.pass_credentials,
      };
    case 'jwt':
      return resolveJwt(spec, context);
    case 'forward':
      return {
        type: 'forward',
        url: spec.url,
        requestFields: spec.request_fields.map((name) => name.toLowerCase()),
        copy: spec.copy,
        userField: spec.user_field.toLowerCase(),
        tenantField: spec.tenant_field.toLowerCase(),
        timeoutMs: spec.timeout,
        failOpen: spec.fail === 'open',
      };
    default:
      return spec satisfies never;
  }
}

type LongJwt = Extract<LongAuth, { type: 'jwt' }>;

function resolveJwt(spec: LongJwt, context: ResolveContext): AuthConfig {
  return {
    type: 'jwt',
    keys: keysOf(spec, context),
    issuer: spec.issuer,
    audience: spec.audience ?? [],
    algorithms: spec.algorithms ?? (spec.secret === undefined ? ['RS256', 'ES256', 'EdDSA'] : ['HS256']),
    leewayMs: spec.leeway,
    require: Object.entries(spec.require).map(([claim, values]) => ({ claim, values })),
    userClaim: spec.user_claim,
    tenantClaim: spec.tenant_claim ?? '',
    fields: Object.entries(spec.fields).map(([name, claim]) => ({ name, claim })),
    passCredentials: spec.pass_credentials,
  };
}

function keysOf(
  { secret, jwks = '' }: LongJwt,
  context: ResolveContext,
): Extract<AuthConfig, { type: 'jwt' }>['keys'] {
  if (secret !== undefined) return { type: 'secret', secret: readSecret(secret, context) };
  if (isUrl(jwks)) return { type: 'url', url: jwks };
  return { type: 'file', text: readSecret({ file: jwks }, context) };
}

type LongCors = NonNullable<NonNullable<LongForm['routes']>[number]['cors']>;

export function resolveCors(spec: LongCors): CorsConfig {
  const { origins, methods, headers, expose, credentials, max_age } = spec;
  return {
    origins: origins.map((it) => it.toLowerCase()),
    methods,
    headers: headers.map((it) => it.toLowerCase()),
    expose,
    credentials,
    maxAgeS: Math.round(max_age / 1000),
  };
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
