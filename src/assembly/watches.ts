/** What main watches of the pools. Passive health: options from the configuration in force, and what people are told of it. */
import { ConcurrencyWatch } from '../admit/index.ts';
import type { ResolvedConfig } from '../config/index.ts';
import { OutlierWatch, type Registry } from '../control/index.ts';
import type { Clock } from '../kernel/clock.ts';
import type { SlotTable } from '../kernel/slots.ts';
import type { Events, Log } from '../observe/index.ts';
import type { Metrics } from '../observe/main/index.ts';
import { ServerChanges } from './server-changes.ts';
import type { PoolSnapshot } from './snapshot.ts';

export interface OutlierSource {
  readonly config: ResolvedConfig;
  readonly registry: Registry;
  readonly slots: SlotTable;
  readonly events: Events;
  readonly metrics: Metrics;
}

/** All that main watches of the pools: who is taken out, and how much they are given. */
export function openWatches(
  source: OutlierSource & { readonly pools: readonly PoolSnapshot[] },
  clock: Clock,
  log: Pick<Log, 'info' | 'warn'>,
): { start(): void; stop(): void } {
  const outliers = openOutliers(source, clock, log);
  const concurrency = new ConcurrencyWatch({
    clock,
    slots: source.slots,
    pools: () =>
      source.pools.flatMap(({ places, adaptive }) =>
        adaptive && places ? [{ slot: places.slot, generation: adaptive.generation, options: adaptive }] : [],
      ),
  });
  const both = [outliers, concurrency];
  return {
    start() {
      for (const watch of both) watch.start();
    },
    stop() {
      for (const watch of both) watch.stop();
    },
  };
}

function openOutliers(source: OutlierSource, clock: Clock, log: Pick<Log, 'info' | 'warn'>): OutlierWatch {
  const changes = new ServerChanges(source.events, source.metrics);
  return new OutlierWatch({
    clock,
    slots: source.slots,
    registry: source.registry,
    optionsOf: (pool) => source.config.pools.find((it) => it.name === pool)?.outliers,
    onChange: (pool, change) => {
      const fields = { pool, server: change.id };
      if (change.kind === 'return') log.info('server is tried again', fields);
      else if (change.kind === 'spare')
        log.warn('server would be ejected, but its pool cannot do without it', {
          ...fields,
          why: change.why,
        });
      else {
        changes.ejected(pool, change.id, change.reason);
        log.warn('server is ejected', { ...fields, why: change.why, for_ms: change.forMs });
      }
    },
  });
}
