/** What a route asks of who sends a request, in words: for `route test`. */
import type {
  AuthConfig,
  CorsConfig,
  ResolvedConfig,
  RouteConfig,
  Source,
  TenantConfig,
} from '../config/index.ts';
import { parseUserList } from '../kernel/user-list.ts';

export interface RouteAsk {
  /** The key of the route. */
  readonly key: 'ip_allow' | 'ip_deny' | 'maintenance' | 'auth' | 'cors';
  readonly text: string;
  readonly source: Source;
}

export function asksOf(config: ResolvedConfig, route: RouteConfig): RouteAsk[] {
  const { ipAllow, ipDeny, maintenance, auth, cors, source } = route;
  const asks: RouteAsk[] = [];
  const add = (key: RouteAsk['key'], text: string): void => void asks.push({ key, text, source });
  if (ipAllow.length > 0) add('ip_allow', `only clients of ${ipAllow.join(', ')}`);
  if (ipDeny.length > 0) add('ip_deny', `no clients of ${ipDeny.join(', ')}`);
  if (cors) add('cors', corsText(cors));
  if (maintenance) add('maintenance', `closed (503) for all but ${maintenance.allow.join(', ')}`);
  if (auth) add('auth', authText(config, route.name, auth));
  return asks;
}

/** Whether `auth` of that route may find out that it is this tenant. */
export function mayBe(tenant: TenantConfig, route: string, auth: AuthConfig | undefined): boolean {
  switch (auth?.type) {
    case 'api_key':
      return tenant.keys.length > 0 && mayUse(tenant, route);
    case 'jwt':
      return auth.tenantClaim !== '';
    default:
      return auth?.type === 'forward';
  }
}

function mayUse({ routes }: TenantConfig, route: string): boolean {
  return routes === undefined || routes.includes(route);
}

function corsText({ origins, credentials }: CorsConfig): string {
  const who = origins.includes('*') ? 'pages of any origin' : `pages of ${origins.join(', ')}`;
  return `${who}${credentials ? ', with credentials' : ''}`;
}

function authText({ tenants }: ResolvedConfig, route: string, auth: AuthConfig): string {
  switch (auth.type) {
    case 'basic': {
      const names = auth.users.map(({ name }) => name);
      return `user and password (realm ${auth.realm}): ${[...names, ...listedNames(auth)].join(', ')}`;
    }
    case 'api_key': {
      const places = [
        auth.header === '' ? '' : `the field ${auth.header}`,
        auth.query === '' ? '' : `the parameter ${auth.query}`,
      ].filter((it) => it !== '');
      const who = tenants.filter((tenant) => mayUse(tenant, route));
      const names = who.map(({ name }) => name).join(', ') || 'nobody';
      return `an API key in ${places.join(' or ')}, of ${names}`;
    }
    case 'jwt': {
      const claims = auth.require.map(({ claim, values }) => `${claim} ${values.join(' or ')}`);
      const more = claims.length === 0 ? '' : `, with ${claims.join(', ')}`;
      return `a token of ${auth.issuer} (${auth.algorithms.join(', ')})${more}`;
    }
    case 'forward':
      return `${auth.url} decides${auth.failOpen ? '; without its answer, requests pass' : ''}`;
    default:
      return auth satisfies never;
  }
}

function listedNames({ usersFile }: Extract<AuthConfig, { type: 'basic' }>): string[] {
  if (usersFile === undefined) return [];
  // Without looking at files nobody knows who is in them.
  return usersFile.isRead
    ? parseUserList(usersFile.reveal()).users.map(({ name }) => name)
    : [`those in ${usersFile.origin}`];
}
