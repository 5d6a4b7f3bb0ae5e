import type { MetricType } from '@prometheus-io/client';
import { POOL } from '../cells/blocks.ts';
import { type CellFamilies, cellAt } from './cell-families.ts';
import { byPriority, QUEUE_FAMILIES } from './queue-families.ts';

/** HTTP/2 to the servers of a pool; others have no such series. */
const HTTP2_FAMILIES: readonly (readonly [name: string, type: MetricType, cell: number, help: string])[] = [
  ['sluice_pool_http2_connections', 'gauge', POOL.http2Connections, 'Open HTTP/2 connections to servers.'],
  ['sluice_pool_http2_streams', 'gauge', POOL.http2Streams, 'Open streams on them.'],
  ['sluice_pool_http2_streams_total', 'counter', POOL.http2Opened, 'Streams opened on them.'],
  ['sluice_pool_http2_goaways_total', 'counter', POOL.goaways, 'GOAWAYs of servers.'],
  [
    'sluice_pool_http2_streams_refused_total',
    'counter',
    POOL.streamsRefused,
    'Streams that servers reset unseen (REFUSED_STREAM).',
  ],
];

/** Metrics of pools: what happens before or between attempts, and on connections that attempts share. */
export function addPoolFamilies(families: CellFamilies): void {
  families.cell('sluice_pool_retries_total', 'Attempts that were retries.', 'pool', POOL.retries);
  families.cell(
    'sluice_pool_retries_refused_total',
    'Retries that the budget or the number of attempts did not allow.',
    'pool',
    POOL.retriesRefused,
  );
  families.cell('sluice_pool_hedges_total', 'Second attempts beside slow first ones.', 'pool', POOL.hedges);
  families.cell('sluice_pool_hedges_won_total', 'Hedges that answered first.', 'pool', POOL.hedgesWon);
  for (const { name, help, type, first } of QUEUE_FAMILIES)
    families.family(name, help, type, 'pool', (cells, labels) => byPriority(cells, labels, first));
  for (const [name, type, cell, help] of HTTP2_FAMILIES)
    families.family(name, help, type, 'pool', (cells, labels) => {
      const isUsed = cellAt(cells, POOL.http2Opened) > 0 || cellAt(cells, POOL.http2Connections) > 0;
      return isUsed ? [{ labels: { ...labels }, value: cellAt(cells, cell) }] : [];
    });
}
