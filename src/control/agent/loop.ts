/**
 * Asks the agents of servers what they say of themselves (decide.ts), on the main thread. An agent that is silent, or talks
 * nonsense, changes nothing: what it said last stands, and whether the server works its health check says.
 *
 * One server: asking ──line──▶ waiting ──timer──▶ asking …; never two questions to one agent at a time.
 */
import type { Clock, Timer } from '../../kernel/clock.ts';
import type { Random } from '../../kernel/random.ts';
import { BaseService } from '../../kernel/service.ts';
import { type AskAgent, askAgent } from './ask.ts';
import { AGENT_SILENT, type AgentState, decideAgent, isTurn } from './decide.ts';

export interface AgentOptions {
  readonly port: number;
  readonly intervalMs: number;
  /** For the whole question. */
  readonly timeoutMs: number;
}

export interface AgentPool {
  readonly name: string;
  /** undefined = its servers have none. */
  readonly agent: AgentOptions | undefined;
  readonly servers: readonly { readonly id: string; readonly host: string; readonly port: number }[];
}

/** `silent`: no whole line came. `nonsense`: it had words that mean nothing. */
export type AgentOutcome = 'ok' | 'nonsense' | 'silent';

export interface AgentReport {
  readonly pool: string;
  readonly server: string;
  readonly outcome: AgentOutcome;
  /** It is not what it was the last time. */
  readonly isNews: boolean;
  readonly why: string;
}

export interface AgentDeps {
  readonly clock: Clock;
  readonly random: Random;
  /**
   * What is known of a server now; undefined = its agent is asked no more.
   * @param isTurn it came, went, or takes new clients or none, which it did otherwise before
   */
  readonly onState: (pool: string, server: string, state: AgentState | undefined, isTurn: boolean) => void;
  readonly report: (report: AgentReport) => void;
  readonly ask?: AskAgent;
}

interface Watch {
  readonly pool: string;
  readonly id: string;
  readonly host: string;
  /** The server's own. */
  readonly port: number;
  options: AgentOptions;
  state: AgentState;
  outcome: AgentOutcome | undefined;
  timer: Timer | undefined;
  asking: AbortController | undefined;
}

const JITTER = 0.1;

export class AgentWatch extends BaseService {
  readonly name = 'agents';
  readonly #deps: AgentDeps;
  readonly #ask: AskAgent;
  #watches = new Map<string, Watch>();
  readonly #asking = new Set<Promise<void>>();

  constructor(deps: AgentDeps) {
    super();
    this.#deps = deps;
    this.#ask = deps.ask ?? askAgent;
  }

  protected async onStart(): Promise<void> {}

  protected async onStop(): Promise<void> {
    for (const watch of this.#watches.values()) this.#end(watch);
    this.#watches.clear();
    await Promise.all(this.#asking);
  }

  /** Takes over the whole list of pools. A server that stays where it is keeps what its agent said. */
  update(pools: readonly AgentPool[]): void {
    if (!this.isRunning) return;
    const before = this.#watches;
    this.#watches = new Map();
    for (const { name, agent, servers } of pools) {
      if (agent === undefined) continue;
      for (const { id, host, port } of servers) {
        const key = `${name}\n${id}\n${host} ${port}`;
        const known = before.get(key);
        before.delete(key);
        const watch = known ?? { ...{ pool: name, id, host, port, options: agent }, ...NEW };
        this.#watches.set(key, watch);
        if (known && isSame(known.options, agent)) continue;
        this.#end(watch);
        watch.options = agent;
        this.#run(watch);
      }
    }
    const kept = new Set([...this.#watches.values()].map((it) => `${it.pool}\n${it.id}`));
    for (const gone of before.values()) {
      this.#end(gone);
      if (!kept.has(`${gone.pool}\n${gone.id}`))
        this.#deps.onState(gone.pool, gone.id, undefined, isTurn(gone.state, AGENT_SILENT));
    }
  }

  #end(watch: Watch): void {
    watch.timer?.cancel();
    watch.timer = undefined;
    watch.asking?.abort();
    watch.asking = undefined;
  }

  #run(watch: Watch): void {
    watch.timer = undefined;
    const abort = new AbortController();
    watch.asking = abort;
    const asking = this.#askOnce(watch, abort).finally(() => this.#asking.delete(asking));
    this.#asking.add(asking);
  }

  async #askOnce(watch: Watch, abort: AbortController): Promise<void> {
    const { clock, random, onState, report } = this.#deps;
    const { pool, id, host, options } = watch;
    const deadline = clock.setTimer(options.timeoutMs, () => abort.abort());
    const answer = await this.#ask({ host, port: options.port }, abort.signal);
    deadline.cancel();
    // Another question, or none, stands there when the server left or its agent is asked otherwise.
    if (watch.asking !== abort) return;
    watch.asking = undefined;
    const pauseMs = options.intervalMs * (1 + JITTER * (2 * random.next() - 1));
    watch.timer = clock.setTimer(pauseMs, () => this.#run(watch));
    let outcome: AgentOutcome = 'silent';
    let why = answer.kind === 'silent' ? answer.why : '';
    if (answer.kind === 'line') {
      const { state, unknown } = decideAgent(watch.state, answer.line);
      outcome = unknown.length > 0 ? 'nonsense' : 'ok';
      why = unknown.length > 0 ? `it said ${JSON.stringify(unknown.join(' ').slice(0, 80))}` : '';
      const before = watch.state;
      watch.state = state;
      if (!isSame(before, state)) onState(pool, id, state, isTurn(before, state));
    }
    const isNews = outcome !== watch.outcome;
    watch.outcome = outcome;
    report({ pool, server: id, outcome, isNews, why });
  }
}

const NEW = { state: AGENT_SILENT, outcome: undefined, timer: undefined, asking: undefined } as const;

/** Small plain data with a fixed order of keys. */
function isSame<T>(a: T, b: T): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
