/** What a reload costs those who ask meanwhile: clients on kept connections, each request with the moment it began. */
import { type Clock, delay } from '../../src/kernel/clock.ts';
import { SluiceError } from '../../src/kernel/errors.ts';
import { SeededRandom } from '../../src/kernel/random.ts';
import { ClientConnection } from '../../test/support/load/client-connection.ts';
import { quantile } from '../stats.ts';
import type { DaemonProcess } from '../system/daemon.ts';
import type { Service } from './input.ts';

const CLIENTS = 32;
const MEAN_PAUSE_MS = 8;
const PATIENCE_MS = 10_000;
/** What the reload leaves behind, such as garbage and cold code, is counted to it for so long. */
const AFTER_MS = 200;
const QUIET_MS = 1000;

export interface ReloadSample {
  /** From the request to the admin API to its answer: then it is in force in every thread. */
  readonly tookMs: number;
  /** The 99th percentile of the requests that began during the reload or shortly after it. */
  readonly p99DuringMs: number;
  readonly maxDuringMs: number;
  /** The same for as long a time before it. */
  readonly p99BeforeMs: number;
  readonly maxBeforeMs: number;
  /** The same while a stranger kept a core busy for as long as the reload took, and shortly after. */
  readonly p99BesideMs: number;
  readonly requests: number;
}

interface Timing {
  readonly startMs: number;
  readonly tookMs: number;
}

class Clients {
  timings: Timing[] = [];
  isStopping = false;
  readonly #clock: Clock;
  readonly #port: number;
  readonly #random = new SeededRandom(1);
  readonly #services: readonly Service[];

  constructor(clock: Clock, port: number, services: readonly Service[]) {
    this.#clock = clock;
    this.#port = port;
    this.#services = services;
  }

  async run(): Promise<void> {
    const connection = new ClientConnection({ port: this.#port, isTls: false });
    await connection.connected;
    while (!this.isStopping) {
      await delay(this.#clock, this.#random.next() * MEAN_PAUSE_MS * 2);
      const { host, root } = this.#services[this.#random.below(this.#services.length)] as Service;
      const startMs = this.#clock.nowMs();
      const text = `GET ${root}/${this.#random.below(1e6)} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
      const result = await connection.ask('GET', text, PATIENCE_MS);
      if (result.kind === 'failure' || result.status !== 200) {
        const what = result.kind === 'failure' ? `${result.why} (${result.detail})` : String(result.status);
        throw new SluiceError('bench_load_failed', `a request beside a reload came to ${what}`);
      }
      this.timings.push({ startMs, tookMs: this.#clock.nowMs() - startMs });
    }
    connection.destroy();
  }

  /** Durations of what began in a span of time. */
  between(fromMs: number, toMs: number): number[] {
    const inSpan = this.timings.filter(({ startMs }) => startMs >= fromMs && startMs < toMs);
    return inSpan.map(({ tookMs }) => tookMs);
  }
}

/**
 * @param reload puts file number `turn` in force and resolves with the milliseconds that took
 * @param keepBusy keeps a core busy for so many milliseconds, for nothing
 */
export async function measureReloads(
  clock: Clock,
  daemon: DaemonProcess,
  services: readonly Service[],
  count: number,
  reload: (turn: number) => Promise<number>,
  keepBusy: (ms: number) => Promise<void>,
): Promise<ReloadSample[]> {
  const clients = new Clients(clock, daemon.port('web'), services);
  const samples: ReloadSample[] = [];
  const measure = async (): Promise<void> => {
    await delay(clock, 2 * QUIET_MS);
    for (let turn = 1; turn <= count; turn++) {
      clients.timings = [];
      await delay(clock, QUIET_MS);
      const fromMs = clock.nowMs();
      const tookMs = await reload(turn);
      await delay(clock, AFTER_MS);
      const toMs = clock.nowMs();
      await delay(clock, QUIET_MS);
      const during = clients.between(fromMs, toMs);
      const besideFromMs = clock.nowMs();
      await keepBusy(tookMs);
      await delay(clock, AFTER_MS);
      const besideToMs = clock.nowMs();
      await delay(clock, QUIET_MS);
      const before = clients.between(fromMs - Math.min(QUIET_MS, toMs - fromMs), fromMs);
      samples.push({
        tookMs,
        p99DuringMs: quantile(during, 0.99),
        maxDuringMs: Math.max(...during),
        p99BeforeMs: quantile(before, 0.99),
        maxBeforeMs: Math.max(...before),
        p99BesideMs: quantile(clients.between(besideFromMs, besideToMs), 0.99),
        requests: during.length,
      });
    }
  };
  const stopping = (task: Promise<void>): Promise<void> =>
    task.finally(() => {
      clients.isStopping = true;
    });
  const tasks = [measure, ...Array.from({ length: CLIENTS }, () => () => clients.run())];
  const ends = await Promise.allSettled(tasks.map((task) => stopping(task())));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return samples;
}
