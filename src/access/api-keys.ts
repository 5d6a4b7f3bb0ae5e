/**
 * API keys of tenants. A key is some random text, so a plain SHA-256 of it is enough to keep (nobody can try all of them), and is found
 * by an HMAC of that under a key of this thread: how long the look-up takes says nothing of the keys that there are.
 */
import { createHash, createHmac } from 'node:crypto';
import { fieldValues } from '../http/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { queryValueOf } from './credentials.ts';
import {
  type AccessRequest,
  type Authenticator,
  fieldText,
  type Known,
  refused,
  type Verdict,
} from './verdict.ts';

export interface TenantOptions {
  readonly name: string;
  readonly keys: readonly {
    readonly name: string;
    /** SHA-256 of the key, 64 hexadecimal digits in lower case. */
    readonly digest: string;
    /** Unix time from which it is refused; null = never. */
    readonly expiresMs: number | null;
  }[];
  /** Names of the routes that it may use; null = all that ask for a key. */
  readonly routes: readonly string[] | null;
}

export interface ApiKeyOptions {
  readonly kind: 'api_key';
  /** Name of the field, in lower case; '' = none. */
  readonly header: string;
  /** Name of the parameter of the query; '' = none. */
  readonly query: string;
}

interface Entry {
  readonly known: Known;
  readonly expiresMs: number;
  readonly routes: ReadonlySet<string> | null;
}

/** All keys of a snapshot. */
export class KeyRing {
  readonly #key: Uint8Array;
  readonly #entries = new Map<string, Entry>();

  constructor(tenants: readonly TenantOptions[], key: Uint8Array) {
    this.#key = key;
    for (const { name: tenant, keys, routes } of tenants)
      for (const { name, digest, expiresMs } of keys)
        this.#entries.set(this.#placeOf(digest), {
          known: { kind: 'known', user: fieldText(name), tenant: fieldText(tenant), lines: '' },
          expiresMs: expiresMs ?? Number.POSITIVE_INFINITY,
          routes: routes && new Set(routes),
        });
  }

  find(secret: string): Entry | undefined {
    return this.#entries.get(this.#placeOf(createHash('sha256').update(secret, 'latin1').digest('hex')));
  }

  #placeOf(digest: string): string {
    return createHmac('sha256', this.#key).update(digest).digest('latin1');
  }
}

export class ApiKeys implements Authenticator {
  readonly #options: ApiKeyOptions;
  readonly #route: string;
  readonly #ring: KeyRing;
  readonly #clock: Clock;

  constructor(options: ApiKeyOptions, route: string, ring: KeyRing, clock: Clock) {
    this.#options = options;
    this.#route = route;
    this.#ring = ring;
    this.#clock = clock;
  }

  check(request: AccessRequest): Verdict {
    const secret = this.#secretOf(request);
    if (secret === 'many') return refused('bad_request', 'more than one API key');
    if (secret === null) return unauthorized(`an API key is needed: ${this.#where()}`);
    const entry = this.#ring.find(secret);
    if (entry === undefined) return unauthorized('the API key is not known');
    if (this.#clock.wallMs() >= entry.expiresMs) return unauthorized('the API key has expired');
    if (entry.routes !== null && !entry.routes.has(this.#route))
      return refused('forbidden', 'this API key is not for here');
    return entry.known;
  }

  #secretOf({ fields, target }: AccessRequest): string | 'many' | null {
    const { header, query } = this.#options;
    const values = header === '' ? [] : fieldValues(fields, header);
    const inQuery = query === '' ? null : queryValueOf(target, query);
    if (values.length + (inQuery === null ? 0 : 1) > 1) return 'many';
    const [value] = values;
    if (value === undefined) return inQuery;
    return header === 'authorization' ? value.replace(/^bearer +/i, '') : value;
  }

  #where(): string {
    const { header, query } = this.#options;
    const places = [header === '' ? '' : `the field ${header}`, query === '' ? '' : `the parameter ${query}`];
    return places.filter((it) => it !== '').join(' or ');
  }
}

/** A 401 has a challenge (RFC 9110 section 11.6.1); keys have no registered scheme, and browsers ask nobody for this one. */
function unauthorized(detail: string): Verdict {
  return refused('unauthorized', detail, 'WWW-Authenticate: ApiKey\r\n');
}
