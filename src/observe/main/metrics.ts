import { collectDefaultMetrics, type MetricType, Registry } from '@prometheus-io/client';
import { REASON_NAMES } from '../../kernel/reason.ts';
import {
  HISTOGRAM,
  LATENCY_BOUNDS_MS,
  LISTENER,
  MIRROR_RESULTS,
  POOL,
  PROXY_HEADERS,
  ROUTE,
  SERVER,
  STATUS_CLASSES,
  THREAD,
} from '../cells/blocks.ts';
import type { CellAllocator, CellBlock } from './cell-allocator.ts';
import { histogramValues, ReadFamily, type Value } from './metric-family.ts';
import { byPriority, QUEUE_FAMILIES } from './queue-families.ts';
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
  readonly #allocator: CellAllocator;

  /** @param options.processMetrics false leaves out CPU, memory and garbage collection of the process (tests). */
  constructor(allocator: CellAllocator, options: { readonly processMetrics?: boolean } = {}) {
    this.#allocator = allocator;
    if (options.processMetrics !== false) collectDefaultMetrics({ register: this.#registry });
    this.#addRoutes();
    this.#addListeners();
    this.#addLimits();
    this.#addSharedLimits();
    this.#addPools();
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

  #addRoutes(): void {
    this.#family(
      'sluice_requests_total',
      'Finished exchanges by route, status class and reason.',
      'counter',
      'route',
      (cells, labels) => {
        const values: Value[] = [];
        for (const [reasonAt, reason] of REASON_NAMES.entries())
          for (const [classAt, statusClass] of STATUS_CLASSES.entries()) {
            const value = at(cells, ROUTE.requests + reasonAt * STATUS_CLASSES.length + classAt);
            if (value > 0) values.push({ labels: { ...labels, status_class: statusClass, reason }, value });
          }
        return values;
      },
    );
    this.#histogram(
      'sluice_request_duration_seconds',
      'From the first byte of a request to the last of its answer.',
      'route',
      ROUTE.duration,
    );
    this.#family(
      'sluice_mirrored_total',
      'Requests of routes with mirror by what became of their copy.',
      'counter',
      'route',
      (cells, labels) => {
        const values = MIRROR_RESULTS.map((result, index) => ({
          labels: { ...labels, result },
          value: at(cells, ROUTE.mirrored + index),
        }));
        return values.filter(({ value }) => value > 0);
      },
    );
    this.#cell('sluice_fault_delays_total', 'Requests delayed on purpose.', 'route', ROUTE.faultDelays);
    this.#cell(
      'sluice_request_bytes_total',
      'Bytes received from clients, heads included.',
      'route',
      ROUTE.bytesIn,
    );
    this.#cell(
      'sluice_response_bytes_total',
      'Bytes sent to clients, heads included.',
      'route',
      ROUTE.bytesOut,
    );
    this.#cell('sluice_compressed_total', 'Answers that were compressed.', 'route', ROUTE.compressed);
    this.#cell(
      'sluice_compressed_from_bytes_total',
      'Their bytes as servers sent them.',
      'route',
      ROUTE.compressedFrom,
    );
    this.#cell(
      'sluice_compressed_to_bytes_total',
      'Their bytes as clients got them.',
      'route',
      ROUTE.compressedTo,
    );
  }

  #addLimits(): void {
    this.#cell('sluice_limited_total', 'Requests refused by a limit.', 'listener', LISTENER.limited);
    this.#cell(
      'sluice_limited_dry_run_total',
      'Requests that a limit in dry run would have refused.',
      'listener',
      LISTENER.limitedDryRun,
    );
  }

  #addSharedLimits(): void {
    this.#cell(
      'sluice_shared_limits_local',
      '1 while a thread decides limits locally that are to be shared.',
      'thread',
      THREAD.sharedLocal,
      'gauge',
    );
    this.#cell(
      'sluice_shared_limits_local_total',
      'Requests of shared limits that were decided locally.',
      'thread',
      THREAD.localLimits,
    );
  }

  #addListeners(): void {
    this.#cell('sluice_connections_total', 'Accepted client connections.', 'listener', LISTENER.accepted);
    this.#cell('sluice_connections_active', 'Open client connections.', 'listener', LISTENER.active, 'gauge');
    this.#cell(
      'sluice_connections_refused_total',
      'Client connections closed unserved: over the limit, a denied address, or the rules of proxy_protocol.',
      'listener',
      LISTENER.refused,
    );
    this.#cell(
      'sluice_connections_no_file_total',
      'Client connections closed unserved because the process may not open more files.',
      'listener',
      LISTENER.noFile,
    );
    this.#cell(
      'sluice_connections_shed_total',
      'Client connections ended because max_memory was used up.',
      'listener',
      LISTENER.shed,
    );
    this.#cell(
      'sluice_held_bytes',
      'Memory that client connections hold, with what is on its way to servers for them.',
      'listener',
      LISTENER.held,
      'gauge',
    );
    this.#cell('sluice_listener_requests_total', 'Requests by listener.', 'listener', LISTENER.requests);
    this.#cell('sluice_http2_connections_total', 'Connections over HTTP/2.', 'listener', LISTENER.http2);
    this.#cell(
      'sluice_http2_connections_refused_total',
      'HTTP/2 connections ended for floods, broken frames or a missing greeting.',
      'listener',
      LISTENER.http2Refused,
    );
    this.#family(
      'sluice_tls_handshakes_total',
      'TLS handshakes with clients by outcome; resumed ones are among the ok ones.',
      'counter',
      'listener',
      (cells, labels) => [
        { labels: { ...labels, outcome: 'ok' }, value: at(cells, LISTENER.tlsOk) },
        { labels: { ...labels, outcome: 'failed' }, value: at(cells, LISTENER.tlsFailed) },
      ],
    );
    this.#cell(
      'sluice_tls_resumed_total',
      'TLS handshakes that resumed a session.',
      'listener',
      LISTENER.tlsResumed,
    );
    this.#family(
      'sluice_proxy_headers_total',
      'Connections of listeners with proxy_protocol by what their PROXY header was.',
      'counter',
      'listener',
      (cells, labels) =>
        PROXY_HEADERS.map((outcome, index) => ({
          labels: { ...labels, outcome },
          value: at(cells, LISTENER.proxyHeaders + index),
        })),
    );
  }

  #addPools(): void {
    this.#cell('sluice_pool_retries_total', 'Attempts that were retries.', 'pool', POOL.retries);
    this.#cell(
      'sluice_pool_retries_refused_total',
      'Retries that the budget or the number of attempts did not allow.',
      'pool',
      POOL.retriesRefused,
    );
    this.#cell('sluice_pool_hedges_total', 'Second attempts beside slow first ones.', 'pool', POOL.hedges);
    this.#cell('sluice_pool_hedges_won_total', 'Hedges that answered first.', 'pool', POOL.hedgesWon);
    for (const { name, help, type, first } of QUEUE_FAMILIES)
      this.#family(name, help, type, 'pool', (cells, labels) => byPriority(cells, labels, first));
  }

  #addServers(): void {
    this.#cell(
      'sluice_upstream_retries_total',
      'Attempts on a server after another attempt had failed.',
      'server',
      SERVER.retries,
    );
    this.#cell(
      'sluice_upstream_connections_total',
      'Connections opened to a server.',
      'server',
      SERVER.connections,
    );
  }

  #addThreads(): void {
    this.#family(
      'sluice_event_loop_delay_seconds',
      'How late the event loop of a thread ran in its last period.',
      'gauge',
      'thread',
      (cells, labels) => [
        { labels: { ...labels, quantile: '0.5' }, value: at(cells, THREAD.delayP50Ms) / 1000 },
        { labels: { ...labels, quantile: '0.99' }, value: at(cells, THREAD.delayP99Ms) / 1000 },
        { labels: { ...labels, quantile: '1' }, value: at(cells, THREAD.delayMaxMs) / 1000 },
      ],
    );
    this.#cell(
      'sluice_event_loop_utilization',
      'Share of its last period that a thread was busy, 0 to 1.',
      'thread',
      THREAD.utilization,
      'gauge',
    );
    this.#cell(
      'sluice_thread_heap_bytes',
      'JavaScript heap in use by a thread.',
      'thread',
      THREAD.heapBytes,
      'gauge',
    );
  }

  /** One family over all blocks of a kind. */
  #family(
    name: string,
    help: string,
    type: MetricType,
    kind: CellBlock['kind'],
    values: (cells: Float64Array, labels: Readonly<Record<string, string>>) => Value[],
  ): void {
    new ReadFamily(this.#registry, name, help, type, () =>
      this.#allocator.blocks(kind).flatMap((block) => values(this.#allocator.sums(block), labelsOf(block))),
    );
  }

  #cell(
    name: string,
    help: string,
    kind: CellBlock['kind'],
    cell: number,
    type: MetricType = 'counter',
  ): void {
    this.#family(name, help, type, kind, (cells, labels) => [
      { labels: { ...labels }, value: at(cells, cell) },
    ]);
  }

  #histogram(name: string, help: string, kind: CellBlock['kind'], offset: number): void {
    this.#family(name, help, 'histogram', kind, (cells, labels) =>
      histogramValues(
        name,
        labels,
        cells.subarray(offset, offset + HISTOGRAM.buckets),
        LATENCY_BOUNDS_MS,
        at(cells, offset + HISTOGRAM.sumMs),
      ),
    );
  }
}

function at(cells: Float64Array, index: number): number {
  return cells[index] ?? 0;
}

function labelsOf(block: CellBlock): Record<string, string> {
  const [first = '', second = ''] = block.labels;
  return block.kind === 'server' ? { pool: first, server: second } : { [block.kind]: first };
}
