/** What can be told of `auth` and `tenants` although some of it is wrong. Part of loose.ts. */
import type { Path } from './diagnostic.ts';
import { readSharedRates } from './loose-limits.ts';
import { type At, at, type LooseSecret, list, mapping, texts } from './loose-value.ts';
import { isUrl } from './schema/auth.ts';

export interface LooseAuth {
  readonly isGiven: boolean;
  /** `basic`, `api_key` …; undefined = not readable. */
  readonly type: At | undefined;
  readonly users: readonly LooseSecret[];
  readonly usersFile: At | undefined;
  /** A file of keys; undefined also for a URL. */
  readonly keysFile: At | undefined;
  readonly keysUrl: At | undefined;
  readonly secret: LooseSecret;
  /** `tenant_claim` of a `jwt`. */
  readonly tenantClaim: At | undefined;
}

export interface LooseTenantKey extends LooseSecret {
  readonly name: At | undefined;
  readonly expires: At | undefined;
}

export interface LooseTenant {
  readonly name: string;
  readonly path: Path;
  readonly keys: readonly LooseTenantKey[];
  readonly routes: readonly At[];
  /** `rate_limit` and `concurrency`, as far as they are there. */
  readonly limits: readonly At[];
  /** Rate limits that are to be shared. */
  readonly sharedLimits: readonly At[];
}

export function readAuth(value: unknown, path: Path): LooseAuth {
  const noun = mapping(value);
  const keys = at(noun['jwks'], [...path, 'jwks']);
  return {
    isGiven: value !== undefined,
    type: at(value, path) ?? at(noun['type'], [...path, 'type']),
    users: Object.entries(mapping(noun['users'])).map(([name, each]) =>
      readSource(each, [...path, 'users', name]),
    ),
    usersFile: at(noun['users_file'], [...path, 'users_file']),
    keysFile: keys !== undefined && isUrl(keys.text) ? undefined : keys,
    keysUrl: keys !== undefined && isUrl(keys.text) ? keys : undefined,
    secret: readSource(noun['secret'], [...path, 'secret']),
    tenantClaim: at(noun['tenant_claim'], [...path, 'tenant_claim']),
  };
}

export function readTenant(name: string, value: unknown): LooseTenant {
  const noun = mapping(value);
  const path = ['tenants', name];
  return {
    name,
    path,
    keys: list(noun['api_keys']).map((each, index) => {
      const own = [...path, 'api_keys', index];
      const key = mapping(each);
      return {
        name: at(key['name'], [...own, 'name']),
        literal: at(key['hash'], [...own, 'hash']),
        file: at(key['file'], [...own, 'file']),
        env: at(key['env'], [...own, 'env']),
        expires: at(key['expires'], [...own, 'expires']),
      };
    }),
    routes: texts(noun['routes'], [...path, 'routes']),
    limits: ['rate_limit', 'concurrency'].flatMap((key) =>
      noun[key] === undefined ? [] : [{ text: key, path: [...path, key] }],
    ),
    sharedLimits: readSharedRates(noun['rate_limit'], [...path, 'rate_limit']),
  };
}

/** A secret in place, or where it is. */
export function readSource(value: unknown, path: Path): LooseSecret {
  const source = mapping(value);
  return {
    literal: at(value, path),
    file: at(source['file'], [...path, 'file']),
    env: at(source['env'], [...path, 'env']),
  };
}
