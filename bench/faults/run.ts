/**
 * The run of bench/faults.ts: one daemon, its servers, a crowd of clients.
 *
 *   part 1: for each turn one server ─ sound ─▶ broken ─▶ mended ─▶ back in the pool, as the daemon says ─▶ next turn
 *   part 2: in turns all servers sound, one of them ten times slower
 *
 * One server at a time is broken, so a healthy one could always have answered.
 */
import { type Clock, delay } from '../../src/kernel/clock.ts';
import { errorText } from '../../src/kernel/errors.ts';
import { SeededRandom } from '../../src/kernel/random.ts';
import { type DaemonInput, DaemonProcess } from '../system/daemon.ts';
import { freePorts } from '../system/ports.ts';
import { Crowd } from './crowd.ts';
import { FAULTS, type Fault, FaultyServer } from './faulty.ts';
import type { LogLine, Turn } from './report.ts';

const SERVERS = 4;
const SERVICE_MS = 20;
const BROKEN_MS = 6000;
const SOUND_MS = 2000;
/** As long as an ejection may last here, and some checks. */
const BACK_WITHIN_MS = 30_000;
const LOOK_MS = 250;
/** What a change of the fleet stirs up is over; not counted to either side. */
const WARM_UP_S = 3;

export interface FaultsOptions {
  readonly clients: number;
  readonly seconds: number;
  readonly meanPauseMs: number;
  /** Rounds of part 2. */
  readonly pairs: number;
  /** Of each of the two sides of a round. */
  readonly sideSeconds: number;
  readonly seed: number;
}

/** Durations of one round of part 2. */
export interface SlowPair {
  readonly soundMs: readonly number[];
  readonly slowMs: readonly number[];
}

export interface FaultsResult {
  readonly crowd: Crowd;
  readonly turns: readonly Turn[];
  readonly pairs: readonly SlowPair[];
  readonly log: readonly LogLine[];
  readonly servers: readonly string[];
  /** Attempts beyond the first, as the daemon counted them. */
  readonly retries: number;
  readonly problems: readonly string[];
}

function faultsInput(servers: readonly FaultyServer[]): DaemonInput {
  return {
    threads: 1,
    listeners: { web: { address: '127.0.0.1', port: 0 } },
    routes: [{ name: 'all', pool: 'web' }],
    pools: {
      web: {
        servers: servers.map(({ address }) => address),
        health: { path: '/healthz', interval: '1s', rise: 2, fall: 2 },
        // Else a turn would be mostly the wait for the end of an ejection.
        outlier_detection: { ejection_time: '3s' },
      },
    },
  };
}

class Run {
  readonly turns: Turn[] = [];
  readonly pairs: SlowPair[] = [];
  readonly problems: string[] = [];
  readonly #clock: Clock;
  readonly #daemon: DaemonProcess;
  readonly #servers: readonly FaultyServer[];
  readonly #crowd: Crowd;
  readonly #signal: AbortSignal;
  readonly #random: SeededRandom;

  constructor(
    clock: Clock,
    daemon: DaemonProcess,
    servers: readonly FaultyServer[],
    crowd: Crowd,
    signal: AbortSignal,
    seed: number,
  ) {
    this.#clock = clock;
    this.#daemon = daemon;
    this.#servers = servers;
    this.#crowd = crowd;
    this.#signal = signal;
    this.#random = new SeededRandom(seed);
  }

  /** Every fault for every server, in an order of its own in each cycle, until the time is over. */
  async breakInTurn(seconds: number, say: (line: string) => void): Promise<void> {
    const cases = this.#servers.flatMap((server) => FAULTS.map((fault) => ({ server, fault })));
    let left: typeof cases = [];
    const endMs = this.#crowd.nowMs + seconds * 1000;
    while (this.#crowd.nowMs < endMs && !this.#signal.aborted) {
      if (left.length === 0) left = shuffled(cases, this.#random);
      const { server, fault } = left.pop() as (typeof cases)[number];
      await delay(this.#clock, SOUND_MS);
      await this.#turn(server, fault);
      const { nowMs, failures } = this.#crowd;
      say(`${(nowMs / 1000).toFixed(0)} s: ${fault} ${server.address}, ${failures.length} failed so far`);
    }
  }

  async #turn(server: FaultyServer, fault: Fault): Promise<void> {
    const failuresBefore = await this.#failures();
    const brokenAtMs = this.#crowd.nowMs;
    const wallFromMs = this.#clock.wallMs();
    await server.break(fault);
    await delay(this.#clock, BROKEN_MS);
    await server.mend(fault);
    const mendedAtMs = this.#crowd.nowMs;
    const isBack = await this.#isBack(server.address);
    if (!isBack)
      this.problems.push(`${server.address} was not back ${BACK_WITHIN_MS / 1000} s after ${fault}`);
    this.turns.push({
      fault,
      server: server.address,
      brokenAtMs,
      mendedAtMs,
      backAtMs: this.#crowd.nowMs,
      wallFromMs,
      wallToMs: this.#clock.wallMs(),
      failures: (await this.#failures()) - failuresBefore,
    });
  }

  async #failures(): Promise<number> {
    const retries = await retriesOf(this.#daemon);
    return retries + this.#crowd.failures.length + this.#crowd.failedPosts.length;
  }

  async #isBack(address: string): Promise<boolean> {
    const endMs = this.#crowd.nowMs + BACK_WITHIN_MS;
    while (this.#crowd.nowMs < endMs) {
      const { pools } = await this.#daemon.state();
      const servers = pools.flatMap((pool) => pool.servers);
      if (servers.some(({ id, state }) => id === address && state === 'healthy')) return true;
      await delay(this.#clock, LOOK_MS);
    }
    return false;
  }

  /** Who begins changes from round to round. */
  async compareSlow(pairs: number, sideSeconds: number): Promise<void> {
    for (let pair = 0; pair < pairs && !this.#signal.aborted; pair++) {
      const slow = this.#servers[pair % this.#servers.length] as FaultyServer;
      const side = async (isSlow: boolean): Promise<number[]> => {
        if (isSlow) await slow.break('slow');
        const fromS = Math.ceil(this.#crowd.nowMs / 1000);
        await delay(this.#clock, fromS * 1000 - this.#crowd.nowMs + sideSeconds * 1000);
        if (isSlow) await slow.mend('slow');
        // Those that began in it have their answers by then.
        await delay(this.#clock, WARM_UP_S * 1000);
        return this.#crowd.between(fromS, fromS + sideSeconds);
      };
      if (pair % 2 === 0) {
        const soundMs = await side(false);
        this.pairs.push({ soundMs, slowMs: await side(true) });
      } else {
        const slowMs = await side(true);
        this.pairs.push({ slowMs, soundMs: await side(false) });
      }
    }
  }
}

/** Attempts beyond the first, so far. */
async function retriesOf(daemon: DaemonProcess): Promise<number> {
  const metrics = await daemon.metrics();
  const retried = metrics.filter(({ name }) => name === 'sluice_pool_retries_total');
  return retried.reduce((sum, { value }) => sum + value, 0);
}

function shuffled<T>(items: readonly T[], random: SeededRandom): T[] {
  const left = [...items];
  return items.map(() => left.splice(random.below(left.length), 1)[0] as T);
}

/** @param folder empty, for the daemon */
export async function runFaults(
  options: FaultsOptions,
  folder: string,
  clock: Clock,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<FaultsResult> {
  await using stack = new AsyncDisposableStack();
  const servers: FaultyServer[] = [];
  for (const port of await freePorts(SERVERS))
    servers.push(stack.use(await FaultyServer.start(port, SERVICE_MS)));
  const daemon = stack.use(await DaemonProcess.start(folder, faultsInput(servers)));
  const { clients, meanPauseMs, seed } = options;
  const crowd = new Crowd(clock, daemon.port('web'), { clients, meanPauseMs, seed });
  const run = new Run(clock, daemon, servers, crowd, signal, seed);
  try {
    await delay(clock, WARM_UP_S * 1000);
    await run.breakInTurn(options.seconds, say);
    say('one server ten times slower');
    await run.compareSlow(options.pairs, options.sideSeconds);
  } catch (thrown) {
    run.problems.push(errorText(thrown));
  }
  await crowd.stop();
  const retries = await retriesOf(daemon);
  const code = await daemon.stop();
  if (code !== 0) run.problems.push(`the daemon did not stop in order: exit code ${code}`);
  return {
    ...{ crowd, turns: run.turns, pairs: run.pairs, problems: run.problems },
    log: daemon.newLogLines().map((line) => JSON.parse(line) as LogLine),
    servers: servers.map(({ address }) => address),
    retries,
  };
}
