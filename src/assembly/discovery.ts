/** Servers out of DNS: what people are told of it, and its counts. */
import { Discovery, type DiscoveryReport, type LookupOutcome } from '../control/index.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Events, Log } from '../observe/index.ts';
import type { MetricSample, Metrics } from '../observe/main/index.ts';

/** What of the daemon is needed. */
export interface DiscoverySource {
  readonly events: Events;
  readonly metrics: Pick<Metrics, 'add'>;
}

const OUTCOMES: readonly LookupOutcome[] = ['found', 'empty', 'failed'];

/** @param onChange some name stands for other servers now */
export function openDiscovery(
  { events, metrics }: DiscoverySource,
  clock: Clock,
  log: Pick<Log, 'info' | 'warn'>,
  onChange: () => void,
): Discovery {
  /** By pool and name; of those that are asked for. */
  let counts = new Map<string, Record<LookupOutcome, number>>();
  const discovery = new Discovery({
    clock,
    report: (report) => {
      const key = keyOf(report.source);
      const count = counts.get(key) ?? { found: 0, empty: 0, failed: 0 };
      count[report.outcome]++;
      counts.set(key, count);
      if (report.isNews || report.hasChanged) {
        tell(log, report);
        const { source, outcome, why, servers } = report;
        events.emit('discovery', {
          pool: source.pool,
          name: source.name,
          outcome,
          servers: servers.length,
          why,
        });
      }
      if (report.hasChanged) onChange();
    },
  });
  metrics.add({
    name: 'sluice_discovery_lookups_total',
    help: 'Look-ups in DNS for the servers of a pool, by outcome.',
    type: 'counter',
    read: () => {
      const views = discovery.views();
      const names = new Set(views.map(({ source }) => keyOf(source)));
      counts = new Map([...counts].filter(([key]) => names.has(key)));
      return views.flatMap(({ source }): MetricSample[] => {
        const count = counts.get(keyOf(source));
        return OUTCOMES.map((outcome) => ({
          labels: { pool: source.pool, name: keyOf(source).split('\n')[1] ?? '', outcome },
          value: count?.[outcome] ?? 0,
        }));
      });
    },
  });
  metrics.add({
    name: 'sluice_discovery_servers',
    help: 'Servers that a name in DNS stands for.',
    type: 'gauge',
    read: () =>
      discovery.views().map(({ source, state }) => ({
        labels: { pool: source.pool, name: keyOf(source).split('\n')[1] ?? '' },
        value: state.servers.length,
      })),
  });
  return discovery;
}

const keyOf = (source: DiscoveryReport['source']): string =>
  `${source.pool}\n${source.name}${source.kind === 'srv' ? '' : `:${source.port}`}`;

function tell(log: Pick<Log, 'info' | 'warn'>, { source, outcome, why, servers }: DiscoveryReport): void {
  const fields = { pool: source.pool, name: source.name, servers: servers.length };
  if (outcome === 'found') log.info('servers found in DNS', fields);
  else if (outcome === 'failed')
    log.warn('DNS does not say where the servers are; they stay as they were', { ...fields, why });
  else if (servers.length > 0)
    log.warn('DNS has no servers any more; they stay for a while', {
      ...fields,
      why,
      keep_empty_ms: source.keepEmptyMs,
    });
  else log.warn('DNS has no servers', { ...fields, why });
}
