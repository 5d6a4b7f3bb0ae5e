/**
 * Who may come in. Only hashes are kept here, and every comparison takes the same time:
 * SHA-256 of what was presented against every known hash, never leaving early. Hashing also
 * makes all lengths equal. A slow hash is not needed: tokens are random, not chosen to be remembered.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { ROLES, type Role } from './control.ts';

export interface TokenOptions {
  /** Who this is, for the log. */
  readonly name: string;
  readonly role: Role;
  readonly token: string;
}

/** Someone who showed a valid token. */
export interface Principal {
  readonly name: string;
  readonly role: Role;
}

export class TokenSet {
  readonly #entries: readonly { readonly principal: Principal; readonly hash: Buffer }[];

  constructor(tokens: readonly TokenOptions[]) {
    this.#entries = tokens.map(({ name, role, token }) => ({
      principal: { name, role },
      hash: hashToken(token),
    }));
  }

  /** Whose token this is. */
  match(token: string): Principal | undefined {
    const hash = hashToken(token);
    let found: Principal | undefined;
    for (const entry of this.#entries) if (timingSafeEqual(entry.hash, hash)) found = entry.principal;
    return found;
  }
}

export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token, 'utf8').digest();
}

/** The token of an `Authorization: Bearer …` field (RFC 6750 §2.1), or undefined. */
export function bearerToken(authorization: string | undefined): string | undefined {
  return /^bearer +([A-Za-z0-9\-._~+/]+=*) *$/i.exec(authorization ?? '')?.[1];
}

export function isAllowed(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}
