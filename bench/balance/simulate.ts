/**
 * A pool of Sluice's own before servers that are only reckoned: the code that picks is the one of the data plane, with two
 * threads that see what the other holds; clock, arrivals and service times are made up from a seed. So a minute takes a
 * second, and the same seed gives the same figures on any machine.
 */
import { type Random, SeededRandom } from '../../src/kernel/random.ts';
import { STATE } from '../../src/kernel/slots.ts';
import { type AlgorithmName, hashText, type Lease, type Pool } from '../../src/pool/index.ts';
import { PoolFixture } from '../../test/support/pool-fixture.ts';
import { quantile } from '../stats.ts';
import { EventQueue } from './events.ts';
import { END_MS, type Scenario, type ServerModel, WARM_MS } from './scenarios.ts';

const CLIENTS = 1000;
const THREADS = 2;

export interface Simulated {
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of all requests, 0 to 1: errors of servers, and those that no server could take. */
  readonly errorShare: number;
  /** Of all requests, by server. */
  readonly shares: readonly number[];
}

interface Job {
  readonly lease: Lease;
  readonly arrivedMs: number;
  isError: boolean;
}

/** A server with its line. */
class Line {
  readonly model: ServerModel;
  readonly #waiting: Job[] = [];
  readonly #random: Random;
  #busy = 0;

  constructor(model: ServerModel, random: Random) {
    this.model = model;
    this.#random = random;
  }

  /** @returns how long the job is served if it is now, else undefined: it waits. */
  enter(job: Job, nowMs: number): number | undefined {
    if (this.#busy === this.model.workers) {
      this.#waiting.push(job);
      return undefined;
    }
    this.#busy++;
    return this.#begin(job, nowMs);
  }

  /** One is done. @returns who is served next, and how long */
  leave(nowMs: number): { job: Job; ms: number } | undefined {
    const job = this.#waiting.shift();
    if (job !== undefined) return { job, ms: this.#begin(job, nowMs) };
    this.#busy--;
    return undefined;
  }

  #begin(job: Job, nowMs: number): number {
    const { ms, isError } = this.model.serve(nowMs, this.#random);
    job.isError = isError;
    return ms;
  }
}

export function simulate(scenario: Scenario, algorithm: AlgorithmName, seed: number): Simulated {
  const random = new SeededRandom(seed);
  const fixture = new PoolFixture({
    algorithm,
    seed,
    threads: THREADS,
    // Without a cap `first` would know no second server.
    servers: scenario.servers.map(({ id, workers }) => ({
      id,
      max: algorithm === 'first' ? 2 * workers : 0,
    })),
  });
  const pools = Array.from({ length: THREADS }, (_, thread) =>
    fixture.compile({ thread, random: new SeededRandom(seed * 31 + thread) }),
  );
  const lines = scenario.servers.map((model) => new Line(model, random));
  const tally = new Tally(lines);
  const events = new EventQueue<Job>();
  const clients = Array.from({ length: CLIENTS }, (_, i) => hashText(`10.0.${i >> 8}.${i & 255}`));
  const startMs = fixture.clock.nowMs();
  let arrivalMs = 0;
  let count = 0;
  scenario.servers.forEach((model, index) => {
    if (model.joinsMs > 0) setHealthy(fixture, index, false);
  });
  while (arrivalMs < END_MS) {
    const nowMs = Math.min(arrivalMs, events.nextMs);
    fixture.clock.advance(Math.max(0, startMs + nowMs - fixture.clock.nowMs()));
    scenario.servers.forEach((model, index) => {
      if (model.joinsMs > 0 && nowMs >= model.joinsMs) setHealthy(fixture, index, true);
    });
    if (events.nextMs <= arrivalMs) {
      finish(events.take() as Job, nowMs, events, lines, tally);
      continue;
    }
    const hashKey = clients[random.below(CLIENTS)] as number;
    arrive(pools[count++ % THREADS] as Pool, fixture, hashKey, nowMs, { events, lines, tally });
    arrivalMs += (-Math.log(1 - random.next()) * 1000) / scenario.requestsPerS;
  }
  return tally.result();
}

function setHealthy(fixture: PoolFixture, index: number, isUp: boolean): void {
  const { slot } = fixture.pool.servers[index] as { slot: number };
  fixture.slots.setState(slot, isUp ? STATE.healthy : 0, isUp ? 0 : STATE.healthy);
}

function arrive(
  pool: Pool,
  fixture: PoolFixture,
  hashKey: number,
  nowMs: number,
  { events, lines, tally }: { events: EventQueue<Job>; lines: readonly Line[]; tally: Tally },
): void {
  const lease = pool.pick(fixture.ctx({ hashKey }));
  if (lease.kind !== 'picked') {
    tally.refuse(nowMs);
    return;
  }
  const job: Job = { lease, arrivedMs: nowMs, isError: false };
  const ms = (lines[lease.server.index] as Line).enter(job, nowMs);
  if (ms !== undefined) events.add(nowMs + ms, job);
}

function finish(
  job: Job,
  nowMs: number,
  events: EventQueue<Job>,
  lines: readonly Line[],
  tally: Tally,
): void {
  const tookMs = nowMs - job.arrivedMs;
  job.lease.answered(job.isError ? 500 : 200, tookMs);
  job.lease.release('ok');
  tally.add(job.arrivedMs, job.lease.server.index, tookMs, job.isError);
  const next = (lines[job.lease.server.index] as Line).leave(nowMs);
  if (next) events.add(nowMs + next.ms, next.job);
}

/** What the clients saw of the requests that came after the warm-up; errors have no time. */
class Tally {
  readonly #times: number[] = [];
  readonly #counts: number[];
  #errors = 0;

  constructor(lines: readonly Line[]) {
    this.#counts = lines.map(() => 0);
  }

  add(arrivedMs: number, server: number, tookMs: number, isError: boolean): void {
    if (arrivedMs < WARM_MS) return;
    this.#counts[server] = (this.#counts[server] ?? 0) + 1;
    if (isError) this.#errors++;
    else this.#times.push(tookMs);
  }

  refuse(nowMs: number): void {
    if (nowMs >= WARM_MS) this.#errors++;
  }

  result(): Simulated {
    const served = this.#counts.reduce((sum, count) => sum + count, 0);
    const all = this.#times.length + this.#errors;
    return {
      p50Ms: quantile(this.#times, 0.5),
      p99Ms: quantile(this.#times, 0.99),
      errorShare: this.#errors / all,
      shares: this.#counts.map((count) => count / served),
    };
  }
}
