import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { Clock, Timer } from '../kernel/clock.ts';
import { BaseService } from '../kernel/service.ts';
import type { ThreadCells } from './cells/blocks.ts';

/** The histogram samples this often; a delay shorter than that is not seen. */
const RESOLUTION_MS = 20;

/**
 * Measures how late this thread's event loop runs and how busy it is, and writes that into its cells every
 * `periodMs`. One in every thread, main included. What is written is of the last period, not since the start,
 * so that a stall an hour ago does not hide today's.
 */
export class LoopDelay extends BaseService {
  readonly name = 'event loop delay';
  readonly #cells: ThreadCells;
  readonly #clock: Clock;
  readonly #periodMs: number;
  #histogram: ReturnType<typeof monitorEventLoopDelay> | undefined;
  #ticker: Timer | undefined;
  #utilization = performance.eventLoopUtilization();

  constructor(cells: ThreadCells, clock: Clock, periodMs = 5000) {
    super();
    this.#cells = cells;
    this.#clock = clock;
    this.#periodMs = periodMs;
  }

  protected async onStart(): Promise<void> {
    this.#histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.#histogram.enable();
    this.#ticker = this.#clock.setTicker(this.#periodMs, () => this.#sample());
  }

  protected async onStop(): Promise<void> {
    this.#ticker?.cancel();
    this.#histogram?.disable();
  }

  #sample(): void {
    const histogram = this.#histogram;
    if (!histogram) return;
    const now = performance.eventLoopUtilization();
    const used = performance.eventLoopUtilization(now, this.#utilization).utilization;
    this.#utilization = now;
    // The histogram measures the time between two ticks of its timer: the delay is what is over its period.
    const delayMs = (nanos: number): number => Math.max(0, nanos / 1e6 - RESOLUTION_MS);
    const hasSamples = histogram.count > 0;
    this.#cells.setLoop(
      hasSamples ? delayMs(histogram.percentile(50)) : 0,
      hasSamples ? delayMs(histogram.percentile(99)) : 0,
      hasSamples ? delayMs(histogram.max) : 0,
      used,
    );
    this.#cells.setHeap(getHeapStatistics().used_heap_size);
    histogram.reset();
  }
}
