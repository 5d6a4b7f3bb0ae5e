/**
 * The public keys of an issuer (JWKS, RFC 7517). From a URL they are fetched when a token first needs them, again in the background
 * when they are old, and at once when a token names a key that is not among them, which is how issuers rotate; not more
 * often than the cooldown allows, since anybody can name a key. While the URL is down the keys that are known stay good.
 */
import type { JSONWebKeySet, JWTVerifyGetKey } from 'jose';
import type { Clock } from '../kernel/clock.ts';
import { type AccessLog, Availability } from './availability.ts';
import { Outgoing } from './outgoing.ts';

/** Older keys are fetched again, while they are used on. */
export const KEYS_OLD_MS = 600_000;
/** Between two fetches for names that are not known. */
export const KEYS_COOLDOWN_MS = 30_000;
/** After a fetch that failed. */
export const KEYS_RETRY_MS = 5_000;
const FETCH_TIMEOUT_MS = 5_000;
const MAX_KEYS_BYTES = 1024 * 1024;

/** Times in monotonic ms; -Infinity = never. */
export interface KeySetState {
  readonly loadedMs: number;
  /** When the last fetch began. */
  readonly triedMs: number;
  readonly hasFailed: boolean;
}

/**
 * What to do before a token is checked.
 * @param isUnknown the key that it names is not among those that are there
 * @returns `wait` = fetch, and wait for it; `refresh` = fetch, and go on with those that are there
 */
export function decideFetch(
  state: KeySetState,
  isUnknown: boolean,
  nowMs: number,
): 'use' | 'refresh' | 'wait' {
  const sinceTriedMs = nowMs - state.triedMs;
  if (state.loadedMs === Number.NEGATIVE_INFINITY)
    return state.hasFailed && sinceTriedMs < KEYS_RETRY_MS ? 'use' : 'wait';
  if (isUnknown) return sinceTriedMs < KEYS_COOLDOWN_MS ? 'use' : 'wait';
  const isOld = nowMs - state.loadedMs >= KEYS_OLD_MS;
  return isOld && sinceTriedMs >= (state.hasFailed ? KEYS_RETRY_MS : KEYS_COOLDOWN_MS) ? 'refresh' : 'use';
}

/** The names of keys; undefined where one has none. @throws Error when it is no key set */
export function parseKeySet(text: string): JSONWebKeySet {
  const value: unknown = JSON.parse(text);
  const keys = typeof value === 'object' && value !== null ? (value as { keys?: unknown }).keys : undefined;
  if (
    !Array.isArray(keys) ||
    !keys.every((it) => typeof it === 'object' && it !== null && typeof it.kty === 'string')
  )
    throw new Error('it is no JWK Set: { "keys": [ … ] }');
  return value as JSONWebKeySet;
}

export interface KeySet {
  /** Grows with each change of the keys. */
  readonly version: number;
  /** What finds the key of a token; null = there are none to be had. @param kid that it names */
  keysFor(kid: string | undefined): Promise<JWTVerifyGetKey | null>;
  close(): void;
}

export class RemoteKeySet implements KeySet {
  version = 0;
  readonly #outgoing: Outgoing;
  readonly #clock: Clock;
  readonly #endpoint: Availability;
  #state: KeySetState = {
    loadedMs: Number.NEGATIVE_INFINITY,
    triedMs: Number.NEGATIVE_INFINITY,
    hasFailed: false,
  };
  #text = '';
  #keys: JWTVerifyGetKey | null = null;
  #names: ReadonlySet<string | undefined> = new Set();
  #fetching: Promise<void> | null = null;

  constructor(url: string, clock: Clock, log: AccessLog) {
    this.#outgoing = new Outgoing(
      { url, timeoutMs: FETCH_TIMEOUT_MS, maxBytes: MAX_KEYS_BYTES, connections: 1 },
      clock,
    );
    this.#clock = clock;
    this.#endpoint = new Availability('the key set', url, log);
  }

  async keysFor(kid: string | undefined): Promise<JWTVerifyGetKey | null> {
    const isUnknown = kid !== undefined && !this.#names.has(kid);
    const decision = decideFetch(this.#state, isUnknown, this.#clock.nowMs());
    // Whoever comes while a fetch is under way that may bring its key waits for it too.
    if (decision === 'wait' || (isUnknown && this.#fetching !== null)) await this.#fetch();
    else if (decision === 'refresh') void this.#fetch();
    return this.#keys;
  }

  #fetch(): Promise<void> {
    this.#fetching ??= this.#fetchOnce().finally(() => {
      this.#fetching = null;
    });
    return this.#fetching;
  }

  async #fetchOnce(): Promise<void> {
    const triedMs = this.#clock.nowMs();
    try {
      const { status, body } = await this.#outgoing.ask([
        'accept',
        'application/jwk-set+json, application/json',
      ]);
      if (status !== 200) throw new Error(`status ${status}`);
      await this.#use(body.toString());
      this.#endpoint.up();
      this.#state = { loadedMs: this.#clock.nowMs(), triedMs, hasFailed: false };
    } catch (error) {
      this.#endpoint.down(
        error,
        this.#keys === null ? 'tokens are refused' : 'the keys that are known stay in use',
      );
      this.#state = { ...this.#state, triedMs, hasFailed: true };
    }
  }

  async #use(text: string): Promise<void> {
    if (text === this.#text) return;
    const set = parseKeySet(text);
    const { createLocalJWKSet } = await import('jose');
    this.#keys = createLocalJWKSet(set);
    this.#names = new Set(set.keys.map(({ kid }) => kid));
    this.#text = text;
    this.version++;
  }

  close(): void {
    this.#outgoing.close();
  }
}

/** Keys out of a file, or a secret that both sides know. */
export class LocalKeySet implements KeySet {
  readonly version = 0;
  readonly #keys: Promise<JWTVerifyGetKey>;

  constructor(source: { readonly jwks: string } | { readonly secret: string }) {
    this.#keys =
      'jwks' in source
        ? import('jose').then(({ createLocalJWKSet }) => createLocalJWKSet(parseKeySet(source.jwks)))
        : Promise.resolve(secretKey(source.secret));
    this.#keys.catch(() => {});
  }

  keysFor(): Promise<JWTVerifyGetKey> {
    return this.#keys;
  }

  close(): void {}
}

function secretKey(secret: string): JWTVerifyGetKey {
  const bytes = Buffer.from(secret);
  return () => Promise.resolve(bytes);
}
