/** Who may use a route, as the rest of Sluice gets to see it. Part of resolved.ts. */
import type { Source } from './resolved.ts';
import type { LimitsConfig } from './resolved-limits.ts';
import type { Secret } from './secret.ts';

interface Credentials {
  /** Servers get the credentials too. */
  readonly passCredentials: boolean;
}

export type AuthConfig =
  | (Credentials & {
      readonly type: 'basic';
      readonly realm: string;
      /** Hashes as kernel/password-hash.ts has them. */
      readonly users: readonly { readonly name: string; readonly hash: Secret }[];
      /** The text of a file of further users (kernel/user-list.ts). */
      readonly usersFile: Secret | undefined;
    })
  | (Credentials & {
      readonly type: 'api_key';
      /** In lower case; '' = none. */
      readonly header: string;
      /** '' = none. */
      readonly query: string;
    })
  | (Credentials & {
      readonly type: 'jwt';
      readonly keys:
        | { readonly type: 'url'; readonly url: string }
        /** The text of a JWK Set; not secret, but read as secrets are. */
        | { readonly type: 'file'; readonly text: Secret }
        | { readonly type: 'secret'; readonly secret: Secret };
      readonly issuer: string;
      /** Empty = any. */
      readonly audience: readonly string[];
      readonly algorithms: readonly string[];
      readonly leewayMs: number;
      readonly require: readonly { readonly claim: string; readonly values: readonly string[] }[];
      readonly userClaim: string;
      /** '' = none. */
      readonly tenantClaim: string;
      readonly fields: readonly { readonly name: string; readonly claim: string }[];
    })
  | {
      readonly type: 'forward';
      readonly url: string;
      /** In lower case. */
      readonly requestFields: readonly string[];
      readonly copy: readonly string[];
      readonly userField: string;
      readonly tenantField: string;
      readonly timeoutMs: number;
      readonly failOpen: boolean;
    };

/** Its limits hold over all routes on which it is known; each counts it as a whole. */
export interface TenantConfig extends LimitsConfig {
  readonly name: string;
  readonly keys: readonly TenantKeyConfig[];
  /** Names of routes; undefined = all that ask for a key. */
  readonly routes: readonly string[] | undefined;
  readonly source: Source;
}

export interface TenantKeyConfig {
  readonly name: string;
  /** The key, or `sha256:` and the digest of it. */
  readonly secret: Secret;
  /** Unix time from which it is refused; undefined = never. */
  readonly expiresMs: number | undefined;
}

export interface CorsConfig {
  /** In lower case: `https://shop.example.com`, `https://*.example.com`, `*`. */
  readonly origins: readonly string[];
  /** `*` = any. */
  readonly methods: readonly string[];
  /** In lower case; `*` = any. */
  readonly headers: readonly string[];
  readonly expose: readonly string[];
  readonly credentials: boolean;
  readonly maxAgeS: number;
}
