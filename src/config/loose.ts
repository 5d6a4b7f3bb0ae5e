/**
 * What can be told of a configuration although some of it is wrong: the names and references that can be read, each
 * with its path. The checks of `references.ts` and `reach.ts` work on this, so that an unknown pool is reported in the
 * same run as a bad unit somewhere else. Anything unreadable is left out here; the schema complains about it.
 */

import type { Path } from './diagnostic.ts';
import { type LooseAuth, type LooseTenant, readAuth, readSource, readTenant } from './loose-access.ts';
import { readSharedRates, readTenantKeys } from './loose-limits.ts';
import { type LoosePage, readPageFiles } from './loose-pages.ts';
import { type LooseSharedLimits, readSharedLimits } from './loose-shared.ts';
import {
  type At,
  at,
  isListOrText,
  type LooseSecret,
  list,
  type Mapping,
  mapping,
  textOf,
  texts,
} from './loose-value.ts';
import { hostPatternProblem, pathPatternProblem } from './schema/route.ts';
import { fieldNamed } from './schema/sticky.ts';

export type { LooseAuth, LooseTenant } from './loose-access.ts';
export type { At, LooseSecret } from './loose-value.ts';

export interface LooseListener {
  readonly name: string;
  readonly path: Path;
  readonly address: string | undefined;
  readonly port: number | undefined;
  readonly redirects: boolean;
  readonly proxyProtocol: string | undefined;
  /** Whether `trusted_proxies` names anybody. */
  readonly trustsSomebody: boolean;
  readonly hasTls: boolean;
  readonly hasHttp2: boolean;
  readonly hasH2c: boolean;
  readonly certificates: readonly At[];
}

export interface LooseRoute {
  readonly index: number;
  readonly path: Path;
  readonly name: string | undefined;
  /** Where it leads, by `pool` or `split`. */
  readonly pools: readonly At[];
  /** Where copies go. */
  readonly mirror: At | undefined;
  readonly redirectTo: At | undefined;
  /** undefined = all. */
  readonly listeners: readonly At[] | undefined;
  /** In lower case. Empty = any; undefined = not readable. */
  readonly hosts: readonly string[] | undefined;
  readonly paths: readonly string[] | undefined;
  /** It asks for more than host and path, so it takes nothing whole. */
  readonly isConditional: boolean;
  /** A client that follows a redirect still meets what it asks for beyond host and path. */
  readonly keepsRedirected: boolean;
  readonly auth: LooseAuth;
  /** Rate limits that are to be shared. */
  readonly sharedLimits: readonly At[];
  /** The keys of limits that count by tenant. */
  readonly tenantKeys: readonly At[];
  /** It injects faults. */
  readonly hasFaults: boolean;
}

export interface LooseServer {
  readonly address: string | undefined;
  readonly zone: At | undefined;
  /** `dns` or `srv`, with the port. */
  readonly name: string | undefined;
  readonly id: string | undefined;
  /** Of the address, or of the whole when it is short. */
  readonly path: Path;
  readonly noun: Path;
}

export interface LoosePool {
  readonly name: string;
  readonly path: Path;
  readonly servers: readonly LooseServer[];
  readonly algorithm: string | undefined;
  /** `ip` or `header:NAME`: they choose the algorithm. */
  readonly stickyBy: string | undefined;
  readonly hasHash: boolean;
  readonly upstreamTls: unknown;
  /** `upstream.protocol` and `upstream.proxy_protocol`. */
  readonly protocol: At | undefined;
  readonly introduces: At | undefined;
  /** Of a check by HTTP/1.1 on the port that serves requests. */
  readonly httpCheck: Path | undefined;
  /** Of a check by gRPC on that port. */
  readonly grpcCheck: Path | undefined;
  /** `icmp` or a port of its own: checks that a Unix socket cannot have. */
  readonly networkCheck: At | undefined;
  readonly agent: At | undefined;
  readonly ca: At | undefined;
}

export interface LooseCertificate {
  readonly name: string;
  readonly path: Path;
  readonly cert: At | undefined;
  readonly key: At | undefined;
}

export interface LooseToken extends LooseSecret {
  readonly name: At | undefined;
  readonly path: Path;
}

export interface Loose {
  /** The keys of the top level. */
  readonly keys: ReadonlySet<string>;
  readonly listeners: readonly LooseListener[];
  readonly routes: readonly LooseRoute[];
  readonly pageFiles: readonly LoosePage[];
  readonly pools: readonly LoosePool[];
  readonly certificates: readonly LooseCertificate[];
  readonly tokens: readonly LooseToken[];
  readonly tenants: readonly LooseTenant[];
  readonly sharedLimits: LooseSharedLimits;
  /** Rate limits of the one-pool form that are to be shared. */
  readonly onePoolShared: readonly At[];
  /** And those that count by tenant. */
  readonly onePoolTenantKeys: readonly At[];
  readonly adminListen: At | undefined;
  readonly listen: At | undefined;
  readonly hasOnePoolTls: boolean;
}

/** `value` is what stands in the file, variables filled in. */
export function readLoosely(value: unknown): Loose {
  const top = mapping(value);
  const onePool = top['servers'] === undefined ? [] : [readPool('default', top, [])];
  const onePoolTls = top['tls'] === undefined ? [] : [readCertificate('default', top['tls'], ['tls'])];
  return {
    keys: new Set(Object.keys(top)),
    listeners: Object.entries(mapping(top['listeners'])).map(([name, each]) => readListener(name, each)),
    routes: list(top['routes']).map(readRoute),
    pageFiles: readPageFiles(top),
    pools: [
      ...Object.entries(mapping(top['pools'])).map(([name, each]) =>
        readPool(name, mapping(each), ['pools', name]),
      ),
      ...onePool,
    ],
    certificates: [
      ...Object.entries(mapping(top['certificates'])).map(([name, each]) =>
        readCertificate(name, each, ['certificates', name]),
      ),
      ...onePoolTls,
    ],
    tokens: list(mapping(top['admin'])['tokens']).map(readToken),
    tenants: Object.entries(mapping(top['tenants'])).map(([name, each]) => readTenant(name, each)),
    sharedLimits: readSharedLimits(top['shared_limits']),
    onePoolShared: readSharedRates(top['rate_limit'], ['rate_limit']),
    onePoolTenantKeys: readTenantKeys({ rate_limit: top['rate_limit'] }, []),
    adminListen: at(mapping(top['admin'])['listen'], ['admin', 'listen']),
    listen: at(top['listen'], ['listen']),
    hasOnePoolTls: top['tls'] !== undefined,
  };
}

function readListener(name: string, value: unknown): LooseListener {
  const noun = mapping(value);
  const path = ['listeners', name];
  return {
    name,
    path,
    address: textOf(noun['address']),
    port: typeof noun['port'] === 'number' ? noun['port'] : undefined,
    redirects: noun['redirect'] !== undefined,
    proxyProtocol: textOf(noun['proxy_protocol']),
    trustsSomebody: texts(noun['trusted_proxies'], path).length > 0,
    hasTls: noun['tls'] !== undefined,
    hasHttp2: noun['http2'] === true,
    hasH2c: noun['h2c'] === true,
    certificates: texts(mapping(noun['tls'])['certificates'], [...path, 'tls', 'certificates']),
  };
}

function patterns(
  value: unknown,
  problem: (pattern: string) => string | undefined,
): readonly string[] | undefined {
  if (value === undefined) return [];
  const all = Array.isArray(value) ? value : [value];
  return all.every((each): each is string => typeof each === 'string' && problem(each) === undefined)
    ? all
    : undefined;
}

function readRoute(value: unknown, index: number): LooseRoute {
  const noun = mapping(value);
  const path = ['routes', index];
  const match = mapping(noun['match']);
  const target = noun['redirect'];
  return {
    index,
    path,
    name: textOf(noun['name']),
    pools: [
      ...texts(noun['pool'], [...path, 'pool']),
      ...Object.keys(mapping(noun['split'])).map((text) => ({ text, path: [...path, 'split', text] })),
    ],
    mirror:
      at(noun['mirror'], [...path, 'mirror']) ??
      at(mapping(noun['mirror'])['pool'], [...path, 'mirror', 'pool']),
    redirectTo: at(target, [...path, 'redirect']) ?? at(mapping(target)['to'], [...path, 'redirect', 'to']),
    listeners: isListOrText(noun['listeners']) ? texts(noun['listeners'], [...path, 'listeners']) : undefined,
    hosts: patterns(match['host'], hostPatternProblem)?.map((host) => host.toLowerCase()),
    paths: patterns(match['path'], pathPatternProblem),
    isConditional: ['path_pattern', 'client', 'method', 'header', 'query'].some(
      (key) => match[key] !== undefined,
    ),
    // Fields and queries may change on the way; who asks does not, and GET stays GET.
    keepsRedirected:
      ['path_pattern', 'header', 'query'].every((key) => match[key] === undefined) &&
      (match['method'] === undefined || texts(match['method'], path).some(({ text }) => text === 'GET')),
    auth: readAuth(noun['auth'], [...path, 'auth']),
    sharedLimits: readSharedRates(noun['rate_limit'], [...path, 'rate_limit']),
    tenantKeys: readTenantKeys(noun, path),
    hasFaults: Object.keys(mapping(noun['faults'])).length > 0,
  };
}

function readPool(name: string, noun: Mapping, path: Path): LoosePool {
  const upstream = mapping(noun['upstream']);
  const { tls } = upstream;
  const spoken = spokenBy(noun['health']);
  return {
    name,
    path,
    servers: list(noun['servers']).map((each, index) => {
      const own = [...path, 'servers', index];
      if (typeof each === 'string')
        return { address: each, zone: undefined, name: undefined, id: undefined, path: own, noun: own };
      const fields = mapping(each);
      const dns = textOf(fields['dns']);
      const name = dns === undefined ? textOf(fields['srv']) : `${dns}:${fields['port']}`;
      const address = textOf(fields['address']);
      return {
        address,
        zone: at(fields['zone'], [...own, 'zone']),
        name,
        id: textOf(fields['id']),
        path: address === undefined ? own : [...own, 'address'],
        noun: own,
      };
    }),
    algorithm: textOf(noun['algorithm']),
    stickyBy: noun['sticky'] === 'ip' || fieldNamed(noun['sticky']) ? textOf(noun['sticky']) : undefined,
    hasHash: noun['hash'] !== undefined,
    upstreamTls: tls,
    protocol: at(upstream['protocol'], [...path, 'upstream', 'protocol']),
    introduces: at(upstream['proxy_protocol'], [...path, 'upstream', 'proxy_protocol']),
    httpCheck: spoken === 'http' ? [...path, 'health'] : undefined,
    grpcCheck: spoken === 'grpc' ? [...path, 'health'] : undefined,
    networkCheck: networkCheck(noun['health'], [...path, 'health']),
    agent: noun['agent'] === undefined ? undefined : { text: 'agent', path: [...path, 'agent'] },
    ca: at(mapping(tls)['ca'], [...path, 'upstream', 'tls', 'ca']),
  };
}

/** What a check on the port that serves requests speaks; '' for the rest. */
function spokenBy(value: unknown): 'http' | 'grpc' | '' {
  if (typeof value === 'string') return value === 'grpc' ? 'grpc' : value.startsWith('/') ? 'http' : '';
  const noun = mapping(value);
  if (value === undefined || value === false || noun['port'] !== undefined) return '';
  if (noun['type'] === 'grpc') return 'grpc';
  return ['http', 'https', undefined].includes(textOf(noun['type'])) ? 'http' : '';
}

function networkCheck(value: unknown, path: Path): At | undefined {
  const noun = mapping(value);
  if (value === 'icmp' || noun['type'] === 'icmp') return { text: 'icmp', path };
  return noun['port'] === undefined ? undefined : { text: 'port', path: [...path, 'port'] };
}

function readCertificate(name: string, value: unknown, path: Path): LooseCertificate {
  const noun = mapping(value);
  return { name, path, cert: at(noun['cert'], [...path, 'cert']), key: at(noun['key'], [...path, 'key']) };
}

function readToken(value: unknown, index: number): LooseToken {
  const noun = mapping(value);
  const path = ['admin', 'tokens', index];
  return {
    path,
    name: at(noun['name'], [...path, 'name']),
    ...readSource(noun['token'], [...path, 'token']),
  };
}

/** All secrets of a file. */
export function secretsOf({ tokens, routes, tenants, sharedLimits }: Loose): LooseSecret[] {
  return [
    ...tokens,
    ...routes.flatMap(({ auth }) => [...auth.users, auth.secret]),
    ...tenants.flatMap((tenant) => tenant.keys),
    sharedLimits.password,
  ];
}
