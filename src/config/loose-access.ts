/** What can be told of `auth` and `tenants` although some of it is wrong. Part of loose.ts. */
import type { Path } from './diagnostic.ts';
import { type At, at, type LooseSecret, list, mapping, texts } from './loose-value.ts';
import { isUrl } from './schema/auth.ts';

export interface LooseAuth {
  /** `basic`, `api_key` …; undefined = not readable. */
  readonly type: At | undefined;
  readonly users: readonly LooseSecret[];
  readonly usersFile: At | undefined;
  /** A file of keys; undefined also for a URL. */
  readonly keysFile: At | undefined;
  readonly keysUrl: At | undefined;
  readonly secret: LooseSecret;
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
}

export function readAuth(value: unknown, path: Path): LooseAuth {
  const noun = mapping(value);
  const keys = at(noun['jwks'], [...path, 'jwks']);
  return {
    type: at(value, path) ?? at(noun['type'], [...path, 'type']),
    users: Object.entries(mapping(noun['users'])).map(([name, each]) =>
      readSource(each, [...path, 'users', name]),
    ),
    usersFile: at(noun['users_file'], [...path, 'users_file']),
    keysFile: keys !== undefined && isUrl(keys.text) ? undefined : keys,
    keysUrl: keys !== undefined && isUrl(keys.text) ? keys : undefined,
    secret: readSource(noun['secret'], [...path, 'secret']),
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
