/** From samples to the figures of the tables: pure. */
import type { Sample } from './measure.ts';
import {
  geometricMean,
  type Interval,
  judge,
  median,
  medianInterval,
  pairedRatios,
  type Verdict,
} from './stats.ts';

/** The proxy that all others are compared with. */
export const OURS = 'sluice';
/** The peers of the issue "as fast as": the better of them is what counts. */
const NATIVE_PEERS: readonly string[] = ['nginx', 'haproxy'];

export interface Row {
  readonly subject: string;
  readonly cpuUs: Interval;
  readonly requestsPerSecond: Interval;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Ours over this subject's processor time a request, pair by pair; undefined for ours and without ours. */
  readonly oursOverThis?: Interval;
}

export interface CellSummary {
  readonly cell: string;
  readonly rows: readonly Row[];
}

/** A figure that is to be reached, and how the measured one stands to it. */
export interface Judgement {
  readonly what: string;
  readonly value: Interval;
  readonly bound: 'at most' | 'at least';
  readonly limit: number;
  readonly unit: 'x' | 'ms';
  readonly verdict: Verdict;
}

function inRounds(samples: readonly Sample[], cell: string, subject: string): Sample[] {
  return samples
    .filter((sample) => sample.cell === cell && sample.subject === subject)
    .sort((a, b) => a.round - b.round);
}

function cpuOf(samples: readonly Sample[], cell: string, subject: string): number[] {
  return inRounds(samples, cell, subject).map((sample) => sample.cpuUsPerRequest);
}

function namesIn(samples: readonly Sample[], key: 'cell' | 'subject'): string[] {
  return [...new Set(samples.map((sample) => sample[key]))];
}

/** One table a cell; its rows stand in the order of `subjects`. */
export function summarise(samples: readonly Sample[], subjects: readonly string[]): CellSummary[] {
  return namesIn(samples, 'cell').map((cell) => {
    const ours = cpuOf(samples, cell, OURS);
    const rows = subjects.flatMap((subject): Row[] => {
      const mine = inRounds(samples, cell, subject);
      if (mine.length === 0) return [];
      const row = {
        subject,
        cpuUs: medianInterval(mine.map((sample) => sample.cpuUsPerRequest)),
        requestsPerSecond: medianInterval(mine.map((sample) => sample.requestsPerSecond)),
        p50Ms: median(mine.map((sample) => sample.p50Ms)),
        p99Ms: median(mine.map((sample) => sample.p99Ms)),
      };
      if (subject === OURS || ours.length === 0) return [row];
      const ratios = pairedRatios(ours, cpuOf(samples, cell, subject));
      return [{ ...row, oursOverThis: medianInterval(ratios) }];
    });
    return { cell, rows };
  });
}

/** The peer with the lower median in a cell; taking the lower one of each round would favour the peers. */
export function betterPeer(samples: readonly Sample[], cell: string): string | undefined {
  const medians = NATIVE_PEERS.flatMap((peer) => {
    const cpu = cpuOf(samples, cell, peer);
    return cpu.length === 0 ? [] : [{ peer, cpu: median(cpu) }];
  });
  return medians.sort((a, b) => a.cpu - b.cpu)[0]?.peer;
}

function judged(
  what: string,
  values: readonly number[],
  bound: Judgement['bound'],
  limit: number,
  unit: Judgement['unit'] = 'x',
): Judgement {
  const value = medianInterval(values);
  return { what, value, bound, limit, unit, verdict: judge(value, bound, limit) };
}

/** The most that a cell may cost against the better peer: small answers first, then every cell. */
const SMALL_LIMIT = 1.35;
const CELL_LIMIT = 1.2;
const MEAN_LIMIT = 1;
/** How many times the processor time of ours the libraries of Node should need at least, for small answers. */
const LIBRARY_LIMITS: Readonly<Record<string, number>> = { 'http-proxy': 4, 'fast-proxy': 2 };

function isSmall(cell: string): boolean {
  return /^(tls-)?small /.test(cell);
}

/** Processor time against the peers, held to the figures to reach. Empty without a measurement of ours. */
export function judgeCpu(samples: readonly Sample[]): Judgement[] {
  const found: Judgement[] = [];
  const ratiosOfCells: number[][] = [];
  const cells = namesIn(samples, 'cell').filter((cell) => cpuOf(samples, cell, OURS).length > 0);
  for (const cell of cells) {
    const ours = cpuOf(samples, cell, OURS);
    const peer = betterPeer(samples, cell);
    if (peer !== undefined) {
      const ratios = pairedRatios(ours, cpuOf(samples, cell, peer));
      ratiosOfCells.push(ratios);
      if (isSmall(cell)) found.push(judged(`${cell}: ours / ${peer}`, ratios, 'at most', SMALL_LIMIT));
      found.push(judged(`${cell}: ours / ${peer}`, ratios, 'at most', CELL_LIMIT));
    }
    for (const [library, limit] of Object.entries(LIBRARY_LIMITS)) {
      const theirs = cpuOf(samples, cell, library);
      if (theirs.length === 0 || !isSmall(cell)) continue;
      found.push(judged(`${cell}: ${library} / ours`, pairedRatios(theirs, ours), 'at least', limit));
    }
  }
  const [first] = ratiosOfCells;
  if (first !== undefined && ratiosOfCells.length > 1) {
    const means = first.map((_, round) => geometricMean(ratiosOfCells.map((ratios) => ratios[round] ?? 1)));
    const what = `geometric mean of ${ratiosOfCells.length} cells: ours / the better of ${NATIVE_PEERS.join(', ')}`;
    found.push(judged(what, means, 'at most', MEAN_LIMIT));
  }
  return found;
}

/** 99th percentile at a common rate: ours against HAProxy's, as a difference in milliseconds. */
export function judgeLatency(samples: readonly Sample[]): Judgement[] {
  return namesIn(samples, 'cell').flatMap((cell) => {
    const ours = inRounds(samples, cell, OURS);
    const theirs = inRounds(samples, cell, 'haproxy');
    if (ours.length === 0 || theirs.length !== ours.length) return [];
    const more = ours.map((sample, round) => sample.p99Ms - (theirs[round]?.p99Ms ?? 0));
    return [judged(`${cell}: p99 of ours - p99 of haproxy`, more, 'at most', 0.2, 'ms')];
  });
}

/** HTTP/2 from clients: ours against nginx's. */
export function judgeH2(samples: readonly Sample[]): Judgement[] {
  return namesIn(samples, 'cell').flatMap((cell) => {
    const [ours, theirs] = [cpuOf(samples, cell, OURS), cpuOf(samples, cell, 'nginx')];
    if (ours.length === 0 || theirs.length !== ours.length) return [];
    return [judged(`${cell}: ours / nginx`, pairedRatios(ours, theirs), 'at most', 2)];
  });
}

/** What two data threads cost a request against one. */
export function judgeThreads(samples: readonly Sample[], one: string, two: string): Judgement[] {
  return namesIn(samples, 'cell').map((cell) => {
    const ratios = pairedRatios(cpuOf(samples, cell, two), cpuOf(samples, cell, one));
    return judged(`${cell}: two data threads / one`, ratios, 'at most', 1.1);
  });
}

export function judgeStartup(timesMs: readonly number[]): Judgement[] {
  if (timesMs.length === 0) return [];
  return [judged('launcher to /readyz 200', timesMs, 'at most', 1_500, 'ms')];
}
