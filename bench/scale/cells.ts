/**
 * Few against many: for each subject two of it on one core, one before few servers and one before many, loaded at the same time. A
 * ratio is formed within a round; subjects take turns from round to round, so that their ratios can be compared.
 */
import { SluiceError } from '../../src/kernel/errors.ts';
import { ALGORITHMS } from '../../src/pool/index.ts';
import { runWrk } from '../load/wrk.ts';
import type { Stage } from '../stage.ts';
import { type Interval, medianInterval, pairedRatios } from '../stats.ts';
import { cpuBetweenUs, readCpu } from '../system/cpu.ts';
import { DaemonProcess } from '../system/daemon.ts';
import { scaleInput } from './input.ts';
import { PEERS, type PeerName, startPeer } from './peers.ts';
import { ANSWER_BYTES } from './servers.ts';

const CONNECTIONS = 64;
const MIB = 2 ** 20;

export interface CellOptions {
  readonly few: number;
  readonly many: number;
  readonly rounds: number;
  /** Of one round. */
  readonly seconds: number;
  /** Seconds of load before the first round. */
  readonly warmup: number;
}

export interface SideSample {
  readonly cpuUsPerRequest: number;
  readonly requestsPerSecond: number;
  readonly p99Ms: number;
}

/** One subject: an algorithm of ours, or another proxy. */
export interface Cell {
  readonly name: string;
  readonly isOurs: boolean;
  readonly few: readonly SideSample[];
  readonly many: readonly SideSample[];
  /** Processor time a request before many over before few, a round each. */
  readonly ratios: readonly number[];
  readonly ratio: Interval;
  /** Of ours. */
  readonly rssMiB: { readonly few: number; readonly many: number } | null;
}

interface Side {
  readonly port: number;
  readonly pid: number;
  /** Routes and servers. */
  readonly services: number;
  emptyAccessLog(): void;
  rssBytes?(): number;
}

interface Pair {
  readonly name: string;
  readonly isOurs: boolean;
  readonly sides: readonly [Side, Side];
  readonly few: SideSample[];
  readonly many: SideSample[];
}

/** `peak_ewma:100` is that algorithm where each thread keeps to 100 servers. @throws SluiceError */
export function parseSubject(name: string): { readonly algorithm: string; readonly subset: number } {
  const [algorithm = '', subset = 'Infinity'] = name.split(':');
  if ((ALGORITHMS as readonly string[]).includes(algorithm) && Number(subset) >= 1)
    return { algorithm, subset: Number(subset) };
  throw new SluiceError('bench_option', `"${name}" is no algorithm, or has no number behind its colon`, {
    hint: `There are: ${ALGORITHMS.join(', ')}.`,
  });
}

const isPeer = (name: string): name is PeerName => (PEERS as readonly string[]).includes(name);

async function startSide(
  stage: Stage,
  stack: AsyncDisposableStack,
  name: string,
  servers: readonly string[],
): Promise<Side> {
  const services = servers.length;
  if (isPeer(name)) {
    const peer = stack.use(await startPeer(stage, name, servers));
    return { port: peer.port, pid: peer.pid, services, emptyAccessLog: () => peer.emptyAccessLog() };
  }
  const { algorithm, subset } = parseSubject(name);
  const input = scaleInput({
    routes: services,
    servers,
    algorithm,
    ...(subset < services ? { subset } : {}),
  });
  const folder = stage.newFolder(`${algorithm}-${services}`);
  const daemon = stack.use(await DaemonProcess.start(folder, input, [], stage.cores.subject));
  return {
    ...{ port: daemon.port('web'), pid: daemon.pid, services },
    emptyAccessLog: () => daemon.emptyAccessLog(),
    rssBytes: () => daemon.rssBytes(),
  };
}

async function load(stage: Stage, side: Side, seconds: number, round: number): Promise<SideSample> {
  side.emptyAccessLog();
  const before = readCpu(side.pid);
  const result = await runWrk({
    url: `http://127.0.0.1:${side.port}/`,
    ...{ mix: 'services', services: side.services, connections: CONNECTIONS, seconds, seed: round + 1 },
    ...{ cores: stage.cores.load, bodyBytes: ANSWER_BYTES, signal: stage.signal },
  });
  return {
    cpuUsPerRequest: cpuBetweenUs(before, readCpu(side.pid)) / result.requests,
    requestsPerSecond: result.requests / result.seconds,
    p99Ms: result.p99Ms,
  };
}

async function loadBoth(stage: Stage, { sides, few, many }: Pair, seconds: number, round: number) {
  // Who is started first is first on the core for a moment.
  const isTurned = round % 2 !== 0;
  const order = isTurned ? [...sides].reverse() : sides;
  const samples = await Promise.all(order.map((side) => load(stage, side, seconds, round)));
  if (isTurned) samples.reverse();
  few.push(samples[0] as SideSample);
  many.push(samples[1] as SideSample);
}

/** @param names as of `parseSubject`, and of `PEERS` */
export async function measureCells(
  stage: Stage,
  names: readonly string[],
  addresses: readonly string[],
  options: CellOptions,
): Promise<Cell[]> {
  await using stack = new AsyncDisposableStack();
  const pairs: Pair[] = [];
  for (const name of names) {
    stage.say(name);
    const few = await startSide(stage, stack, name, addresses.slice(0, options.few));
    const many = await startSide(stage, stack, name, addresses.slice(0, options.many));
    const pair: Pair = { name, isOurs: !isPeer(name), sides: [few, many], few: [], many: [] };
    await loadBoth(stage, pair, options.warmup, 0);
    pair.few.length = pair.many.length = 0;
    pairs.push(pair);
  }
  for (let round = 0; round < options.rounds; round++) {
    stage.say(`round ${round + 1} of ${options.rounds}`);
    for (const pair of pairs) await loadBoth(stage, pair, options.seconds, round);
  }
  return pairs.map(cellOf);
}

function cellOf({ name, isOurs, sides, few, many }: Pair): Cell {
  const cpu = (samples: readonly SideSample[]): number[] => samples.map((it) => it.cpuUsPerRequest);
  const ratios = pairedRatios(cpu(many), cpu(few));
  const [ofFew, ofMany] = sides.map((side) => side.rssBytes?.() ?? 0);
  const rssMiB = isOurs ? { few: (ofFew ?? 0) / MIB, many: (ofMany ?? 0) / MIB } : null;
  return { name, isOurs, few, many, ratios, ratio: medianInterval(ratios), rssMiB };
}
