/** Fleets that are not even, each a way in which a balancer goes wrong. Times are milliseconds of the simulated clock. */
import type { Random } from '../../src/kernel/random.ts';

/** One request at one server: how long it is served, and whether it is an answer worth having. */
export interface Service {
  readonly ms: number;
  readonly isError: boolean;
}

export interface ServerModel {
  readonly id: string;
  /** Requests that it serves at a time; further ones wait in its line. */
  readonly workers: number;
  /** It is there from this time on. */
  readonly joinsMs: number;
  serve(nowMs: number, random: Random): Service;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly servers: readonly ServerModel[];
  /** The one that is not like the others; undefined = there is none. */
  readonly odd: number | undefined;
  /** Requests per second, Poisson; about half of what the sound servers can do. */
  readonly requestsPerS: number;
}

const WORKERS = 8;
const MEAN_MS = 10;
const LOAD = 0.5;
/** When what goes wrong begins, where it does not from the start. */
export const TURN_MS = 20_000;
export const END_MS = 60_000;
/** What happens before is not counted: pools are cold. */
export const WARM_MS = 5000;

const exponential = (meanMs: number, random: Random): number => -Math.log(1 - random.next()) * meanMs;

const sound = (id: string): ServerModel => ({
  id,
  workers: WORKERS,
  joinsMs: 0,
  serve: (_nowMs, random) => ({ ms: exponential(MEAN_MS, random), isError: false }),
});

const soundOnes = (count: number): ServerModel[] => Array.from({ length: count }, (_, i) => sound(`s${i}`));

const rateOf = (soundCount: number, load = LOAD): number => (load * soundCount * WORKERS * 1000) / MEAN_MS;

const half = (id: string): ServerModel => ({
  ...sound(id),
  serve: (_nowMs, random) => ({ ms: exponential(2 * MEAN_MS, random), isError: false }),
});

const slow: ServerModel = {
  ...sound('slow'),
  serve: (_nowMs, random) => ({ ms: exponential(10 * MEAN_MS, random), isError: false }),
};

/** One request in ten takes twenty times as long, wherever it goes. */
const bimodal = (id: string): ServerModel => ({
  ...sound(id),
  serve: (_nowMs, random) => ({
    ms: exponential(random.next() < 0.1 ? 20 * 3.5 : 3.5, random),
    isError: false,
  }),
});

/** Empty caches: five times as slow when it comes, as the others ten seconds later. */
const cold: ServerModel = {
  ...sound('cold'),
  joinsMs: TURN_MS,
  serve: (nowMs, random) => {
    const warmth = Math.min(1, (nowMs - TURN_MS) / 10_000);
    return { ms: exponential(MEAN_MS * (5 - 4 * warmth), random), isError: false };
  },
};

/** Answers 500 in a millisecond for twenty seconds: to whoever counts connections it looks like the fastest. */
const failing: ServerModel = {
  ...sound('failing'),
  serve: (nowMs, random) =>
    nowMs >= TURN_MS && nowMs < 2 * TURN_MS
      ? { ms: 1, isError: true }
      : { ms: exponential(MEAN_MS, random), isError: false },
};

/** Stands still for a second in every ten. */
const stalling: ServerModel = {
  ...sound('stalling'),
  serve: (nowMs, random) => {
    const intoMs = nowMs % 10_000;
    return { ms: exponential(MEAN_MS, random) + (intoMs < 1000 ? 1000 - intoMs : 0), isError: false };
  },
};

const PAUSE_EVERY_MS = 500;
const PAUSE_MS = 40;

/**
 * Serves any number at a time and always takes the same, but for what it shares with all others: something (a collection of garbage,
 * a neighbour on the machine) that stands still for a moment now and then, so that everyone seems slow at once.
 */
const wide = (id: string, meanMs: number): ServerModel => ({
  ...{ id, workers: 1000, joinsMs: 0 },
  serve: (nowMs) => {
    const intoMs = nowMs % PAUSE_EVERY_MS;
    const left = intoMs + meanMs > PAUSE_EVERY_MS ? PAUSE_MS : 0;
    return { ms: meanMs + left + (intoMs < PAUSE_MS ? PAUSE_MS - intoMs : 0), isError: false };
  },
});

export const SCENARIOS: readonly Scenario[] = [
  { name: 'even', title: 'Three alike', servers: soundOnes(3), odd: undefined, requestsPerS: rateOf(3) },
  {
    ...{ name: 'slow_of_3', title: 'One of three ten times slower' },
    ...{ servers: [...soundOnes(2), slow], odd: 2, requestsPerS: rateOf(2) },
  },
  {
    ...{ name: 'slow_of_10', title: 'One of ten ten times slower' },
    ...{ servers: [...soundOnes(9), slow], odd: 9, requestsPerS: rateOf(9) },
  },
  {
    ...{ name: 'wide', title: 'One of four ten times slower, all of them pausing' },
    ...{
      servers: [wide('s0', 20), wide('s1', 20), wide('s2', 20), wide('slow', 200)],
      odd: 3,
      requestsPerS: 2700,
    },
  },
  {
    ...{ name: 'busy', title: 'Two of four half as fast, nearly all capacity in use' },
    ...{ servers: [...soundOnes(2), half('h0'), half('h1')], odd: 3, requestsPerS: rateOf(3, 0.85) },
  },
  {
    ...{ name: 'bimodal', title: 'One request in ten takes twenty times as long' },
    ...{ servers: ['s0', 's1', 's2'].map(bimodal), odd: undefined, requestsPerS: rateOf(3) },
  },
  {
    ...{ name: 'stalling', title: 'One of three stands still a second in ten' },
    ...{ servers: [...soundOnes(2), stalling], odd: 2, requestsPerS: rateOf(2) },
  },
  {
    ...{ name: 'cold', title: 'A fourth one joins with cold caches' },
    ...{ servers: [...soundOnes(3), cold], odd: 3, requestsPerS: rateOf(3) },
  },
  {
    ...{ name: 'failing', title: 'One of three fails fast for a third of the time' },
    ...{ servers: [...soundOnes(2), failing], odd: 2, requestsPerS: rateOf(2) },
  },
];
