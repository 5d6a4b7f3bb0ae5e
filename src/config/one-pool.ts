/**
 * The one-pool form: `listen` and `servers` at the top level are one listener, one route and one pool, all called
 * `default`. Here it is checked, and turned into the ordinary form; errors and origins keep pointing at what was
 * written.
 */
import { stringify } from 'yaml';
import type * as z from 'zod';
import type { Path, Problem } from './diagnostic.ts';
import type { Loose } from './loose.ts';
import type { LongForm } from './schema/file.ts';
import { type Listen, parseListen } from './schema/listen.ts';
import { listener as listenerSchema } from './schema/listener.ts';
import { pool as poolSchema } from './schema/pool.ts';
import { route as routeSchema } from './schema/route.ts';

const OWN_KEYS = ['listen', 'servers', 'tls', 'algorithm', 'sticky', 'health', 'rate_limit'] as const;
const ORDINARY_KEYS = ['listeners', 'routes', 'pools', 'certificates'] as const;

/** True when the file has any key of the one-pool form. */
export function isOnePool(loose: Loose): boolean {
  return OWN_KEYS.some((key) => loose.keys.has(key));
}

/** @param value the top level as it was written, to show it in the ordinary form. */
export function checkOnePool(loose: Loose, value: unknown): Problem[] {
  if (!isOnePool(loose)) return [];
  const own = OWN_KEYS.filter((key) => loose.keys.has(key));
  const mixed = ORDINARY_KEYS.filter((key) => loose.keys.has(key));
  if (mixed.length > 0) {
    const message = `${own.join(', ')} at the top level ${own.length === 1 ? 'is' : 'are'} the one-pool form; it cannot be mixed with ${mixed.join(', ')}.`;
    const shown = ordinaryForm(value);
    const hint = shown === undefined ? {} : { hint: `Written in the ordinary form:\n${shown}` };
    return [{ severity: 'error', path: [own[0] ?? ''], at: 'key', message, shown: [], ...hint }];
  }
  const problem = (key: string, message: string): Problem => ({
    severity: 'error',
    path: [key],
    at: 'key',
    message,
  });
  if (!loose.keys.has('servers'))
    return [problem(own[0] ?? '', 'the one-pool form needs servers. Add servers: [host:port, …].')];
  if (!loose.keys.has('listen'))
    return [problem('servers', 'the one-pool form needs listen. Add listen: ":8080".')];
  const listen = loose.listen && parseListen(loose.listen.text);
  if (!listen || 'error' in listen) return [];
  if (listen.scheme === 'https' && !loose.hasOnePoolTls) {
    const name = listen.host ?? listen.address ?? 'localhost';
    return [
      problem(
        'listen',
        `https needs a certificate. Add tls: { cert: ${name}.crt, key: ${name}.key }, or for development tls: { self_signed: [${name}] }.`,
      ),
    ];
  }
  if (listen.scheme === 'http' && loose.hasOnePoolTls)
    return [problem('tls', 'tls is given, but listen is not https. Write listen: https://… or remove tls.')];
  return [];
}

function listenerInput(listen: Listen): z.input<typeof listenerSchema> {
  return {
    ...(listen.address === undefined ? {} : { address: listen.address }),
    ...(listen.port === undefined ? {} : { port: listen.port }),
    ...(listen.scheme === 'https' ? { tls: { certificates: ['default'] } } : {}),
  };
}

function matchInput(listen: Listen): { match?: { host: string } } {
  return listen.host === undefined ? {} : { match: { host: listen.host } };
}

/** The same thing as YAML with listeners, routes and pools; undefined when `listen` cannot be read. */
function ordinaryForm(value: unknown): string | undefined {
  const top = value as Readonly<Record<string, unknown>>;
  const listen = typeof top['listen'] === 'string' ? parseListen(top['listen']) : undefined;
  if (!listen || 'error' in listen) return undefined;
  const take = (...keys: string[]): Record<string, unknown> =>
    Object.fromEntries(keys.filter((key) => top[key] !== undefined).map((key) => [key, top[key]]));
  const converted = {
    ...(top['tls'] === undefined ? {} : { certificates: { default: top['tls'] } }),
    listeners: { default: listenerInput(listen) },
    routes: [{ ...matchInput(listen), pool: 'default', ...take('rate_limit') }],
    pools: { default: take('servers', 'algorithm', 'sticky', 'health') },
  };
  return stringify(converted, { flowCollectionPadding: true, lineWidth: 0 }).trimEnd();
}

/** The long form without the one-pool keys. */
export function expandOnePool(long: LongForm): LongForm {
  const { listen, servers, tls, algorithm, sticky, health, rate_limit, ...rest } = long;
  const parsed = listen === undefined ? undefined : parseListen(listen);
  if (servers === undefined || !parsed || 'error' in parsed) return rest;
  const pool = poolSchema.parse({ servers: [] });
  const route = routeSchema.parse({ ...matchInput(parsed), pool: 'default' });
  return {
    ...rest,
    certificates: tls === undefined ? {} : { default: tls },
    listeners: { default: listenerSchema.parse(listenerInput(parsed)) },
    routes: [{ ...route, ...(rate_limit === undefined ? {} : { rate_limit }) }],
    pools: {
      default: {
        ...pool,
        servers,
        ...(algorithm === undefined ? {} : { algorithm }),
        ...(sticky === undefined ? {} : { sticky }),
        ...(health === undefined ? {} : { health }),
      },
    },
  };
}

/** Where in a one-pool file the thing at `path` of the long form was written. */
export function onePoolOrigin(path: Path): Path {
  const [section, , key, ...rest] = path;
  if (section === 'certificates') return ['tls', ...path.slice(2)];
  if (section === 'pools') {
    if (key === undefined) return ['servers'];
    return [key, ...rest];
  }
  if (section === 'routes') {
    if (key === 'rate_limit') return ['rate_limit', ...rest];
    return key === undefined || key === 'match' || key === 'pool' ? ['listen'] : [];
  }
  if (section === 'listeners') {
    if (key === 'tls' && (rest.length === 0 || rest[0] === 'certificates')) return ['tls'];
    return key === undefined || key === 'address' || key === 'port' ? ['listen'] : [];
  }
  return path;
}
