import { BREAKER_MODES, viewBreaker } from '../admit/index.ts';
import type { Registry } from '../control/index.ts';
import { type SlotTable, STATE } from '../kernel/slots.ts';
import { type CellAllocator, Metrics } from '../observe/main/index.ts';
import type { LimitMemory } from './limit-memory.ts';
import type { Logs } from './logs.ts';
import type { PoolSnapshot } from './snapshot.ts';

/** The metrics of the daemon: cells and slots of the threads, and the few numbers that main itself has. */
export function makeMetrics(
  cells: CellAllocator,
  from: {
    registry: Registry;
    slots: SlotTable;
    limits: LimitMemory;
    pools: () => readonly PoolSnapshot[];
    logs: Logs;
    droppedLines: () => number;
  },
): Metrics {
  const { registry, slots, limits, logs, pools } = from;
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
    () => limits.limiter.stats().evictedLive,
  );
  single(
    'sluice_concurrency_uncounted_total',
    'Requests that a limit of concurrency let in uncounted, for want of room in its table.',
    'counter',
    () => limits.places.stats().uncounted,
  );
  addAdmission(metrics, pools, slots);
  return metrics;
}

function addAdmission(metrics: Metrics, pools: () => readonly PoolSnapshot[], slots: SlotTable): void {
  const breakers = (): { pool: string; slot: number }[] =>
    pools().flatMap(({ name, admission }) =>
      admission?.breaker ? [{ pool: name, slot: admission.breaker.slot }] : [],
    );
  metrics.add({
    name: 'sluice_pool_breaker_state',
    help: '1 for the state that the circuit breaker of a pool is in.',
    type: 'gauge',
    read: () =>
      breakers().flatMap(({ pool, slot }) => {
        const { mode } = viewBreaker(slots, slot);
        return BREAKER_MODES.map((state) => ({ labels: { pool, state }, value: state === mode ? 1 : 0 }));
      }),
  });
  metrics.add({
    name: 'sluice_pool_breaker_opened_total',
    help: 'Times that the circuit breaker of a pool opened.',
    type: 'counter',
    read: () =>
      breakers().map(({ pool, slot }) => ({ labels: { pool }, value: viewBreaker(slots, slot).opened })),
  });
  metrics.add({
    name: 'sluice_pool_concurrency_limit',
    help: 'Requests that adaptive concurrency lets the servers of a pool have now.',
    type: 'gauge',
    read: () =>
      pools().flatMap(({ name: pool, places }) =>
        places?.isAdaptive ? [{ labels: { pool }, value: slots.maxConnections(places.slot) }] : [],
      ),
  });
  metrics.add({
    name: 'sluice_pool_requests',
    help: 'Requests of a pool with max_requests, waiting ones included.',
    type: 'gauge',
    read: () =>
      pools().flatMap(({ name: pool, admission }) =>
        admission?.requests ? [{ labels: { pool }, value: slots.inFlight(admission.requests.slot) }] : [],
      ),
  });
}
