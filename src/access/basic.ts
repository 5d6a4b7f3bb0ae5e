/**
 * Basic authentication (RFC 7617) against scrypt hashes. A check takes some tenths of a second of a helper thread, of which the
 * process has few: at most two at once, a bounded number waits, the same credentials are checked once for all that bring them
 * meanwhile, and what was checked is remembered. An unknown user costs as much as a wrong password (decoys.ts).
 */
import { isPassword, type PasswordHash, parsePasswordHash } from '../kernel/password-hash.ts';
import { authorizationOf, parseBasic } from './credentials.ts';
import { Decoys } from './decoys.ts';
import { KnownSecrets } from './known-secrets.ts';
import { type AccessRequest, type Authenticator, fieldText, refused, type Verdict } from './verdict.ts';

export interface BasicOptions {
  readonly kind: 'basic';
  readonly realm: string;
  readonly users: readonly { readonly name: string; readonly hash: string }[];
}

const AT_ONCE = 2;
const MOST_WAITING = 128;
const REMEMBERED = 1024;

export class BasicUsers implements Authenticator {
  readonly #hashes = new Map<string, PasswordHash>();
  readonly #decoys: Decoys;
  readonly #known: KnownSecrets<Verdict>;
  readonly #pending = new Map<string, Promise<Verdict>>();
  readonly #queue: (() => void)[] = [];
  readonly #challenge: string;
  readonly #wrong: Verdict;
  #running = 0;

  /** @param key of this thread, for what is remembered */
  constructor({ realm, users }: BasicOptions, key: Uint8Array) {
    for (const { name, hash } of users) {
      const parsed = parsePasswordHash(hash);
      if (parsed) this.#hashes.set(Buffer.from(name).toString('latin1'), parsed);
    }
    this.#decoys = new Decoys(this.#hashes.values());
    this.#known = new KnownSecrets(key, REMEMBERED);
    this.#challenge = `WWW-Authenticate: Basic realm="${fieldText(realm).replace(/["\\]/g, '\\$&')}", charset="UTF-8"\r\n`;
    this.#wrong = refused('unauthorized', 'user or password is wrong', this.#challenge);
  }

  check({ fields }: AccessRequest): Verdict | Promise<Verdict> {
    const credentials = authorizationOf(fields);
    if (credentials === 'many') return refused('bad_request', 'more than one Authorization');
    if (credentials === null || credentials.scheme !== 'basic')
      return refused('unauthorized', 'user and password are needed', this.#challenge);
    const name = this.#known.nameOf(credentials.value);
    return this.#known.get(name) ?? this.#pending.get(name) ?? this.#checkAnew(name, credentials.value);
  }

  close(): void {
    this.#known.clear();
  }

  #checkAnew(name: string, value: string): Verdict | Promise<Verdict> {
    const basic = parseBasic(value);
    if (basic === null) return this.#wrong;
    const expected = this.#hashes.get(basic.user);
    // Made for those who are known as well: not even that is to be seen.
    const decoy = this.#decoys.of(basic.user);
    const hash = expected ?? decoy;
    if (hash === undefined) return this.#wrong;
    if (this.#queue.length >= MOST_WAITING)
      return refused('auth_unavailable', 'too many passwords wait to be checked', 'Retry-After: 5\r\n');
    const answer = this.#inTurn(() => isPassword(basic.password, hash))
      .then((isRight): Verdict => {
        const knows = isRight && expected !== undefined;
        const verdict: Verdict = knows
          ? {
              kind: 'known',
              user: fieldText(Buffer.from(basic.user, 'latin1').toString()),
              tenant: '',
              lines: '',
            }
          : this.#wrong;
        this.#known.set(name, verdict, knows);
        return verdict;
      })
      .finally(() => this.#pending.delete(name));
    this.#pending.set(name, answer);
    return answer;
  }

  async #inTurn<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running >= AT_ONCE) await new Promise<void>((resolve) => this.#queue.push(resolve));
    else this.#running++;
    try {
      return await task();
    } finally {
      // The place goes to the next one.
      const next = this.#queue.shift();
      if (next) next();
      else this.#running--;
    }
  }
}
