/**
 * Light traffic: customers who search, browse and sometimes buy, at a steady rate whether answers come or not. They go
 * through the balancer like anybody, over TLS with the local certificate. A purchase carries an idempotency
 * key, and is repeated once with it when it got no answer, as a good client does: the shop sells once.
 */
import { BookstoreClient, BookstoreError, type Reply } from '../../bookstore/index.ts';
import type { Clock, Timer } from '../../kernel/clock.ts';
import { errorText } from '../../kernel/errors.ts';
import type { Random } from '../../kernel/random.ts';
import { BaseService } from '../../kernel/service.ts';
import { Latency } from './latency.ts';

export interface TrafficOptions {
  readonly baseUrl: string;
  /** Certificate (PEM) of the authority to trust. */
  readonly ca: string | undefined;
  /** Requests a second. */
  readonly rate: number;
}

/** Counts since the start. A request is counted once, when its last attempt is over. */
export interface TrafficTotals {
  readonly requests: number;
  /** Answered as the shop should: 2xx, and its own refusals such as 404 and 409 (sold out). */
  readonly ok: number;
  /** 429. */
  readonly limited: number;
  /** No answer, an incomplete one, a 5xx, or a refusal that is not the shop's. */
  readonly failed: number;
  /** Purchases that needed their second attempt. */
  readonly repeated: number;
  /** Answers by X-Server. */
  readonly byServer: Readonly<Record<string, number>>;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The last failure, in words. */
  readonly lastFailure: string;
}

/** Answers under way at most: a balancer that hangs must not pile them up. */
const MAX_IN_FLIGHT = 200;
const TICK_MS = 50;
const TIMEOUT_MS = 10_000;
const WORDS = ['the', 'sea', 'war', 'night', 'love', 'time', 'house', 'man', 'world', 'dark'];
const RESTOCK = 25;

export class Traffic extends BaseService {
  readonly name = 'traffic';
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #rate: number;
  readonly #client: BookstoreClient;
  readonly #latency = new Latency();
  readonly #byServer = new Map<string, number>();
  readonly #inFlight = new Set<Promise<void>>();
  #ids: readonly number[] = [];
  #ticker: Timer | undefined;
  #startMs = 0;
  #begun = 0;
  #requests = 0;
  #ok = 0;
  #limited = 0;
  #failed = 0;
  #repeated = 0;
  #lastFailure = '';

  constructor(options: TrafficOptions, deps: { readonly clock: Clock; readonly random: Random }) {
    super();
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.#rate = options.rate;
    const { baseUrl, ca } = options;
    this.#client = new BookstoreClient({ baseUrl, timeoutMs: TIMEOUT_MS, ca });
  }

  get totals(): TrafficTotals {
    return {
      requests: this.#requests,
      ok: this.#ok,
      limited: this.#limited,
      failed: this.#failed,
      repeated: this.#repeated,
      byServer: Object.fromEntries([...this.#byServer].sort(([a], [b]) => a.localeCompare(b))),
      p50Ms: this.#latency.quantile(0.5),
      p99Ms: this.#latency.quantile(0.99),
      lastFailure: this.#lastFailure,
    };
  }

  protected async onStart(): Promise<void> {
    this.#startMs = this.#clock.nowMs();
    this.#ticker = this.#clock.setTicker(TICK_MS, () => this.#tick());
  }

  /** Begins nothing more; resolves when the last answer is there. */
  protected async onStop(): Promise<void> {
    this.#ticker?.cancel();
    await Promise.all(this.#inFlight);
    await this.#client.close();
  }

  #tick(): void {
    const due = Math.floor(((this.#clock.nowMs() - this.#startMs) / 1000) * this.#rate);
    // What could not begin in time is left out, not caught up with.
    if (due - this.#begun > MAX_IN_FLIGHT) this.#begun = due - 1;
    for (; this.#begun < due; this.#begun++) if (this.#inFlight.size < MAX_IN_FLIGHT) this.#begin();
  }

  #begin(): void {
    const one = this.#count(this.#choose()).finally(() => this.#inFlight.delete(one));
    this.#inFlight.add(one);
  }

  /** What this customer does. Until something was found there is nothing to read or to buy. */
  #choose(): () => Promise<Reply<unknown>> {
    const client = this.#client;
    const id = this.#ids[this.#random.below(Math.max(1, this.#ids.length))];
    const dice = this.#random.next();
    if (id === undefined || dice < 0.1) return () => this.#browse();
    if (dice < 0.35) {
      const q = WORDS[this.#random.below(WORDS.length)] ?? 'the';
      return () => client.search({ q, limit: 10 });
    }
    if (dice < 0.9) return () => client.read(id);
    return () => this.#buy(id);
  }

  async #browse(): Promise<Reply<unknown>> {
    const page = await this.#client.search({ limit: 100 });
    this.#ids = page.value.items.map((book) => book.id);
    return page;
  }

  async #buy(id: number): Promise<Reply<unknown>> {
    const options = { idempotencyKey: `demo-${process.pid}-${this.#begun}-${this.#clock.wallMs()}` };
    try {
      return await this.#client.purchase(id, 1, options);
    } catch (error) {
      if (error instanceof BookstoreError) {
        // Sold out: the next delivery comes at once.
        if (error.status === 409) return await this.#client.restock(id, RESTOCK);
        if (error.status < 500) throw error;
      }
      this.#repeated++;
      return await this.#client.purchase(id, 1, options);
    }
  }

  async #count(action: () => Promise<Reply<unknown>>): Promise<void> {
    const startMs = this.#clock.nowMs();
    let server: string | undefined;
    try {
      ({ server } = await action());
      this.#ok++;
    } catch (error) {
      server = this.#judge(error);
    }
    this.#requests++;
    this.#latency.add(this.#clock.nowMs() - startMs);
    if (server !== undefined) this.#byServer.set(server, (this.#byServer.get(server) ?? 0) + 1);
  }

  /** @returns the server that answered */
  #judge(error: unknown): string | undefined {
    const answer = error instanceof BookstoreError ? error : undefined;
    if (answer?.status === 429) this.#limited++;
    else if (answer !== undefined && answer.status < 500 && answer.server !== undefined) this.#ok++;
    else {
      this.#failed++;
      this.#lastFailure = errorText(error);
    }
    return answer?.server;
  }
}
