/**
 * Which way of choosing a server serves clients best when one server is slow: three servers, one of them with ten
 * times the service time, loaded through Sluice at about half of what the fleet can do. Each algorithm has a Sluice
 * of its own; rounds are interleaved; spread is counted by the servers themselves.
 */
import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/kernel/clock.ts';
import { SluiceError } from '../src/kernel/errors.ts';
import { runBench, stopSignal } from './entry.ts';
import { ALGORITHMS, fleetConfig } from './fleet/config.ts';
import { type Fleet, startFleet } from './fleet/fleet.ts';
import { runWrk } from './load/wrk.ts';
import { orderOfRound } from './plan.ts';
import { figure, intervalNote, textTable, withInterval } from './report/table.ts';
import { footerOf, writeChart, writeJson } from './report/write.ts';
import { openStage, type Stage } from './stage.ts';
import { type Interval, medianInterval } from './stats.ts';
import { MAIN_PATH, sluice } from './subjects/sluice.ts';
import { describeMachine } from './system/machine.ts';
import { freePorts } from './system/ports.ts';
import { waitForAnswer } from './system/probe.ts';
import { startProcess } from './system/process.ts';

const RESULTS = fileURLToPath(new URL('results/', import.meta.url));
const WORKERS = 8;
const FAST_MS = 4;
const SLOW_TIMES = 10;
const PAUSE_MS = 40;

const HELP = `node bench/balance-live.ts [options]

  --algorithms LIST  names as in the configuration (default ${ALGORITHMS.join(',')});
                       weighted knows the slow server: 10, 10, 1
  --rounds N         interleaved rounds (default 9)
  --seconds N        of one measurement (default 5)
  --connections N    clients, each of which waits ${PAUSE_MS} ms in the mean between requests (default 96)
  --json FILE        where the figures go (default bench/results/balance-live.json); a chart is written beside it
  --help             this
`;

interface Settings {
  readonly algorithms: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
  readonly jsonPath: string;
}

interface Run {
  readonly algorithm: string;
  readonly round: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Part of the requests that each server answered, 0 to 1. */
  readonly shares: readonly number[];
}

interface Row {
  readonly algorithm: string;
  readonly p50Ms: Interval;
  readonly p99Ms: Interval;
  readonly requestsPerSecond: Interval;
  readonly shares: readonly Interval[];
}

interface Balanced extends AsyncDisposable {
  readonly algorithm: string;
  readonly port: number;
}

function readSettings(): Settings | undefined {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: {
      ...{ algorithms: text, rounds: text, seconds: text, connections: text, json: text },
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) return undefined;
  const number = (given: string | undefined, normally: number): number => {
    const value = given === undefined ? normally : Number(given);
    if (Number.isInteger(value) && value > 0) return value;
    throw new SluiceError('bench_option', `"${given}" is not a whole number from 1 on`);
  };
  return {
    algorithms: values.algorithms?.split(',').map((name) => name.trim()) ?? ALGORITHMS,
    rounds: number(values.rounds, 9),
    seconds: number(values.seconds, 5),
    connections: number(values.connections, 96),
    jsonPath: values.json ?? `${RESULTS}balance-live.json`,
  };
}

async function startBalanced(stage: Stage, fleet: Fleet, algorithm: string): Promise<Balanced> {
  const folder = stage.newFolder(algorithm);
  const [port = 0, adminPort = 0] = await freePorts(2);
  const configPath = join(folder, 'sluice.yaml');
  writeFileSync(configPath, fleetConfig(algorithm, fleet.servers, port, adminPort));
  const running = await startProcess(
    {
      name: `sluice with ${algorithm}`,
      command: process.execPath,
      args: [MAIN_PATH, 'run', '--config', configPath],
      cores: stage.cores.subject,
      cwd: folder,
      outPath: join(folder, 'stdout.log'),
      errPath: join(folder, 'stderr.log'),
    },
    stage.clock,
  );
  try {
    await waitForAnswer(running, `http://127.0.0.1:${port}/healthz`, stage.clock);
  } catch (thrown) {
    await running.stop();
    throw thrown;
  }
  return { algorithm, port, [Symbol.asyncDispose]: running.stop };
}

async function measureOne(
  stage: Stage,
  fleet: Fleet,
  { algorithm, port }: Balanced,
  round: number,
  settings: Pick<Settings, 'seconds' | 'connections'>,
): Promise<Run> {
  await fleet.drained();
  const before = await fleet.served();
  const load = await runWrk({
    ...settings,
    url: `http://127.0.0.1:${port}/work`,
    mix: 'clients',
    seed: round + 1,
    cores: stage.cores.load,
    pauseMs: PAUSE_MS,
    bodyBytes: 3,
    signal: stage.signal,
  });
  await fleet.drained();
  const counts = (await fleet.served()).map((served, index) => served - (before[index] ?? 0));
  const all = counts.reduce((sum, count) => sum + count, 0);
  return {
    algorithm,
    round,
    requestsPerSecond: load.requests / load.seconds,
    p50Ms: load.p50Ms,
    p99Ms: load.p99Ms,
    shares: counts.map((count) => count / all),
  };
}

function summarise(runs: readonly Run[], servers: number): Row[] {
  return [...new Set(runs.map(({ algorithm }) => algorithm))].map((algorithm) => {
    const mine = runs.filter((run) => run.algorithm === algorithm);
    return {
      algorithm,
      p50Ms: medianInterval(mine.map((run) => run.p50Ms)),
      p99Ms: medianInterval(mine.map((run) => run.p99Ms)),
      requestsPerSecond: medianInterval(mine.map((run) => run.requestsPerSecond)),
      shares: Array.from({ length: servers }, (_, index) =>
        medianInterval(mine.map((run) => run.shares[index] ?? 0)),
      ),
    };
  });
}

async function report(
  settings: Settings,
  fleet: Fleet,
  runs: readonly Run[],
  command: string,
): Promise<void> {
  const rows = summarise(runs, fleet.servers.length);
  const head = ['algorithm', 'p50 ms', 'p99 ms', 'requests/s', ...fleet.servers.map(({ name }) => name)];
  const lines = rows.map((row) => [
    row.algorithm,
    withInterval(row.p50Ms),
    withInterval(row.p99Ms),
    figure(row.requestsPerSecond.median),
    ...row.shares.map(({ median }) => `${(median * 100).toFixed(1)} %`),
  ]);
  const machine = await describeMachine();
  const when = new Date(systemClock.wallMs()).toISOString();
  const footer = footerOf(machine, command, when);
  const first = rows[0];
  const note = first === undefined ? '' : intervalNote(first.p99Ms);
  process.stdout.write(`\n${textTable(head, lines)}\n\n${note}\n${footer.join('\n')}\n`);
  writeJson(settings.jsonPath, { when, command, machine, settings, servers: fleet.servers, rows, runs });
  const panels = (['p50Ms', 'p99Ms'] as const).map((key) => ({
    title: key === 'p50Ms' ? 'Half of the requests are faster than' : '99 of 100 requests are faster than',
    unit: 'ms',
    bars: rows.map((row) => ({ label: row.algorithm, value: row[key].median, ...row[key], isOurs: false })),
  }));
  const slow = fleet.servers.length - 1;
  const slowShare = rows.flatMap(({ algorithm, shares }) => {
    const share = shares[slow];
    if (share === undefined) return [];
    const [value, low, high] = [share.median * 100, share.low * 100, share.high * 100];
    return [{ label: algorithm, value, low, high, isOurs: false }];
  });
  const chartPath = settings.jsonPath.replace(/\.json$/, '.svg');
  writeChart(chartPath, {
    title: 'Three servers, one of them ten times slower',
    subtitle: `median of ${settings.rounds} interleaved rounds; the slow server has 1/21 of the fleet's capacity`,
    panels: [...panels, { title: 'What the slow server got', unit: '% of requests', bars: slowShare }],
    columns: 2,
    footer,
  });
  const paths = [settings.jsonPath, chartPath].map((path) => relative(process.cwd(), path));
  process.stdout.write(`\nwritten: ${paths.join(', ')}\n`);
}

async function main(): Promise<void> {
  const settings = readSettings();
  if (settings === undefined) {
    process.stdout.write(HELP);
    return;
  }
  const absence = sluice.absence?.();
  if (absence !== undefined) throw new SluiceError('bench_absent', `there is nothing to measure: ${absence}`);
  const say = (line: string): void => void process.stderr.write(`balance: ${line}\n`);
  await using stage = await openStage(systemClock, stopSignal(), say);
  await using fleet = await startFleet(stage, [FAST_MS, FAST_MS, FAST_MS * SLOW_TIMES], WORKERS);
  await using running = new AsyncDisposableStack();
  const balanced: Balanced[] = [];
  for (const algorithm of settings.algorithms) {
    balanced.push(running.use(await startBalanced(stage, fleet, algorithm)));
  }
  const runs: Run[] = [];
  for (const one of balanced) await measureOne(stage, fleet, one, 0, { ...settings, seconds: 1 });
  for (let round = 0; round < settings.rounds; round++) {
    say(`round ${round + 1} of ${settings.rounds}`);
    for (const one of orderOfRound(balanced, round)) {
      runs.push(await measureOne(stage, fleet, one, round, settings));
    }
  }
  const args = process.argv.slice(2);
  await report(settings, fleet, runs, ['node bench/balance-live.ts', ...args].join(' '));
}

await runBench('balance', main);
