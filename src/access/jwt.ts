/**
 * Bearer tokens that are JWTs (RFC 7519, checked as RFC 8725 says): signature by a key of the issuer with an algorithm that the route
 * names, issuer, audience, expiry, then claims that the route requires. Refusals as RFC 6750 has them. A token that was good is
 * remembered, under a keyed hash, until it expires or the keys change.
 */
import type { JWTPayload, JWTVerifyOptions } from 'jose';
import type { Clock } from '../kernel/clock.ts';
import { errorText } from '../kernel/errors.ts';
import { authorizationOf } from './credentials.ts';
import type { KeySet } from './key-set.ts';
import { KnownSecrets } from './known-secrets.ts';
import {
  type AccessRequest,
  type Authenticator,
  fieldText,
  type Known,
  refused,
  type Verdict,
} from './verdict.ts';

export interface JwtOptions {
  readonly kind: 'jwt';
  readonly keys:
    | { readonly kind: 'url'; readonly url: string }
    | { readonly kind: 'jwks'; readonly text: string }
    | { readonly kind: 'secret'; readonly secret: string };
  readonly issuer: string;
  /** One of them has to be meant; empty = whoever. */
  readonly audience: readonly string[];
  readonly algorithms: readonly string[];
  readonly leewayMs: number;
  /** Claims, each with the values of which it has to have one. */
  readonly require: readonly { readonly claim: string; readonly values: readonly string[] }[];
  /** Claims that say who it is; '' = none. */
  readonly userClaim: string;
  readonly tenantClaim: string;
  /** Fields for servers, out of claims. */
  readonly fields: readonly { readonly name: string; readonly claim: string }[];
}

interface Remembered {
  readonly known: Known;
  readonly expiresMs: number;
}

const REMEMBERED = 1024;
const MAX_TOKEN_CHARS = 8192;
const TOKEN = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

export class Jwt implements Authenticator {
  readonly #options: JwtOptions;
  readonly #keys: KeySet;
  readonly #clock: Clock;
  readonly #known: KnownSecrets<Remembered>;
  #version = 0;

  /** @param key of this thread, for what is remembered */
  constructor(options: JwtOptions, keys: KeySet, clock: Clock, key: Uint8Array) {
    this.#options = options;
    this.#keys = keys;
    this.#clock = clock;
    this.#known = new KnownSecrets(key, REMEMBERED);
  }

  check({ fields }: AccessRequest): Verdict | Promise<Verdict> {
    const credentials = authorizationOf(fields);
    if (credentials === 'many') return refused('bad_request', 'more than one Authorization');
    if (credentials === null || credentials.scheme !== 'bearer')
      return refused('unauthorized', 'a bearer token is needed', challenge());
    const token = credentials.value;
    if (token.length > MAX_TOKEN_CHARS || !TOKEN.test(token)) return invalid('it is no signed JWT');
    if (this.#keys.version !== this.#version) this.#forget();
    const name = this.#known.nameOf(token);
    const remembered = this.#known.get(name);
    if (remembered !== undefined && this.#clock.wallMs() < remembered.expiresMs) return remembered.known;
    return this.#verify(name, token);
  }

  #forget(): void {
    this.#version = this.#keys.version;
    this.#known.clear();
  }

  async #verify(name: string, token: string): Promise<Verdict> {
    const kid = kidOf(token);
    if (kid === null) return invalid('its header is no JSON');
    // What is checked by keys that go meanwhile is not remembered.
    const { version } = this.#keys;
    const keys = await this.#keys.keysFor(kid);
    if (keys === null)
      return refused('auth_unavailable', 'there are no keys to check tokens with', 'Retry-After: 5\r\n');
    const { jwtVerify, errors } = await import('jose');
    const { issuer, audience, algorithms, leewayMs } = this.#options;
    const options: JWTVerifyOptions = {
      issuer,
      algorithms: [...algorithms],
      clockTolerance: leewayMs / 1000,
      currentDate: new Date(this.#clock.wallMs()),
      requiredClaims: ['exp'],
      ...(audience.length === 0 ? {} : { audience: [...audience] }),
    };
    try {
      const { payload } = await jwtVerify(token, keys, options);
      const missing = missingClaim(payload, this.#options.require);
      if (missing !== undefined) return insufficient(missing);
      const known = this.#knownOf(payload);
      if (version === this.#version && version === this.#keys.version)
        this.#known.set(name, { known, expiresMs: (payload.exp ?? 0) * 1000 + leewayMs }, true);
      return known;
    } catch (error) {
      if (error instanceof errors.JOSEError) return invalid(wordsOf(error.code, errorText(error)));
      throw error;
    }
  }

  #knownOf(payload: JWTPayload): Known {
    const { userClaim, tenantClaim, fields } = this.#options;
    const textOf = (claim: string): string =>
      claim === '' ? '' : fieldText(claimTexts(payload, claim).join(','));
    let lines = '';
    for (const { name, claim } of fields) {
      const text = textOf(claim);
      if (text !== '') lines += `${name}: ${text}\r\n`;
    }
    return { kind: 'known', user: textOf(userClaim), tenant: textOf(tenantClaim), lines };
  }

  close(): void {
    this.#keys.close();
    this.#known.clear();
  }
}

/** What the header names; undefined = no key; null = it cannot be read. */
function kidOf(token: string): string | undefined | null {
  try {
    const header: unknown = JSON.parse(
      Buffer.from(token.slice(0, token.indexOf('.')), 'base64url').toString(),
    );
    const kid = (header as { kid?: unknown } | null)?.kid;
    return typeof kid === 'string' ? kid : undefined;
  } catch {
    return null;
  }
}

/** The claim of that name, or what its dotted path leads to; as texts. `scope` is a list with blanks (RFC 8693 section 4.2). */
export function claimTexts(payload: JWTPayload, claim: string): string[] {
  const found =
    payload[claim] ??
    claim
      .split('.')
      .reduce<unknown>(
        (at, step) =>
          typeof at === 'object' && at !== null && Object.hasOwn(at, step)
            ? (at as Record<string, unknown>)[step]
            : undefined,
        payload,
      );
  if (claim === 'scope' && typeof found === 'string') return found.split(' ');
  return [found]
    .flat()
    .flatMap((it) => (['string', 'number', 'boolean'].includes(typeof it) ? [String(it)] : []));
}

/** The first that does not have what it has to. */
export function missingClaim(payload: JWTPayload, require: JwtOptions['require']): string | undefined {
  return require.find(({ claim, values }) => {
    const has = claimTexts(payload, claim);
    return !values.some((value) => (value === '*' ? has.length > 0 : has.includes(value)));
  })?.claim;
}

/** Words that quote nothing of the token. */
function wordsOf(code: string, text: string): string {
  switch (code) {
    case 'ERR_JWT_EXPIRED':
      return 'it has expired';
    case 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED':
      return 'its signature is wrong';
    case 'ERR_JOSE_ALG_NOT_ALLOWED':
      return 'its algorithm is not allowed here';
    case 'ERR_JWKS_NO_MATCHING_KEY':
    case 'ERR_JWKS_MULTIPLE_MATCHING_KEYS':
      return 'its key is not known';
    case 'ERR_JWT_CLAIM_VALIDATION_FAILED':
      return text.replace(/[^\w ,.-]/g, '');
    default:
      return 'it is no good JWT';
  }
}

/** RFC 6750 section 3. @param more `error="…"` and the like */
function challenge(more = ''): string {
  return `WWW-Authenticate: Bearer${more === '' ? '' : ` ${more}`}\r\n`;
}

function invalid(why: string): Verdict {
  const fields = challenge(`error="invalid_token", error_description="${why}"`);
  return refused('unauthorized', `the token is refused: ${why}`, fields);
}

function insufficient(claim: string): Verdict {
  const scope = claim === 'scope' ? 'the scope of the token' : `the claim ${claim} of the token`;
  return refused('forbidden', `${scope} does not suffice`, challenge('error="insufficient_scope"'));
}
