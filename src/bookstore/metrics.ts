import { Counter, Gauge, Histogram, Registry } from '@prometheus-io/client';

/** The numbers of one bookstore, in a registry of its own. */
export class BookstoreMetrics {
  readonly #registry = new Registry();
  readonly #requests: Counter<'method' | 'route' | 'status'>;
  readonly #durations: Histogram<'route'>;
  readonly #inFlight: Gauge;

  /** @param startWallMs when the server was made, Unix time */
  constructor(startWallMs: number) {
    const registers = [this.#registry];
    this.#requests = new Counter({
      name: 'bookstore_requests_total',
      help: 'Requests by method, route pattern and status; 499 is a client that left before the answer.',
      labelNames: ['method', 'route', 'status'],
      registers,
    });
    this.#durations = new Histogram({
      name: 'bookstore_request_duration_seconds',
      help: 'From the head of the request to the last byte of the answer.',
      labelNames: ['route'],
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    });
    this.#inFlight = new Gauge({
      name: 'bookstore_requests_in_flight',
      help: 'Requests that are being answered.',
      registers,
    });
    addProcessMetrics(this.#registry, startWallMs);
  }

  began(): void {
    this.#inFlight.inc();
  }

  ended(request: { method: string; route: string; status: number; durationMs: number }): void {
    this.#inFlight.dec();
    this.#requests.inc({ method: request.method, route: request.route, status: String(request.status) });
    this.#durations.observe({ route: request.route }, request.durationMs / 1000);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  render(): Promise<string> {
    return this.#registry.metrics();
  }
}

/** Not the client's default set: its event-loop and garbage-collection probes cost more than they tell here. */
function addProcessMetrics(registry: Registry, startWallMs: number): void {
  const registers = [registry];
  let seen = { user: 0, system: 0 };
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'User and system CPU time.',
    registers,
    collect() {
      const now = process.cpuUsage();
      this.inc((now.user - seen.user + now.system - seen.system) / 1e6);
      seen = now;
    },
  });
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory.',
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Gauge({
    name: 'process_start_time_seconds',
    help: 'When the server was made, in Unix time.',
    registers,
  }).set(startWallMs / 1000);
}
