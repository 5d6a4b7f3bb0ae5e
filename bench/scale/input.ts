/** Files with many routes and many servers, and what a request for one of the routes looks like: pure. */
import type { DaemonInput } from '../system/daemon.ts';

export interface Service {
  readonly host: string;
  /** Everything below it is the service's. */
  readonly root: string;
}

/** What service number `n` is asked for; bench/load/requests.lua has the same. */
export function serviceOf(n: number): Service {
  const host =
    n % 3 === 0 ? 'any.example' : n % 3 === 1 ? `host${n % 50}.example.com` : `a.zone${n % 20}.example.com`;
  return { host, root: `/service${n}` };
}

/** Its route: a third on any host, a third on one of 50 hosts, a third on one of 20 wildcards. */
function serviceRoute(n: number): NonNullable<DaemonInput['routes']>[number] {
  const path = `/service${n}/*`;
  const host =
    n % 3 === 0 ? {} : { host: n % 3 === 1 ? `host${n % 50}.example.com` : `*.zone${n % 20}.example.com` };
  return { name: `service-${n}`, match: { path, ...host }, pool: 'web' };
}

export interface ScaleInput {
  readonly routes: number;
  /** All servers stand in one pool: that is the hard case. */
  readonly servers: readonly string[];
  readonly algorithm: string;
  /** Servers that each thread keeps to; without it all. */
  readonly subset?: number;
  /** Differs from reload to reload: a weight and a route change with it. */
  readonly turn?: number;
}

export function scaleInput({ routes, servers, algorithm, subset, turn = 0 }: ScaleInput): DaemonInput {
  return {
    threads: 1,
    listeners: { web: { address: '127.0.0.1', port: 0, limits: { idle_timeout: '1h' } } },
    routes: [
      ...Array.from({ length: routes - 1 }, (_, n) => serviceRoute(n)),
      {
        ...serviceRoute(routes - 1),
        ...(turn === 0 ? {} : { timeout: `${600 + turn}s` }),
      },
    ],
    pools: {
      web: {
        algorithm: algorithm as 'round_robin',
        ...(subset === undefined ? {} : { subset }),
        servers: servers.map((address, i) => ({
          address,
          weight: turn > 0 && i === turn % servers.length ? 2 : 1,
        })),
        // Checks of a thousand servers cost the same whether there is a request or not: they are no part of its price.
        health: false,
      },
    },
  };
}
