/** Metrics of servers: their numbers are in the slots (kernel/slots.ts), not in cells. */
import type { MetricType, Registry } from '@prometheus-io/client';
import { BUCKET_BOUNDS_MS, type SlotTotals } from '../../kernel/slot-counters.ts';
import { histogramValues, ReadFamily, type Value } from './metric-family.ts';

/** A server at the moment of the scrape, out of its slot. */
export interface ServerSample {
  readonly pool: string;
  readonly server: string;
  readonly isHealthy: boolean;
  readonly inFlight: number;
  readonly totals: SlotTotals;
}

/** @param read called once for each family at each scrape */
export function addServerFamilies(registry: Registry, read: () => readonly ServerSample[]): void {
  const family = (
    name: string,
    help: string,
    type: MetricType,
    values: (one: ServerSample) => Value[],
  ): void => {
    new ReadFamily(registry, name, help, type, () => read().flatMap(values));
  };
  const labels = (one: ServerSample): Record<string, string> => ({ pool: one.pool, server: one.server });
  const single = (name: string, help: string, type: MetricType, value: (one: ServerSample) => number): void =>
    family(name, help, type, (one) => [{ labels: labels(one), value: value(one) }]);

  single('sluice_server_healthy', '1 when the server is healthy.', 'gauge', (one) => (one.isHealthy ? 1 : 0));
  single('sluice_server_in_flight', 'Requests in flight on a server.', 'gauge', (one) => one.inFlight);
  single('sluice_upstream_attempts_total', 'Attempts on a server.', 'counter', (one) => one.totals.picks);
  family('sluice_upstream_failures_total', 'Attempts without a whole answer, by outcome.', 'counter', (one) =>
    failuresOf(one.totals).map(([outcome, value]) => ({ labels: { ...labels(one), outcome }, value })),
  );
  family('sluice_upstream_responses_total', 'Answers of a server by status class.', 'counter', (one) =>
    one.totals.answers.map((value, i) => ({
      labels: { ...labels(one), status_class: `${i + 1}xx` },
      value,
    })),
  );
  single(
    'sluice_upstream_sent_bytes_total',
    'Bytes sent to a server.',
    'counter',
    (one) => one.totals.bytesUp,
  );
  single(
    'sluice_upstream_received_bytes_total',
    'Bytes received from a server.',
    'counter',
    (one) => one.totals.bytesDown,
  );
  const latency = 'sluice_upstream_latency_seconds';
  family(latency, 'From the start of an attempt to the head of the answer.', 'histogram', (one) =>
    histogramValues(latency, labels(one), one.totals.buckets, BUCKET_BOUNDS_MS, one.totals.responseMsSum),
  );
}

function failuresOf(totals: SlotTotals): [outcome: string, value: number][] {
  return [
    ['connect_error', totals.connectErrors],
    ['reset', totals.resets],
    ['timeout', totals.timeouts],
    ['bad_answer', totals.badAnswers],
    ['client_abort', totals.clientAborts],
    ['cancelled', totals.cancelled],
  ];
}
