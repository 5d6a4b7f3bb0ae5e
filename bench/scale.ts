/**
 * `node bench/scale.ts`: what 1 000 routes and 1 000 servers cost against 3 and 3 (bench/README.md). Two daemons on one core
 * are loaded at the same time by generators on another; a ratio is formed within a round. Then reloads of the large file
 * under load. Exit code 1 when something is beyond its limit with the whole of its interval.
 */
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../src/kernel/clock.ts';
import { errorText, SluiceError } from '../src/kernel/errors.ts';
import { numberOf, parseOptions } from './arguments.ts';
import { runBench, stopSignal } from './entry.ts';
import { textTable, withInterval } from './report/table.ts';
import { footerOf, writeChart, writeJson } from './report/write.ts';
import { type Cell, measureCells, parseSubject } from './scale/cells.ts';
import { scaleInput, serviceOf } from './scale/input.ts';
import { PEERS } from './scale/peers.ts';
import { measureReloads, type ReloadSample } from './scale/reloads.ts';
import { type ManyServers, startManyServers } from './scale/servers.ts';
import { Stranger } from './scale/stranger.ts';
import { openStage, type Stage } from './stage.ts';
import { type Interval, judge, medianInterval, pairedRatios, type Verdict } from './stats.ts';
import { DaemonProcess } from './system/daemon.ts';
import { describeMachine } from './system/machine.ts';

const RESULTS = fileURLToPath(new URL('results/', import.meta.url));
const ALGORITHMS = ['peak_ewma', 'peak_ewma:100', 'least_connections', 'round_robin', 'consistent_hash'];
const SMALL = 3;
/** Ratios, and milliseconds for the reload. */
const LIMITS = { cpuRatio: 1.1, reloadMs: 500, p99Ratio: 2 };

const HELP = `node bench/scale.ts [options]

  --algorithms LIST  of the pool; \`:N\` behind it: each thread keeps to N servers
                     (default ${ALGORITHMS.join(',')})
  --beside LIST      other proxies with as many servers, of ${PEERS.join(', ')} (default both; "" = none)
  --large N          routes and servers of the large file (default 1000)
  --rounds N         pairs in each cell (default 15)
  --seconds N        of one round (default 3)
  --warmup N         seconds of load before a cell's first round (default 6)
  --reloads N        of the large file, under load (default 20; 0 = none)
  --json FILE        where the figures go (default bench/results/scale.json); a chart is written beside it
  --help             this
`;

interface Settings {
  readonly algorithms: readonly string[];
  readonly beside: readonly string[];
  readonly large: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly warmup: number;
  readonly reloads: number;
  readonly jsonPath: string;
}

function readSettings(args: readonly string[]): Settings | undefined {
  const text = { type: 'string' } as const;
  const values = parseOptions(args, {
    ...{
      algorithms: text,
      beside: text,
      large: text,
      rounds: text,
      seconds: text,
      warmup: text,
      reloads: text,
      json: text,
    },
    help: { type: 'boolean' },
  });
  if (values.help === true) return undefined;
  const whole = (name: string, given: string | undefined, normally: number, least: number, most: number) =>
    given === undefined ? normally : Math.floor(numberOf(name, given, least, most));
  const list = (given: string | undefined, normally: readonly string[]): readonly string[] =>
    given
      ?.split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '') ?? normally;
  const algorithms = list(values.algorithms, ALGORITHMS);
  algorithms.forEach(parseSubject);
  const beside = list(values.beside, PEERS);
  const strange = beside.find((name) => !(PEERS as readonly string[]).includes(name));
  if (strange !== undefined)
    throw new SluiceError('bench_option', `--beside: there is no "${strange}"`, {
      hint: `There are: ${PEERS.join(', ')}.`,
    });
  return {
    algorithms,
    beside,
    large: whole('large', values.large, 1000, SMALL, 5000),
    rounds: whole('rounds', values.rounds, 15, 1, 200),
    seconds: whole('seconds', values.seconds, 3, 1, 60),
    warmup: whole('warmup', values.warmup, 6, 1, 60),
    reloads: whole('reloads', values.reloads, 20, 0, 200),
    jsonPath: values.json ?? `${RESULTS}scale.json`,
  };
}

async function reloadUnderLoad(
  stage: Stage,
  servers: ManyServers,
  settings: Settings,
): Promise<ReloadSample[]> {
  const inputOf = (turn: number) =>
    scaleInput({ routes: settings.large, servers: servers.addresses, algorithm: 'peak_ewma', turn });
  await using daemon = await DaemonProcess.start(stage.newFolder('reloads'), inputOf(0));
  const services = Array.from({ length: settings.large }, (_, n) => serviceOf(n));
  await using stranger = new Stranger();
  await stranger.ready();
  try {
    return await measureReloads(
      ...([stage.clock, daemon, services, settings.reloads] as const),
      (turn) => daemon.reloadTimed(inputOf(turn)),
      (ms) => stranger.keepBusy(ms),
    );
  } catch (thrown) {
    throw new SluiceError('bench_reload', `${errorText(thrown)}\n${daemon.lastWords()}`, { cause: thrown });
  }
}

interface Judged {
  readonly what: string;
  readonly value: Interval;
  readonly limit: number;
  readonly verdict: Verdict;
}

function judgeAll(cells: readonly Cell[], reloads: readonly ReloadSample[]): Judged[] {
  const all: Judged[] = [];
  const limited = (what: string, samples: readonly number[], limit: number): void => {
    const value = medianInterval(samples);
    all.push({ what, value, limit, verdict: judge(value, 'at most', limit) });
  };
  for (const { name, ratios } of cells.filter(({ isOurs }) => isOurs)) {
    limited(`processor time a request, ${name}`, ratios, LIMITS.cpuRatio);
    for (const peer of cells.filter(({ isOurs }) => !isOurs))
      limited(`  over what ${peer.name}’s becomes`, pairedRatios(ratios, peer.ratios), LIMITS.cpuRatio);
  }
  if (reloads.length === 0) return all;
  const during = reloads.map((it) => it.p99DuringMs);
  const over = (key: 'p99BeforeMs' | 'p99BesideMs'): number[] =>
    pairedRatios(
      during,
      reloads.map((it) => it[key]),
    );
  limited(
    'reload, ms',
    reloads.map((it) => it.tookMs),
    LIMITS.reloadMs,
  );
  limited('p99 in a reload over before it', over('p99BeforeMs'), LIMITS.p99Ratio);
  limited('  over beside a stranger as busy', over('p99BesideMs'), LIMITS.p99Ratio);
  return all;
}

function printTables(cells: readonly Cell[], judged: readonly Judged[], large: number): void {
  const us = (samples: Cell['few']): string =>
    withInterval(medianInterval(samples.map((it) => it.cpuUsPerRequest)));
  const head = ['', `CPU-us at ${SMALL}`, `at ${large}`, 'ratio', `RSS MiB at ${SMALL}`, `at ${large}`];
  const rows = cells.map(({ name, few, many, ratio, rssMiB }) => [
    name,
    us(few),
    us(many),
    withInterval(ratio),
    rssMiB?.few.toFixed(0) ?? '',
    rssMiB?.many.toFixed(0) ?? '',
  ]);
  const verdicts = judged.map(({ what, value, limit, verdict }) => [
    what,
    withInterval(value),
    `<= ${limit}`,
    verdict,
  ]);
  process.stdout.write(`${textTable(head, rows)}\n\n`);
  process.stdout.write(`${textTable(['to reach', 'measured', 'limit', 'verdict'], verdicts)}\n`);
}

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const settings = readSettings(args);
  if (settings === undefined) {
    process.stdout.write(HELP);
    return;
  }
  const say = (line: string): void => void process.stderr.write(`scale: ${line}\n`);
  await using stage = await openStage(systemClock, stopSignal(), say);
  const folder = stage.newFolder('servers');
  await using servers = await startManyServers(folder, settings.large, stage.cores.load, systemClock);
  const names = [...settings.algorithms, ...settings.beside];
  const cells = await measureCells(stage, names, servers.addresses, {
    ...{ few: SMALL, many: settings.large, rounds: settings.rounds },
    ...{ seconds: settings.seconds, warmup: settings.warmup },
  });
  if (settings.reloads > 0) say('reloads');
  const reloads = settings.reloads > 0 ? await reloadUnderLoad(stage, servers, settings) : [];
  const judged = judgeAll(cells, reloads);
  printTables(cells, judged, settings.large);
  const machine = await describeMachine();
  const when = new Date(systemClock.wallMs()).toISOString();
  const command = ['node bench/scale.ts', ...args].join(' ');
  const { jsonPath, ...said } = settings;
  writeJson(jsonPath, { when, command, machine, settings: said, judged, cells, reloads });
  const chartPath = jsonPath.replace(/(?:\.json)?$/, '.svg');
  writeChart(chartPath, {
    title: `${settings.large} routes and servers against ${SMALL} and ${SMALL}`,
    subtitle: `both loaded at the same time on one core; median of ${settings.rounds} rounds`,
    panels: (['few', 'many'] as const).map((side) => ({
      title: side === 'few' ? `${SMALL} routes, ${SMALL} servers` : `${settings.large} of each`,
      unit: 'CPU-µs a request',
      bars: cells.map((cell) => {
        const { median: value, low, high } = medianInterval(cell[side].map((it) => it.cpuUsPerRequest));
        return { label: cell.name, value, low, high, isOurs: cell.isOurs };
      }),
    })),
    columns: 2,
    footer: footerOf(machine, command, when),
  });
  const paths = [jsonPath, chartPath].map((path) => relative(process.cwd(), path));
  process.stdout.write(`\nwritten: ${paths.join(', ')}\n`);
  if (judged.some(({ verdict }) => verdict === 'missed')) process.exitCode = 1;
}

await runBench('scale', main);
