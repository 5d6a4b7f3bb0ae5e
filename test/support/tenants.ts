/** Tenants for tests: their keys as the file has them, and requests of them. */
import { createHash } from 'node:crypto';
import { SignJWT } from 'jose';
import type { FileInput } from '../../src/config/schema/file.ts';

type TenantInput = NonNullable<FileInput['tenants']>[string];

export const keyOf = (tenant: string): string => `the-key-of-${tenant}`;

/** A tenant with one key, `keyOf`. */
export function tenantNamed(tenant: string, more: Partial<TenantInput> = {}): TenantInput {
  const hash = `sha256:${createHash('sha256').update(keyOf(tenant)).digest('hex')}`;
  return { api_keys: [{ name: 'main', hash }], ...more };
}

const SECRET = 'a secret that only these tests know, long enough';
export const JWT_AUTH = { type: 'jwt', issuer: 'tests', secret: SECRET, tenant_claim: 'org' } as const;

/** A token for `JWT_AUTH`. */
export function tokenOf(tenant: string): Promise<string> {
  return new SignJWT({ org: tenant })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer('tests')
    .setSubject('somebody')
    .setExpirationTime('1h')
    .sign(Buffer.from(SECRET));
}
