import { formatHostPort } from '../kernel/address.ts';
import type { DiscoveryConfig, HealthConfig, PoolConfig, ServerConfig, Source } from './resolved.ts';
import type { LongForm } from './schema/file.ts';
import { parseStatuses } from './schema/health.ts';
import { parseServerAddress } from './schema/server.ts';

type LongPool = NonNullable<LongForm['pools']>[string];
type LongServer = LongPool['servers'][number];
type LongHealth = Exclude<LongPool['health'], false>;

/** The servers of a pool; see resolve.ts. */
export function resolveServers(
  specs: readonly LongServer[],
  sourceAt: (index: number) => Source,
): Pick<PoolConfig, 'servers' | 'discovery'> {
  return {
    servers: specs.flatMap((spec, index) => resolveServer(spec, sourceAt(index))),
    discovery: specs.flatMap((spec, index) => resolveDiscovery(spec, sourceAt(index))),
  };
}

function resolveServer(spec: LongServer, source: Source): ServerConfig[] {
  if (spec.address === undefined) return [];
  const parsed = parseServerAddress(spec.address);
  const { host, port } = 'error' in parsed ? { host: spec.address, port: 0 } : parsed;
  return [{ id: spec.id ?? formatHostPort({ host, port }), host, port, ...sharesOf(spec), source }];
}

/** If nothing else is said of a name. */
const KEEP_EMPTY_MS = 60_000;

function resolveDiscovery(spec: LongServer, source: Source): DiscoveryConfig[] {
  const name = spec.dns ?? spec.srv;
  if (name === undefined) return [];
  return [
    {
      kind: spec.dns === undefined ? 'srv' : 'address',
      name: name.replace(/\.$/, '').toLowerCase(),
      port: spec.port ?? 0,
      family: spec.family ?? 'any',
      resolvers: spec.resolver ?? [],
      refreshMs: typeof spec.refresh === 'number' ? spec.refresh : undefined,
      keepEmptyMs: spec.keep_empty ?? KEEP_EMPTY_MS,
      ...sharesOf(spec),
      source,
    },
  ];
}

function sharesOf(
  spec: LongServer,
): Pick<ServerConfig, 'weight' | 'backup' | 'maxConnections' | 'maintenance' | 'zone'> {
  const { weight, backup, max_connections: maxConnections, maintenance, zone } = spec;
  return { weight, backup, maxConnections, maintenance, zone };
}

/** See resolve.ts. */
export function resolveHealth(spec: LongHealth): HealthConfig {
  const timing = {
    intervalMs: spec.interval,
    timeoutMs: spec.timeout ?? spec.interval,
    rise: spec.rise,
    fall: spec.fall,
    jitterFraction: spec.jitter,
  };
  switch (spec.type) {
    case 'http':
    case 'https':
      return {
        type: spec.type,
        path: spec.path,
        port: spec.port,
        method: spec.method,
        host: spec.host,
        headers: spec.headers,
        ...timing,
        expect: { statuses: [spec.expect.status].flat().flatMap(statuses), body: spec.expect.body },
      };
    case 'tcp':
      return { type: 'tcp', port: spec.port, ...timing };
    case 'grpc':
      return { type: 'grpc', port: spec.port, service: spec.service, ...timing };
    case 'icmp':
      return { type: 'icmp', ...timing };
    default:
      return spec satisfies never;
  }
}

function statuses(spec: string | number): readonly (readonly [number, number])[] {
  return typeof spec === 'number' ? [[spec, spec]] : (parseStatuses(spec) ?? []);
}
