/** Who may use a route: configuration -> snapshot. What is posted are hashes and digests, never a password or a key. */
import { createHash } from 'node:crypto';
import type { JwtOptions } from '../access/index.ts';
import type { AuthConfig, TenantConfig } from '../config/index.ts';
import { parseUserList } from '../kernel/user-list.ts';
import { limitsSnapshot } from './limits.ts';
import type { AuthSnapshot, TenantSnapshot } from './snapshot.ts';

export function authSnapshot(auth: AuthConfig | undefined): AuthSnapshot | null {
  if (auth === undefined) return null;
  switch (auth.type) {
    case 'basic': {
      const listed = auth.usersFile === undefined ? [] : parseUserList(auth.usersFile.reveal()).users;
      const inPlace = auth.users.map(({ name, hash }) => ({ name, hash: hash.reveal() }));
      return {
        // The last of a name counts: what stands in the file itself.
        how: { kind: 'basic', realm: auth.realm, users: [...listed, ...inPlace] },
        identity: [],
        credentials: auth.passCredentials ? [] : ['authorization'],
      };
    }
    case 'api_key':
      return {
        how: { kind: 'api_key', header: auth.header, query: auth.query },
        identity: [],
        credentials: auth.passCredentials || auth.header === '' ? [] : [auth.header],
      };
    case 'jwt': {
      const { type: _, keys, passCredentials, ...rest } = auth;
      return {
        how: { kind: 'jwt', keys: keysOf(keys), ...rest },
        identity: rest.fields.map(({ name }) => name),
        credentials: passCredentials ? [] : ['authorization'],
      };
    }
    case 'forward': {
      const { type: _, requestFields, ...rest } = auth;
      return {
        how: { kind: 'forward', fields: requestFields, ...rest },
        identity: rest.copy,
        credentials: [],
      };
    }
    default:
      return auth satisfies never;
  }
}

export function tenantSnapshots(tenants: readonly TenantConfig[]): TenantSnapshot[] {
  return tenants.map((tenant) => ({
    name: tenant.name,
    keys: tenant.keys.map((key) => ({
      name: key.name,
      digest: digestOf(key.secret.reveal()),
      expiresMs: key.expiresMs ?? null,
    })),
    routes: tenant.routes ?? null,
    ...limitsSnapshot(`tenant:${tenant.name}`, tenant, 'tenant'),
  }));
}

/** Of a key, or of `sha256:` and its digest. */
function digestOf(secret: string): string {
  const digest = /^sha256:([0-9a-f]{64})$/i.exec(secret)?.[1];
  return digest?.toLowerCase() ?? createHash('sha256').update(secret).digest('hex');
}

type JwtKeys = Extract<AuthConfig, { type: 'jwt' }>['keys'];

function keysOf(keys: JwtKeys): JwtOptions['keys'] {
  switch (keys.type) {
    case 'url':
      return { kind: 'url', url: keys.url };
    case 'file':
      return { kind: 'jwks', text: keys.text.reveal() };
    case 'secret':
      return { kind: 'secret', secret: keys.secret.reveal() };
    default:
      return keys satisfies never;
  }
}
