/** Many clients of the bookstore at once, for as long as somebody wants, and what they saw. */
import { delay, systemClock } from '../../../src/kernel/clock.ts';
import { SeededRandom } from '../../../src/kernel/random.ts';
import { BookClient } from './book-client.ts';
import type { Target } from './client-connection.ts';
import { type LoadSummary, Tally } from './tally.ts';

export interface LoadOptions {
  /** Clients are dealt out to these in turn. */
  readonly targets: readonly Target[];
  readonly clients: number;
  readonly seed: number;
  readonly meanPauseMs?: number;
  /** Without an answer for this long a request has failed. */
  readonly timeoutMs?: number;
  /** Books that the shop was seeded with. */
  readonly seededBooks?: number;
  /** Whether clients change things too. */
  readonly writes?: boolean;
}

export class Load {
  readonly #tally: Tally;
  readonly #clients: readonly BookClient[];
  readonly #running: Promise<unknown>;

  constructor(options: LoadOptions) {
    const { targets, clients, seed, meanPauseMs = 100, timeoutMs = 15_000 } = options;
    const { seededBooks = 100, writes = true } = options;
    this.#tally = new Tally(performance.now());
    // A range of numbers for each run, so that a second load on the same shop finds no book of the first.
    let number = (seed % 80) * 1_000_000 + 10_000_000;
    this.#clients = Array.from(
      { length: clients },
      (_, i) =>
        new BookClient({
          target: targets[i % targets.length] as Target,
          random: new SeededRandom(seed * 10_007 + i),
          nextNumber: () => number++,
          seededBooks,
          meanPauseMs,
          timeoutMs,
          writes,
          record: (record) => this.#tally.add(record),
          pause: (ms) => delay(systemClock, ms),
        }),
    );
    this.#running = Promise.all(this.#clients.map((client) => client.run()));
  }

  get requests(): number {
    return this.#tally.requests;
  }

  /** Ends when every client has the answer it waits for. */
  async stop(): Promise<LoadSummary> {
    for (const client of this.#clients) client.stop();
    await this.#running;
    return this.#tally.summary();
  }
}
