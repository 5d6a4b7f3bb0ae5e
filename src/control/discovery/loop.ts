/**
 * Keeps asking DNS for the servers of pools (decide.ts says what an answer means) and tells when they are others. On the
 * main thread. What is known of a name outlives reloads that keep the name: it belongs to pool, kind, name and port, and
 * a reload may change how it is asked for.
 *
 * One name: asking ──answer──▶ waiting for the next time ──timer──▶ asking …; never two look-ups of a name at a time.
 */
import type { Clock, Timer } from '../../kernel/clock.ts';
import { BaseService } from '../../kernel/service.ts';
import {
  type DiscoveryState,
  type DnsSource,
  decideDiscovery,
  type FoundServer,
  type LookupOutcome,
  NOTHING_KNOWN,
} from './decide.ts';
import { type LookUp, type Lookup, lookUp } from './lookup.ts';

/** One look-up has ended. */
export interface DiscoveryReport {
  readonly source: DnsSource;
  readonly outcome: LookupOutcome;
  /** Why it failed or was empty; '' otherwise. */
  readonly why: string;
  /** `outcome` is not what it was before. */
  readonly isNews: boolean;
  readonly hasChanged: boolean;
  readonly servers: readonly FoundServer[];
}

export interface DiscoveryDeps {
  readonly clock: Clock;
  /** After each look-up. Must not throw. */
  readonly report: (report: DiscoveryReport) => void;
  readonly lookUp?: LookUp;
}

/** A name as the API shows it. */
export interface DiscoveryView {
  readonly source: DnsSource;
  readonly state: DiscoveryState;
}

interface Watch {
  source: DnsSource;
  state: DiscoveryState;
  timer: Timer | undefined;
  asking: Lookup | undefined;
  /** Settled with the first answer. */
  readonly first: PromiseWithResolvers<void>;
}

export class Discovery extends BaseService {
  readonly name = 'discovery';
  readonly #clock: Clock;
  readonly #report: (report: DiscoveryReport) => void;
  readonly #lookUp: LookUp;
  readonly #watches = new Map<string, Watch>();
  readonly #asking = new Set<Promise<void>>();
  #version = 0;

  constructor(deps: DiscoveryDeps) {
    super();
    this.#clock = deps.clock;
    this.#report = deps.report;
    this.#lookUp = deps.lookUp ?? lookUp;
  }

  /** Moves whenever some name stands for other servers. */
  get version(): number {
    return this.#version;
  }

  protected async onStart(): Promise<void> {}

  protected async onStop(): Promise<void> {
    for (const watch of this.#watches.values()) this.#end(watch);
    this.#watches.clear();
    await Promise.all(this.#asking);
  }

  /** Begins to ask for names that are new, and asks anew for those that are asked for otherwise. Forgets none. */
  add(sources: readonly DnsSource[]): void {
    if (!this.isRunning) return;
    for (const source of sources) {
      const known = this.#watches.get(keyOf(source));
      if (known === undefined) {
        const first = Promise.withResolvers<void>();
        const watch: Watch = { source, state: NOTHING_KNOWN, timer: undefined, asking: undefined, first };
        this.#watches.set(keyOf(source), watch);
        this.#ask(watch);
      } else if (JSON.stringify(known.source) !== JSON.stringify(source)) {
        this.#pause(known);
        known.source = source;
        this.#ask(known);
      }
    }
  }

  /** These names and no others. */
  use(sources: readonly DnsSource[]): void {
    this.add(sources);
    const keys = new Set(sources.map(keyOf));
    for (const [key, watch] of this.#watches) {
      if (keys.has(key)) continue;
      this.#end(watch);
      this.#watches.delete(key);
    }
  }

  /** Resolves when each of these names was answered once, or after `maxMs`: DNS that is down must not stop a start. */
  answered(sources: readonly DnsSource[], maxMs: number): Promise<void> {
    const waits = sources.map((it) => this.#watches.get(keyOf(it))?.first.promise);
    if (waits.every((it) => it === undefined)) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#clock.setTimer(maxMs, resolve);
      void Promise.all(waits).then(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  /** The servers that a name stands for, as far as is known. */
  found(source: DnsSource): readonly FoundServer[] {
    return this.#watches.get(keyOf(source))?.state.servers ?? [];
  }

  views(): DiscoveryView[] {
    return [...this.#watches.values()].map(({ source, state }) => ({ source, state }));
  }

  #end(watch: Watch): void {
    this.#pause(watch);
    watch.first.resolve();
  }

  #pause(watch: Watch): void {
    watch.timer?.cancel();
    watch.timer = undefined;
    watch.asking?.cancel();
    watch.asking = undefined;
  }

  #ask(watch: Watch): void {
    watch.timer = undefined;
    const lookup = this.#lookUp(watch.source);
    watch.asking = lookup;
    const asking = this.#settle(watch, lookup).finally(() => this.#asking.delete(asking));
    this.#asking.add(asking);
  }

  async #settle(watch: Watch, lookup: Lookup): Promise<void> {
    const answer = await lookup.answer;
    // Another one, or none, stands there when the name was given up or is asked for otherwise.
    if (watch.asking !== lookup) return;
    watch.asking = undefined;
    const before = watch.state;
    const { source } = watch;
    const { state, hasChanged, nextMs } = decideDiscovery(before, answer, source, this.#clock.nowMs());
    watch.state = state;
    watch.timer = this.#clock.setTimer(nextMs, () => this.#ask(watch));
    if (hasChanged) this.#version++;
    const outcome = state.outcome ?? 'failed';
    const { why, servers } = state;
    this.#report({ source, outcome, why, isNews: outcome !== before.outcome, hasChanged, servers });
    watch.first.resolve();
  }
}

function keyOf({ pool, kind, name, port }: DnsSource): string {
  return `${pool}\n${kind}\n${name}\n${port}`;
}
