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
import { AccessGate, type FieldRuleOptions, type Gate, TENANT_FIELD, USER_FIELD } from '../proxy/index.ts';
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
  /** By pool, the fields by which its servers know who asks. */
  readonly #believed = new Map<string, Set<string>>();
  /** What of the book this snapshot holds on to. */
  readonly used = new Set<string>();

  constructor({ tenants, routes }: Snapshot, context: AccessContext) {
    this.#context = context;
    this.#ring = new KeyRing(tenants, context.access.key);
    for (const route of routes) {
      const { auth } = route;
      if (auth === null) continue;
      for (const pool of poolsOf(route)) {
        const names = this.#believed.get(pool) ?? new Set([USER_FIELD, TENANT_FIELD]);
        for (const name of auth.identity) names.add(name);
        this.#believed.set(pool, names);
      }
    }
  }

  /** The gates of a route with `auth`; whichever of its pool's servers' fields it does not set itself it clears too. */
  gatesOf(route: RouteSnapshot): Gate[] {
    const { name, auth } = route;
    if (auth === null) return [];
    return [
      new AccessGate(this.#authenticator(name, auth), [...auth.credentials, ...this.#believedBy(route)]),
    ];
  }

  /**
   * The rules of a route for fields of requests. One without `auth` that leads to a pool behind a route with it takes from its
   * clients what servers of that pool believe.
   */
  requestFieldsOf(route: RouteSnapshot): FieldRuleOptions | null {
    const { auth, requestFields } = route;
    const believed = auth === null ? this.#believedBy(route) : [];
    if (believed.length === 0) return requestFields;
    return { ...(requestFields ?? { remove: [], set: [], add: [] }), cleared: believed };
  }

  #believedBy(route: RouteSnapshot): readonly string[] {
    if (this.#believed.size === 0) return [];
    return poolsOf(route).flatMap((pool) => [...(this.#believed.get(pool) ?? [])]);
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

/** Whether it can be found out which tenant asks. */
export function namesTenants({ auth }: RouteSnapshot): boolean {
  switch (auth?.how.kind) {
    case 'api_key':
    case 'forward':
      return true;
    case 'jwt':
      return auth.how.tenantClaim !== '';
    default:
      return false;
  }
}

/** Whose servers get its requests, copies among them. */
function poolsOf({ action, mirror }: RouteSnapshot): string[] {
  const copied = mirror === null ? [] : [mirror.pool];
  if (action.kind === 'pool') return [action.pool, ...copied];
  return action.kind === 'split' ? [...action.shares.map(({ pool }) => pool), ...copied] : copied;
}
