/**
 * Latency at a rate that all can serve: half of the peak of the slower of nginx and HAProxy. At its peak every
 * proxy's latency is only the number of connections over its throughput, which says nothing new.
 *
 * The rate comes from connections that pause 10 ms in the mean between an answer and the next request.
 */
import { measure, type Sample } from '../measure.ts';
import { type Cell, orderOfRound } from '../plan.ts';
import type { Stage } from '../stage.ts';
import { median } from '../stats.ts';
import type { RunningSubject } from '../subjects/subject.ts';

const PAUSE_MS = 10;
/** All connections are opened at once at the start of a measurement: shorter, and what that takes would be the p99. */
const LEAST_SECONDS = 10;
const PEAK_ROUNDS = 3;

export interface LatencyResult {
  /** The rate aimed at, in requests per second. */
  readonly rate: number;
  readonly connections: number;
  readonly samples: readonly Sample[];
  /** Subjects left out since they cannot serve that rate, with their own peak. */
  readonly tooSlow: readonly { readonly subject: string; readonly peak: number }[];
}

/** @param peers names of the subjects whose slower peak sets the rate */
export async function measureLatency(
  stage: Stage,
  subjects: readonly RunningSubject[],
  options: { cell: Cell; peers: readonly string[]; rounds: number; seconds: number },
): Promise<LatencyResult> {
  const { cell, rounds } = options;
  const seconds = Math.max(options.seconds, LEAST_SECONDS);
  stage.say(`latency, ${cell.case.name}: peaks`);
  const peaks = new Map<string, number>();
  for (const subject of subjects) {
    const runs: number[] = [];
    for (let round = 0; round < PEAK_ROUNDS; round++) {
      runs.push((await measure(stage, subject, { cell, round, seconds: 1 })).requestsPerSecond);
    }
    peaks.set(subject.name, median(runs));
  }
  const named = [...peaks].filter(([name]) => options.peers.includes(name)).map(([, peak]) => peak);
  const rate = Math.min(...(named.length > 0 ? named : peaks.values())) / 2;
  const connections = Math.max(1, Math.round((rate * PAUSE_MS) / 1_000));
  const able = subjects.filter(({ name }) => (peaks.get(name) ?? 0) > rate * 1.25);
  stage.say(`latency, ${cell.case.name}: ${Math.round(rate)} requests/s over ${connections} connections`);
  const samples: Sample[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const subject of orderOfRound(able, round)) {
      samples.push(await measure(stage, subject, { cell, round, seconds, connections, pauseMs: PAUSE_MS }));
    }
  }
  const tooSlow = subjects
    .filter((subject) => !able.includes(subject))
    .map(({ name }) => ({ subject: name, peak: peaks.get(name) ?? 0 }));
  return { rate, connections, samples, tooSlow };
}
