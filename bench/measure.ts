/** One measurement: what a subject used and how it answered while one load ran. */
import type { LoadOptions, LoadResult } from './load/load.ts';
import { runWrk } from './load/wrk.ts';
import { type Cell, cellName } from './plan.ts';
import type { Stage } from './stage.ts';
import { BODY_BYTES } from './subjects/nginx.ts';
import { type RunningSubject, urlOf } from './subjects/subject.ts';
import { cpuBetweenUs, readCores, readCpu } from './system/cpu.ts';

export interface Sample {
  readonly cell: string;
  readonly subject: string;
  readonly round: number;
  readonly requests: number;
  /** Processor time of the subject's whole process tree, user and system, over its requests. */
  readonly cpuUsPerRequest: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Part of the subject's cores (0 to 1) that others used or the hypervisor took: it should be next to nothing. */
  readonly foreignShare: number;
}

export interface MeasureOptions {
  readonly cell: Cell;
  readonly round: number;
  readonly seconds: number;
  /** The cores whose foreign use is told. */
  readonly subjectCores?: string;
  readonly loadCores?: string;
  readonly connections?: number;
  readonly pauseMs?: number;
  readonly generate?: (options: LoadOptions) => Promise<LoadResult>;
}

/** Loads the subject once. Connections are opened inside the measured time: 64 handshakes in some 10 000 requests. */
export async function measure(
  stage: Stage,
  subject: RunningSubject,
  options: MeasureOptions,
): Promise<Sample> {
  const { cell, round, seconds, generate = runWrk, subjectCores = stage.cores.subject } = options;
  const { scheme, body, connections } = cell.case;
  subject.emptyLog();
  const coresBefore = readCores(subjectCores);
  const before = readCpu(subject.process.pid);
  const startMs = stage.clock.nowMs();
  const load = await generate({
    url: urlOf(subject, scheme, body),
    mix: cell.mix,
    connections: options.connections ?? connections,
    seconds,
    seed: round + 1,
    cores: options.loadCores ?? stage.cores.load,
    bodyBytes: BODY_BYTES[body],
    signal: stage.signal,
    ...(options.pauseMs === undefined ? {} : { pauseMs: options.pauseMs }),
  });
  const cpuUs = cpuBetweenUs(before, readCpu(subject.process.pid));
  const coresAfter = readCores(subjectCores);
  const elapsedUs = (stage.clock.nowMs() - startMs) * 1_000;
  const busyUs = coresAfter.busyUs + coresAfter.stolenUs - coresBefore.busyUs - coresBefore.stolenUs;
  return {
    cell: cellName(cell),
    subject: subject.name,
    round,
    requests: load.requests,
    cpuUsPerRequest: cpuUs / load.requests,
    requestsPerSecond: load.requests / load.seconds,
    p50Ms: load.p50Ms,
    p99Ms: load.p99Ms,
    foreignShare: Math.min(1, Math.max(0, (busyUs - cpuUs) / elapsedUs)),
  };
}
