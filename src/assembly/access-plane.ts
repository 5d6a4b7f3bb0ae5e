/** Who may use a route: snapshot -> gates of the data thread. */
import {
  type AccessBook,
  ApiKeys,
  type Authenticator,
  BasicUsers,
  ForwardAuth,
  Jwt,
  KeyRing,
  LocalKeySet,
  RemoteKeySet,
} from '../access/index.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Log } from '../observe/index.ts';
import { AccessGate, type Gate } from '../proxy/index.ts';
import type { RouteSnapshot, Snapshot } from './snapshot.ts';

/** What the gates of a snapshot are made with. */
export interface AccessContext {
  readonly clock: Clock;
  readonly log: Log;
  readonly access: AccessBook;
}

export class AccessCompiler {
  readonly #context: AccessContext;
  readonly #ring: KeyRing;
  /** What of the book this snapshot holds on to. */
  readonly used = new Set<string>();

  constructor({ tenants }: Snapshot, context: AccessContext) {
    this.#context = context;
    this.#ring = new KeyRing(tenants, context.access.key);
  }

  gatesOf({ name, auth }: RouteSnapshot): Gate[] {
    return auth === null ? [] : [new AccessGate(this.#authenticator(name, auth), auth.cleared)];
  }

  #authenticator(route: string, { how }: NonNullable<RouteSnapshot['auth']>): Authenticator {
    const { access, clock, log } = this.#context;
    switch (how.kind) {
      case 'basic':
        return access.of(JSON.stringify(how), this.used, () => new BasicUsers(how, access.key));
      case 'api_key':
        return new ApiKeys(how, route, this.#ring, clock);
      case 'jwt':
        return access.of(JSON.stringify(how), this.used, () => {
          const { keys } = how;
          const set =
            keys.kind === 'url'
              ? new RemoteKeySet(keys.url, clock, log)
              : new LocalKeySet(keys.kind === 'jwks' ? { jwks: keys.text } : { secret: keys.secret });
          return new Jwt(how, set, clock, access.key);
        });
      case 'forward':
        return access.of(JSON.stringify(how), this.used, () => new ForwardAuth(how, clock, log));
      default:
        return how satisfies never;
    }
  }
}
