/** Limits of tenants, and by tenant: whether it can be known who that is. Part of references.ts. */
import type { Problem } from './diagnostic.ts';
import { warning } from './file-access.ts';
import type { At, Loose, LooseAuth, LooseRoute, LooseTenant } from './loose.ts';
import { quote } from './units.ts';

export function checkTenants({ routes, tenants, onePoolTenantKeys }: Loose): Problem[] {
  return [
    ...onePoolTenantKeys.map((key) => countsAddresses(key, 'the one-pool form has no auth', '')),
    ...routes.flatMap(checkRoute),
    ...tenants.flatMap((tenant) => checkTenant(tenant, routes)),
  ];
}

/** A route's limits by tenant, where nothing says who that is. */
function checkRoute({ auth, tenantKeys }: LooseRoute): Problem[] {
  if (namesTenants(auth)) return [];
  const [why, instead] = !auth.isGiven
    ? ['the route has no auth', 'Add auth, or write']
    : auth.type?.text === 'jwt'
      ? ['auth has no tenant_claim', 'Add one, or write']
      : [`auth: ${auth.type?.text} knows users only`, ''];
  return tenantKeys.map((key) => countsAddresses(key, why, instead));
}

function countsAddresses(key: At, why: string, instead: string): Problem {
  return warning(
    key,
    `${why}, so nobody is a tenant here: this limit counts each client’s address by itself. ${instead || 'Write'} key: client_ip.`,
  );
}

/** A tenant's own limits, if no request can be found to be of it. */
function checkTenant({ name, keys, limits }: LooseTenant, routes: readonly LooseRoute[]): Problem[] {
  const hasKeys = keys.length > 0;
  const isKnown = routes.some(({ auth }) => namesTenants(auth) && (hasKeys || auth.type?.text !== 'api_key'));
  if (isKnown) return [];
  const fix = hasKeys ? 'Give a route auth: api_key.' : 'Give it api_keys, and a route auth: api_key.';
  return limits.map((limit) =>
    warning(limit, `no route can find out that a request is of ${quote(name)}: this is never asked. ${fix}`),
  );
}

/** What cannot be read may. */
function namesTenants({ isGiven, type, tenantClaim }: LooseAuth): boolean {
  switch (type?.text) {
    case 'basic':
      return false;
    case 'jwt':
      return tenantClaim !== undefined;
    default:
      return isGiven;
  }
}
