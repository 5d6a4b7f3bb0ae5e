import type { Registry } from '../control/index.ts';
import { type SlotTable, STATE } from '../kernel/slots.ts';
import type { LimiterTable } from '../limit/index.ts';
import { type CellAllocator, Metrics } from '../observe/main/index.ts';
import type { Logs } from './logs.ts';

/** The metrics of the daemon: cells and slots of the threads, and the few numbers that main itself has. */
export function makeMetrics(
  cells: CellAllocator,
  from: {
    registry: Registry;
    slots: SlotTable;
    limiter: LimiterTable;
    logs: Logs;
    droppedLines: () => number;
  },
): Metrics {
  const { registry, slots, limiter, logs } = from;
  const metrics = new Metrics(cells);
  metrics.addServers(() =>
    registry.poolNames().flatMap((pool) =>
      registry.servers(pool).map((server) => ({
        pool,
        server: server.definition.id,
        isHealthy: (slots.state(server.slot.slot) & (STATE.healthy | STATE.ejected)) === STATE.healthy,
        inFlight: slots.inFlight(server.slot.slot),
        totals: slots.counters.totals(server.slot.slot),
      })),
    ),
  );
  const single = (name: string, help: string, type: 'counter' | 'gauge', read: () => number): void => {
    metrics.add({ name, help, type, read: () => [{ labels: {}, value: read() }] });
  };
  single(
    'sluice_access_log_dropped_total',
    'Lines of the access log that were dropped instead of waiting for the disk.',
    'counter',
    () => logs.access.dropped + from.droppedLines(),
  );
  single(
    'sluice_limiter_evicted_live_total',
    'Live entries of the rate limiter that had to make room.',
    'counter',
    () => limiter.stats().evictedLive,
  );
  return metrics;
}
