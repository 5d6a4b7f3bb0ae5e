import type { MetricType } from '@prometheus-io/client';
import { PRIORITIES } from '../../kernel/priority.ts';
import { POOL } from '../cells/blocks.ts';
import type { Value } from './metric-family.ts';

export interface QueueFamily {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  /** Cell of the first class; the others follow. */
  readonly first: number;
}

/** What the queues of pools count, by class. */
export const QUEUE_FAMILIES: readonly QueueFamily[] = [
  {
    name: 'sluice_pool_queued_total',
    help: 'Requests that had to wait for a server.',
    type: 'counter',
    first: POOL.queued,
  },
  {
    name: 'sluice_pool_queue_waiting',
    help: 'Requests that wait for a server now.',
    type: 'gauge',
    first: POOL.queueWaiting,
  },
  {
    name: 'sluice_pool_queue_displaced_total',
    help: 'Requests whose place in a full queue one of a higher priority took.',
    type: 'counter',
    first: POOL.displaced,
  },
];

/** One value a class, out of the cells of a pool. */
export function byPriority(
  cells: ArrayLike<number>,
  labels: Readonly<Record<string, string>>,
  first: number,
): Value[] {
  return PRIORITIES.map((priority, rank) => ({
    labels: { ...labels, priority },
    value: cells[first + rank] ?? 0,
  }));
}
