/** What the log gets to see of a running daemon on SIGUSR2. */
import type { Daemon } from '../daemon.ts';
import { formatHostPort } from '../kernel/address.ts';

/** Everything that helps to tell, afterwards, what the daemon was doing. */
export function stateFields(daemon: Daemon, nowMs: number): Record<string, unknown> {
  const { rss, heapUsed, external } = process.memoryUsage();
  return {
    generation: daemon.generation,
    ready: daemon.isReady,
    draining: daemon.isDraining,
    threads: daemon.threadCount,
    now_ms: Math.round(nowMs),
    memory: { rss_bytes: rss, heap_bytes: heapUsed, external_bytes: external },
    listeners: daemon.listeners.map(
      (it) => `${it.name} ${formatHostPort({ host: it.host ?? '*', port: it.port })}`,
    ),
    pools: Object.fromEntries(
      daemon.registry.poolNames().map((pool) => [
        pool,
        daemon.registry.servers(pool).map((server) => ({
          server: server.definition.id,
          state: server.state,
          weight: server.definition.weight,
          in_flight: daemon.slots.inFlight(server.slot.slot),
          ...(server.healthWhy === '' ? {} : { why: server.healthWhy }),
        })),
      ]),
    ),
  };
}
