/** What is looked at while the soak runs: memory, descriptors, what is in flight, what was answered. */
import type { Clock } from '../../src/kernel/clock.ts';
import type { DaemonProcess, MetricSample } from '../system/daemon.ts';

export interface Sample {
  /** Since the first sample. */
  readonly atMs: number;
  readonly rssBytes: number;
  readonly heapBytes: number;
  readonly descriptors: number;
  readonly connections: number;
  readonly inFlight: number;
  readonly requests: number;
  /** Of the loop of the data threads, the worst of the last period. */
  readonly loopDelayMs: number;
}

function sum(samples: readonly MetricSample[], name: string): number {
  return samples.reduce((total, it) => (it.name === name ? total + it.value : total), 0);
}

export async function takeSample(daemon: DaemonProcess, clock: Clock, startMs: number): Promise<Sample> {
  const [metrics, inFlight] = [await daemon.metrics(), await daemon.inFlight()];
  const delays = metrics
    .filter((it) => it.name === 'sluice_event_loop_delay_seconds')
    .map(({ value }) => value);
  return {
    atMs: Math.round(clock.nowMs() - startMs),
    rssBytes: daemon.rssBytes(),
    heapBytes: sum(metrics, 'sluice_thread_heap_bytes'),
    descriptors: daemon.descriptors(),
    connections: sum(metrics, 'sluice_connections_active'),
    inFlight,
    requests: sum(metrics, 'sluice_requests_total'),
    loopDelayMs: Math.round(Math.max(0, ...delays) * 1000),
  };
}
