import { collectDefaultMetrics, Registry } from '@prometheus-io/client';
import { SERVER, THREAD } from '../cells/blocks.ts';
import type { CellAllocator } from './cell-allocator.ts';
import { CellFamilies, cellAt } from './cell-families.ts';
import { addLimitFamilies, addListenerFamilies } from './listener-families.ts';
import { ReadFamily } from './metric-family.ts';
import { addPoolFamilies } from './pool-families.ts';
import { addRouteFamilies } from './route-families.ts';
import { addServerFamilies, type ServerSample } from './server-families.ts';

/**
 * /metrics: reads the cells at the moment of the scrape and lets @prometheus-io/client print them, together with
 * its process metrics. The client's own Counter and Histogram keep their values themselves; the values here are in
 * shared memory, so each family is one metric object of the client whose public `get()` answers from the cells
 * (the client's registry only ever calls that). Rejected: incrementing client objects at the scrape by the difference
 * to the last one (state that can drift, no way to set a histogram).
 *
 * Values that other parts own (in-flight and health out of the slots, certificates' expiry …) come in through `add`.
 */
export interface MetricSample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

export interface MetricSource {
  /** Prometheus name, with the unit in it; counters end in `_total`. */
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  /** Called at each scrape. */
  readonly read: () => Iterable<MetricSample>;
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #families: CellFamilies;

  /** @param options.processMetrics false leaves out CPU, memory and garbage collection of the process (tests). */
  constructor(allocator: CellAllocator, options: { readonly processMetrics?: boolean } = {}) {
    this.#families = new CellFamilies(this.#registry, allocator);
    if (options.processMetrics !== false) collectDefaultMetrics({ register: this.#registry });
    addRouteFamilies(this.#families);
    addListenerFamilies(this.#families);
    addLimitFamilies(this.#families);
    this.#addSharedLimits();
    addPoolFamilies(this.#families);
    this.#addServers();
    this.#addThreads();
  }

  /** The Content-Type field of the answer. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Adds a family whose values another part owns. A name that exists already is an error. */
  add(source: MetricSource): void {
    new ReadFamily(this.#registry, source.name, source.help, source.type, () =>
      Array.from(source.read(), ({ labels, value }) => ({ labels: { ...labels }, value })),
    );
  }

  /** Adds the families of the servers. `read` is called once for each family at each scrape. */
  addServers(read: () => readonly ServerSample[]): void {
    addServerFamilies(this.#registry, read);
  }

  /** The text exposition format, version 0.0.4. */
  render(): Promise<string> {
    return this.#registry.metrics();
  }

  #addSharedLimits(): void {
    this.#families.cell(
      'sluice_shared_limits_local',
      '1 while a thread decides limits locally that are to be shared.',
      'thread',
      THREAD.sharedLocal,
      'gauge',
    );
    this.#families.cell(
      'sluice_shared_limits_local_total',
      'Requests of shared limits that were decided locally.',
      'thread',
      THREAD.localLimits,
    );
  }

  #addServers(): void {
    this.#families.cell(
      'sluice_upstream_retries_total',
      'Attempts on a server after another attempt had failed.',
      'server',
      SERVER.retries,
    );
    this.#families.cell(
      'sluice_upstream_connections_total',
      'Connections opened to a server.',
      'server',
      SERVER.connections,
    );
  }

  #addThreads(): void {
    this.#families.family(
      'sluice_event_loop_delay_seconds',
      'How late the event loop of a thread ran in its last period.',
      'gauge',
      'thread',
      (cells, labels) => [
        { labels: { ...labels, quantile: '0.5' }, value: cellAt(cells, THREAD.delayP50Ms) / 1000 },
        { labels: { ...labels, quantile: '0.99' }, value: cellAt(cells, THREAD.delayP99Ms) / 1000 },
        { labels: { ...labels, quantile: '1' }, value: cellAt(cells, THREAD.delayMaxMs) / 1000 },
      ],
    );
    this.#families.cell(
      'sluice_event_loop_utilization',
      'Share of its last period that a thread was busy, 0 to 1.',
      'thread',
      THREAD.utilization,
      'gauge',
    );
    this.#families.cell(
      'sluice_thread_heap_bytes',
      'JavaScript heap in use by a thread.',
      'thread',
      THREAD.heapBytes,
      'gauge',
    );
  }
}
