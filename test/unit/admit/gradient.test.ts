/** The limit of adaptive concurrency against simulated servers: finds what they can do, stays there, follows changes. */
import t from 'tap';
import {
  type GradientOptions,
  type GradientState,
  startGradient,
  stepGradient,
} from '../../../src/admit/gradient.ts';
import { SeededRandom } from '../../../src/kernel/random.ts';

const OPTIONS: GradientOptions = { min: 5, max: 1000, tolerance: 1.5 };

/** Servers that do `capacity` at a time in `baseMs` each; what is beyond waits. Times are off by a tenth. */
class Servers {
  capacity = 40;
  baseMs = 20;
  demand = 500;
  state: GradientState = startGradient(OPTIONS);
  readonly #random: SeededRandom;
  /** What was seen in the windows of the last `run`. */
  limits: number[] = [];
  times: number[] = [];
  used: number[] = [];

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  run(windows: number): void {
    this.limits = [];
    this.times = [];
    this.used = [];
    for (let i = 0; i < windows; i++) {
      const inFlight = Math.min(this.demand, this.state.limit);
      const noise = 0.9 + 0.2 * this.#random.next();
      const tookMs = this.baseMs * Math.max(1, inFlight / this.capacity) * noise;
      this.limits.push(this.state.limit);
      this.times.push(tookMs);
      this.used.push(Math.min(1, inFlight / this.capacity));
      this.state = stepGradient(this.state, { tookMs, inFlight }, OPTIONS);
    }
  }
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

for (const seed of [1, 2, 3]) {
  t.test(
    `too much demand: most of the rate, little queue, and no creep in two hours (seed ${seed})`,
    async (t) => {
      const servers = new Servers(seed);
      servers.run(120);
      for (let minutes = 0; minutes < 120; minutes += 20) {
        servers.run(20 * 120);
        t.ok(mean(servers.times) < 2 * servers.baseMs, `${mean(servers.times)} ms`);
        t.ok(mean(servers.used) > 0.97, `used ${mean(servers.used)}`);
        t.ok(Math.max(...servers.limits) < 2.6 * servers.capacity, `${Math.max(...servers.limits)}`);
      }
    },
  );

  t.test(`servers get slower, fewer, more (seed ${seed})`, async (t) => {
    const servers = new Servers(seed);
    servers.run(300);
    for (const [capacity, baseMs] of [
      [10, 20],
      [10, 80],
      [200, 20],
      [40, 5],
    ] as const) {
      Object.assign(servers, { capacity, baseMs });
      servers.run(600);
      servers.run(600);
      const said = `${capacity} in ${baseMs} ms: limit ${mean(servers.limits)}, ${mean(servers.times)} ms`;
      t.ok(mean(servers.used) > 0.93, `${said}, used ${mean(servers.used)}`);
      t.ok(mean(servers.times) < 2.3 * baseMs, said);
    }
  });

  t.test(`little demand moves nothing (seed ${seed})`, async (t) => {
    const servers = new Servers(seed);
    servers.demand = 4;
    servers.run(1000);
    t.same([...new Set(servers.limits)], [50]);
    servers.demand = 30;
    servers.run(1000);
    t.ok(Math.min(...servers.limits) >= 30, 'and what servers can do is let through');
  });
}

t.test('kept between its bounds, also when these change', async (t) => {
  let state = startGradient({ ...OPTIONS, max: 8 });
  t.equal(state.limit, 8);
  for (let i = 0; i < 500; i++) {
    state = stepGradient(state, { tookMs: i % 7 === 0 ? 1000 : 1, inFlight: 1000 }, { ...OPTIONS, max: 8 });
    t.ok(state.limit >= 5 && state.limit <= 8);
  }
  state = stepGradient(state, { tookMs: 1, inFlight: 1000 }, { ...OPTIONS, min: 100, max: 200 });
  t.ok(state.limit >= 100);
});
