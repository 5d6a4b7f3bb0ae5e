/** Clients that ask all the time on kept connections, and hold each answer against the one right one. */
import { type Clock, delay } from '../../src/kernel/clock.ts';
import { SeededRandom } from '../../src/kernel/random.ts';
import { ClientConnection, type LoadResult } from '../../test/support/load/client-connection.ts';

const PATIENCE_MS = 30_000;
const BODY = 'x'.repeat(200);

export interface Failure {
  /** Since the start of the run. */
  readonly atMs: number;
  readonly durationMs: number;
  readonly method: string;
  /** What came instead: `502 connect_error`, `ended (FIN)`, `wrong body`. */
  readonly what: string;
}

/** What came within one second of the run. */
export interface Second {
  readonly atS: number;
  readonly durationsMs: number[];
  failed: number;
}

export interface CrowdOptions {
  readonly clients: number;
  /** Between an answer and the next request. */
  readonly meanPauseMs: number;
  readonly seed: number;
}

export class Crowd {
  readonly seconds: Second[] = [];
  /** Of requests that may be repeated: none of them has to fail. */
  readonly failures: Failure[] = [];
  /** Of POSTs, which must not be repeated once a server may have begun with them. */
  readonly failedPosts: Failure[] = [];
  readonly requests: Record<string, number> = { GET: 0, PUT: 0, DELETE: 0, POST: 0 };
  readonly #clock: Clock;
  readonly #port: number;
  readonly #options: CrowdOptions;
  readonly #startMs: number;
  readonly #running: Promise<unknown>;
  #isStopping = false;

  constructor(clock: Clock, port: number, options: CrowdOptions) {
    this.#clock = clock;
    this.#port = port;
    this.#options = options;
    this.#startMs = clock.nowMs();
    const random = new SeededRandom(options.seed);
    const seeds = Array.from({ length: options.clients }, () => random.below(2 ** 32));
    this.#running = Promise.all(seeds.map((seed) => this.#client(new SeededRandom(seed))));
  }

  /** Since the start of the run. */
  get nowMs(): number {
    return this.#clock.nowMs() - this.#startMs;
  }

  /** Ends when every client has its last answer. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  /** Durations of the requests that began in a span of the run, whole seconds. */
  between(fromS: number, toS: number): number[] {
    return this.seconds.filter(({ atS }) => atS >= fromS && atS < toS).flatMap((it) => it.durationsMs);
  }

  async #client(random: SeededRandom): Promise<void> {
    const { meanPauseMs } = this.#options;
    let connection: ClientConnection | null = null;
    await delay(this.#clock, random.next() * meanPauseMs * 2);
    while (!this.#isStopping) {
      if (!connection?.isOpen) {
        connection?.destroy();
        connection = new ClientConnection({ port: this.#port, isTls: false });
        await connection.connected;
      }
      const method = methodOf(random.next());
      const path = `/item/${random.below(1e6)}`;
      const body = method === 'PUT' || method === 'POST' ? BODY : '';
      const length = body === '' ? '' : `Content-Length: ${body.length}\r\n`;
      const text = `${method} ${path} HTTP/1.1\r\nHost: faults.example\r\n${length}\r\n${body}`;
      const atMs = this.nowMs;
      const result = await connection.ask(method, text, PATIENCE_MS);
      this.#note(atMs, method, wordOf(result, `${method} ${path} ${body.length}`));
      await delay(this.#clock, random.next() * meanPauseMs * 2);
    }
    connection?.destroy();
  }

  #note(atMs: number, method: string, what: string): void {
    const durationMs = Math.round((this.nowMs - atMs) * 10) / 10;
    const atS = Math.floor(atMs / 1000);
    for (let next = this.seconds.length; next <= atS; next++)
      this.seconds.push({ atS: next, durationsMs: [], failed: 0 });
    const second = this.seconds[atS] as Second;
    this.requests[method] = (this.requests[method] ?? 0) + 1;
    second.durationsMs.push(durationMs);
    if (what === 'ok') return;
    if (method === 'POST') {
      this.failedPosts.push({ atMs, durationMs, method, what });
      return;
    }
    second.failed++;
    this.failures.push({ atMs, durationMs, method, what });
  }
}

/** Four of five read, one of twenty makes something. */
function methodOf(chance: number): string {
  if (chance < 0.8) return 'GET';
  if (chance < 0.9) return 'PUT';
  return chance < 0.95 ? 'DELETE' : 'POST';
}

function wordOf(result: LoadResult, right: string): string {
  if (result.kind === 'failure') return `${result.why} (${result.detail}) after ${result.answerBytes} bytes`;
  const body = result.body.toString('latin1');
  if (result.status === 200) return body === right ? 'ok' : 'wrong body';
  const code = /"code":"(\w+)"/.exec(body)?.[1];
  return code === undefined ? String(result.status) : `${result.status} ${code}`;
}
