/** What the log gets to see of a running daemon: its state on SIGUSR2, and what a reload did. */
import type { ConfigDiff, NounDiff } from '../config/index.ts';
import type { Daemon } from '../daemon.ts';

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
    listeners: daemon.listeners.map((it) => `${it.name} ${it.host ?? '*'}:${it.port}`),
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

/** A reload in the words of the log; what did not change is left out. */
export function reloadFields(diff: ConfigDiff): Record<string, unknown> {
  const nouns: [string, NounDiff][] = [
    ['listeners', diff.listeners],
    ['routes', diff.routes],
    ['pools', diff.pools],
    ['certificates', diff.certificates],
    ...[...diff.servers].map(([pool, servers]): [string, NounDiff] => [`servers of ${pool}`, servers]),
  ];
  const fields: Record<string, unknown> = {};
  for (const [noun, { added, changed, removed }] of nouns) {
    if (added.length > 0) fields[`${noun} added`] = added;
    if (changed.length > 0)
      fields[`${noun} changed`] = changed.map((it) => `${it.name} (${it.what.join(', ')})`);
    if (removed.length > 0) fields[`${noun} removed`] = removed;
  }
  if (diff.routesReordered) fields['routes reordered'] = true;
  if (diff.settings.length > 0) fields['settings'] = diff.settings;
  return fields;
}
