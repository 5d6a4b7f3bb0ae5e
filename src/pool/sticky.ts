/**
 * Which server a client's cookie names. The value is `base64url(HMAC-SHA256(key, label + id))`, cut to 128 bits:
 * it tells nothing of addresses or of how many servers there are, nobody without the key can make one, and since it
 * depends on id and key alone it means the same in every thread, after a reload and after a restart.
 *
 * A token is found by a plain Map look-up. That is no timing leak worth the name: what is compared is a MAC that the
 * client got from us anyway, and guessing one wins no more than a place on a server.
 *
 * Keys rotate with overlap: all are accepted, the first signs; a client with a token of an older key gets a new one.
 */
import { createHmac } from 'node:crypto';
import { SluiceError } from '../kernel/errors.ts';
import { isCookieName, readCookie } from './cookie.ts';
import type { PoolServer, StickyOptions } from './options.ts';

const LABEL = 'sluice sticky v1\0';
const TOKEN_BYTES = 16;

export interface StickyMatch {
  readonly server: PoolServer;
  /** Signed with the present key: no new cookie is needed. */
  readonly isCurrent: boolean;
}

export class StickyTable {
  readonly #name: string;
  readonly #attributes: string;
  readonly #secure: StickyOptions['secure'];
  readonly #byToken = new Map<string, StickyMatch>();
  /** Present token by `PoolServer.index`. */
  readonly #tokens: string[] = [];

  constructor(options: StickyOptions, keys: readonly Uint8Array[], servers: readonly PoolServer[]) {
    if (!isCookieName(options.cookie))
      throw new SluiceError('sticky_cookie_name', `"${options.cookie}" cannot be the name of a cookie`, {
        hint: 'Letters, digits and - _ . are safe.',
      });
    if (keys.length === 0 || keys.some((key) => key.length < 32))
      throw new SluiceError('sticky_key', 'sticky cookies need at least one key, each of 32 bytes or more');
    this.#name = options.cookie;
    this.#secure = options.secure;
    this.#attributes = attributesOf(options);
    for (const server of servers) {
      keys.forEach((key, i) => {
        const token = stickyToken(key, server.id);
        if (i === 0) this.#tokens[server.index] = token;
        this.#byToken.set(token, { server, isCurrent: i === 0 });
      });
    }
  }

  /** The server that the client belongs to; undefined without a cookie and for one that we never made. */
  find(cookieHeader: string | null): StickyMatch | undefined {
    if (cookieHeader === null) return undefined;
    const token = readCookie(cookieHeader, this.#name);
    return token === undefined ? undefined : this.#byToken.get(token);
  }

  /** Value of the `Set-Cookie` field that binds a client to a server. */
  cookieFor(server: PoolServer, overTls: boolean): string {
    const isSecure = this.#secure === 'always' || (this.#secure === 'auto' && overTls);
    return `${this.#name}=${this.#tokens[server.index] ?? ''}${this.#attributes}${isSecure ? '; Secure' : ''}`;
  }
}

const SAME_SITE = { lax: 'Lax', strict: 'Strict', none: 'None' } as const;

function attributesOf({ path, domain, ttlMs, sameSite }: StickyOptions): string {
  const maxAge = ttlMs === null ? '' : `; Max-Age=${Math.max(1, Math.floor(ttlMs / 1000))}`;
  const where = domain === null ? '' : `; Domain=${domain}`;
  return `; Path=${path}${where}; HttpOnly; SameSite=${SAME_SITE[sameSite]}${maxAge}`;
}

export function stickyToken(key: Uint8Array, serverId: string): string {
  const mac = createHmac('sha256', key).update(LABEL).update(serverId).digest();
  return mac.subarray(0, TOKEN_BYTES).toString('base64url');
}
