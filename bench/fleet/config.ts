import type { FleetServer } from './fleet.ts';

/** The algorithms that are compared, as the configuration names them. */
export const ALGORITHMS = [
  'round_robin',
  'weighted',
  'random',
  'ip_hash',
  'power_of_two',
  'peak_ewma',
  'least_time',
  'least_connections',
] as const;

/**
 * A pool over the fleet. Clients' addresses come in X-Forwarded-For, so that `ip_hash` sees many. Only `weighted`
 * is told how fast each server is; the others have to find out.
 */
export function fleetConfig(
  algorithm: string,
  servers: readonly FleetServer[],
  port: number,
  adminPort: number,
): string {
  const slowestMs = Math.max(...servers.map(({ meanServiceMs }) => meanServiceMs));
  const lines = servers.map((server) => {
    const weight = algorithm === 'weighted' ? Math.round(slowestMs / server.meanServiceMs) : 1;
    return `      - { address: "127.0.0.1:${server.port}", weight: ${weight} }`;
  });
  return `version: 1
threads: 1
admin: { listen: "127.0.0.1:${adminPort}" }
listeners:
  web: { address: 127.0.0.1, port: ${port}, trusted_proxies: [127.0.0.1/32] }
routes:
  - { name: all, match: { path: "/*" }, pool: fleet }
pools:
  fleet:
    algorithm: ${algorithm}
    health: /healthz
    servers:
${lines.join('\n')}
`;
}
