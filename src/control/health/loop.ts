import type { Clock, Timer } from '../../kernel/clock.ts';
import { errorText, SluiceError } from '../../kernel/errors.ts';
import type { Random } from '../../kernel/random.ts';
import { BaseService } from '../../kernel/service.ts';
import {
  decideHealth,
  type HealthDecision,
  type HealthState,
  initialHealth,
  isInTransition,
  nextCheckDelayMs,
  restartStreaks,
} from './decide.ts';
import { Gate } from './gate.ts';
import type { HealthCheck, HealthPool, HealthTarget, ProbeResult } from './options.ts';
import { type Probe, probeServer } from './probe.ts';

/**
 * Runs the checks of all pools on the main thread and tells their results. A check belongs to a pool and a server id:
 * two pools with the same address check it twice, each by its own rules, and neither sees the other's counts.
 *
 * One server: idle ──timer──▶ waiting for a place ──▶ probing ──▶ idle …; never two probes of one server at a time.
 * First checks start at once, later ones at a random point of the interval, so that a thousand servers do not
 * go in step. What a probe found after its server was removed or its check changed is thrown away.
 *
 * A reload (`update`) keeps the state of whatever it did not change. A changed check of the same address keeps the
 * verdict but looks again at once; a changed address is a new server.
 */
export interface HealthReport {
  readonly pool: string;
  readonly server: string;
  readonly healthy: boolean;
  /** True when `healthy` is not what was reported before, and on the first report. */
  readonly changed: boolean;
  readonly why: string;
  readonly responseMs: number;
  readonly state: HealthState;
}

export interface HealthCheckerDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Called with every result. Must not throw. */
  readonly report: (report: HealthReport) => void;
  readonly probe?: Probe;
  /** Checks at a time, over all pools. */
  readonly maxConcurrent?: number;
}

interface Watch {
  readonly pool: string;
  target: HealthTarget;
  check: HealthCheck;
  state: HealthState;
  hasReported: boolean;
  timer: Timer | undefined;
  /** Set while the check waits for a place or runs. */
  running: Run | undefined;
  /** People who asked for a check now. */
  asked: PromiseWithResolvers<HealthReport>[];
}

interface Run {
  readonly abort: AbortController;
  leaveQueue: () => void;
}

export class HealthChecker extends BaseService {
  readonly name = 'health checks';
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #report: (report: HealthReport) => void;
  readonly #probe: Probe;
  readonly #gate: Gate;
  /** pool -> server id -> its check. */
  #watches = new Map<string, Map<string, Watch>>();
  readonly #probing = new Set<Promise<void>>();

  constructor(deps: HealthCheckerDeps) {
    super();
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.#report = deps.report;
    this.#probe = deps.probe ?? probeServer;
    this.#gate = new Gate(deps.maxConcurrent ?? 256);
  }

  protected async onStart(): Promise<void> {
    for (const watch of this.#all()) this.#begin(watch);
  }

  protected async onStop(): Promise<void> {
    for (const watch of this.#all()) this.#end(watch);
    this.#watches.clear();
    await Promise.all(this.#probing);
  }

  /** Takes over the whole list of pools: at the start and on every reload or runtime change. */
  update(pools: readonly HealthPool[]): void {
    const before = this.#watches;
    this.#watches = new Map();
    for (const pool of pools) {
      if (!pool.check) continue;
      const watches = new Map<string, Watch>();
      this.#watches.set(pool.name, watches);
      for (const target of pool.servers) {
        const known = before.get(pool.name)?.get(target.id);
        const watch = this.#adopt(known, pool.name, target, pool.check);
        if (watch === known) before.get(pool.name)?.delete(target.id);
        watches.set(target.id, watch);
      }
    }
    for (const watches of before.values()) for (const gone of watches.values()) this.#end(gone);
    if (this.isRunning) for (const watch of this.#all()) this.#begin(watch);
  }

  /**
   * Checks a server now, or joins the check that is running, and resolves with what it found. Fails when the pool has
   * no such server or no checks, or when the server is removed meanwhile.
   */
  checkNow(pool: string, server: string): Promise<HealthReport> {
    const watch = this.#watches.get(pool)?.get(server);
    if (!watch || !this.isRunning)
      return Promise.reject(
        new SluiceError('no_check', `pool "${pool}" has no health check of a server "${server}"`, {
          hint: 'Look at the names in `sluice status`; a pool with `health: false` checks nothing.',
        }),
      );
    const asked = Promise.withResolvers<HealthReport>();
    watch.asked.push(asked);
    this.#run(watch);
    return asked.promise;
  }

  /** What is known of a server; undefined when it is not checked. */
  state(pool: string, server: string): HealthState | undefined {
    return this.#watches.get(pool)?.get(server)?.state;
  }

  #adopt(known: Watch | undefined, pool: string, target: HealthTarget, check: HealthCheck): Watch {
    if (known && known.target.host === target.host && known.target.port === target.port) {
      if (isSame(known.check, check) && isSame(known.target, target)) return known;
      // The old check must not decide by the new rules, nor the other way round.
      this.#cancelRun(known);
      known.timer?.cancel();
      known.timer = undefined;
      known.target = target;
      known.check = check;
      known.state = restartStreaks(known.state);
      return known;
    }
    return {
      pool,
      target,
      check,
      state: initialHealth(this.#clock.nowMs()),
      hasReported: false,
      timer: undefined,
      running: undefined,
      asked: [],
    };
  }

  *#all(): Generator<Watch> {
    for (const watches of this.#watches.values()) yield* watches.values();
  }

  #begin(watch: Watch): void {
    if (!watch.timer && !watch.running) this.#run(watch);
  }

  #end(watch: Watch): void {
    this.#cancelRun(watch);
    watch.timer?.cancel();
    watch.timer = undefined;
    const gone = new SluiceError('check_ended', `server "${watch.target.id}" is no longer checked`);
    for (const asked of watch.asked.splice(0)) asked.reject(gone);
  }

  #cancelRun(watch: Watch): void {
    watch.running?.leaveQueue();
    watch.running?.abort.abort();
    watch.running = undefined;
  }

  #run(watch: Watch): void {
    if (watch.running) return;
    watch.timer?.cancel();
    watch.timer = undefined;
    const run: Run = { abort: new AbortController(), leaveQueue: () => {} };
    watch.running = run;
    run.leaveQueue = this.#gate.enter(() => {
      const probing = this.#probeOnce(watch, run).finally(() => {
        this.#probing.delete(probing);
        this.#gate.leave();
      });
      this.#probing.add(probing);
    });
  }

  async #probeOnce(watch: Watch, run: Run): Promise<void> {
    const startMs = this.#clock.nowMs();
    const { target, check } = watch;
    const deadline = this.#clock.setTimer(check.timeoutMs, () => run.abort.abort());
    let result: ProbeResult;
    try {
      result = await this.#probe(target, check, run.abort.signal, this.#clock);
    } catch (thrown) {
      result = {
        ok: false,
        responseMs: this.#clock.nowMs() - startMs,
        why: `check broke: ${errorText(thrown)}`,
      };
    } finally {
      deadline.cancel();
    }
    // Another run, or none, stands there when the server was removed or its check changed meanwhile.
    if (watch.running !== run) return;
    watch.running = undefined;
    const decision = decideHealth(watch.state, result, watch.check, this.#clock.nowMs());
    watch.state = decision.state;
    // The timer first: the report may lead to an `update`, which must find this server in order.
    this.#schedule(watch, decision, this.#clock.nowMs() - startMs);
    this.#tell(watch, decision, result);
  }

  #tell(watch: Watch, decision: HealthDecision, result: ProbeResult): void {
    const asked = watch.asked.splice(0);
    const report: HealthReport = {
      pool: watch.pool,
      server: watch.target.id,
      healthy: decision.state.status === 'healthy',
      changed: decision.transition !== undefined || !watch.hasReported,
      why: decision.why,
      responseMs: result.responseMs,
      state: decision.state,
    };
    watch.hasReported = true;
    this.#report(report);
    for (const one of asked) one.resolve(report);
  }

  #schedule(watch: Watch, decision: HealthDecision, tookMs: number): void {
    const nextMs = nextCheckDelayMs(watch.state, watch.check, tookMs, this.#random.next());
    // The very first pause is cut at random, which spreads servers that all began at once.
    const isFirst = decision.transition?.from === 'unknown';
    const delayMs =
      isFirst && !isInTransition(watch.state) ? nextMs * (0.1 + 0.9 * this.#random.next()) : nextMs;
    watch.timer = this.#clock.setTimer(delayMs, () => {
      watch.timer = undefined;
      this.#run(watch);
    });
  }
}

/** Options are small plain data with a fixed order of keys, made by one place. */
function isSame(a: HealthCheck | HealthTarget, b: HealthCheck | HealthTarget): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
