/**
 * Which way of choosing a server serves clients best when servers are not alike: simulated fleets, our own pools before
 * them (balance/simulate.ts). The default algorithm is chosen by this. `balance-live.ts` measures one such fleet for real.
 */
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/kernel/clock.ts';
import { SluiceError } from '../src/kernel/errors.ts';
import { ALGORITHMS, type AlgorithmName } from '../src/pool/index.ts';
import { SCENARIOS, type Scenario } from './balance/scenarios.ts';
import { type Simulated, simulate } from './balance/simulate.ts';
import { runBench } from './entry.ts';
import type { Bar, Panel } from './report/chart.ts';
import { figure, textTable, withInterval } from './report/table.ts';
import { footerOf, writeChart, writeJson } from './report/write.ts';
import { type Interval, median, medianInterval } from './stats.ts';
import { describeMachine } from './system/machine.ts';

const RESULTS = fileURLToPath(new URL('results/', import.meta.url));
/** `weighted` is another name of `round_robin`. */
const COMPARED: readonly AlgorithmName[] = ALGORITHMS.filter((name) => name !== 'weighted');
/** A bar that is longer than so many times the middle one is cut off. */
const CUT_AT = 4;

const HELP = `node bench/balance.ts [options]

  --algorithms LIST  names as in the configuration (default ${COMPARED.join(',')})
  --scenarios LIST   of ${SCENARIOS.map(({ name }) => name).join(', ')} (default all)
  --seeds N          simulated minutes for each of them (default 7)
  --json FILE        where the figures go (default bench/results/balance.json); a chart is written beside it
  --help             this
`;

interface Settings {
  readonly algorithms: readonly AlgorithmName[];
  readonly scenarios: readonly Scenario[];
  readonly seeds: number;
  readonly jsonPath: string;
}

interface Row {
  readonly algorithm: AlgorithmName;
  readonly p50Ms: Interval;
  readonly p99Ms: Interval;
  /** Of all requests, 0 to 1. */
  readonly errorShare: number;
  /** Of the server that is not like the others; undefined = there is none. */
  readonly oddShare: number | undefined;
}

interface Result {
  readonly scenario: Scenario;
  readonly rows: readonly Row[];
}

function readSettings(): Settings | undefined {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: { algorithms: text, scenarios: text, seeds: text, json: text, help: { type: 'boolean' } },
  });
  if (values.help === true) return undefined;
  const seeds = Number(values.seeds ?? 7);
  if (!(Number.isInteger(seeds) && seeds > 0))
    throw new SluiceError('bench_option', `"${values.seeds}" is not a whole number from 1 on`);
  const chosen = <T>(
    given: string | undefined,
    known: readonly T[],
    nameOf: (one: T) => string,
  ): readonly T[] => {
    if (given === undefined) return known;
    return given.split(',').map((name) => {
      const found = known.find((one) => nameOf(one) === name.trim());
      if (found !== undefined) return found;
      throw new SluiceError('bench_option', `there is no "${name}"`, {
        hint: `There are: ${known.map(nameOf).join(', ')}.`,
      });
    });
  };
  return {
    algorithms: chosen(values.algorithms, COMPARED, (name) => name),
    scenarios: chosen(values.scenarios, SCENARIOS, ({ name }) => name),
    seeds,
    jsonPath: values.json ?? `${RESULTS}balance.json`,
  };
}

function rowOf(algorithm: AlgorithmName, { odd }: Scenario, runs: readonly Simulated[]): Row {
  return {
    algorithm,
    p50Ms: medianInterval(runs.map((run) => run.p50Ms)),
    p99Ms: medianInterval(runs.map((run) => run.p99Ms)),
    errorShare: median(runs.map((run) => run.errorShare)),
    oddShare: odd === undefined ? undefined : median(runs.map((run) => run.shares[odd] ?? 0)),
  };
}

const percent = (share: number | undefined): string =>
  share === undefined ? '' : `${(share * 100).toFixed(share > 0 && share < 0.1 ? 2 : 1)} %`;

function tableOf({ scenario, rows }: Result): string {
  const odd = scenario.odd === undefined ? '' : `to ${scenario.servers[scenario.odd]?.id}`;
  const head = ['algorithm', 'p50 ms', 'p99 ms', 'failed', odd];
  const lines = rows.map((row) => [
    row.algorithm,
    withInterval(row.p50Ms),
    withInterval(row.p99Ms),
    percent(row.errorShare),
    percent(row.oddShare),
  ]);
  return `${scenario.title} (${figure(scenario.requestsPerS)} requests/s)\n${textTable(head, lines)}\n`;
}

/** The default stands out; what runs away is cut off, with its figure behind it. */
function panelsOf({ scenario, rows }: Result): Panel[] {
  const cut = CUT_AT * median(rows.map((row) => row.p99Ms.median));
  const bar = (row: Row, value: number, note: string): Bar => ({
    ...{ label: row.algorithm, value, low: value, high: value, note },
    isOurs: row.algorithm === 'peak_ewma',
  });
  const times = rows.map((row) => bar(row, Math.min(cut, row.p99Ms.median), figure(row.p99Ms.median)));
  const failed = scenario.name === 'failing';
  const shares = rows.map((row) => {
    const share = failed ? row.errorShare : (row.oddShare ?? 0);
    return bar(row, share * 100, percent(share));
  });
  const name = scenario.odd === undefined ? '' : scenario.servers[scenario.odd]?.id;
  const second: Panel = {
    title: failed ? 'requests that failed' : `what “${name}” got`,
    unit: '%',
    bars: shares,
  };
  const half: Panel = {
    ...{ title: `${scenario.title}: p50`, unit: 'ms' },
    bars: rows.map((row) => bar(row, Math.min(cut, row.p50Ms.median), figure(row.p50Ms.median))),
  };
  const first: Panel = { title: `${scenario.title}: p99`, unit: 'ms', bars: times };
  return [first, scenario.odd === undefined ? half : second];
}

async function main(): Promise<void> {
  const settings = readSettings();
  if (settings === undefined) {
    process.stdout.write(HELP);
    return;
  }
  const results: Result[] = [];
  for (const scenario of settings.scenarios) {
    process.stderr.write(`balance: ${scenario.name}\n`);
    const rows = settings.algorithms.map((algorithm) => {
      const seeds = Array.from({ length: settings.seeds }, (_, i) => i + 1);
      return rowOf(
        algorithm,
        scenario,
        seeds.map((seed) => simulate(scenario, algorithm, seed)),
      );
    });
    const result = { scenario, rows };
    results.push(result);
    process.stdout.write(`${tableOf(result)}\n`);
  }
  const machine = await describeMachine();
  const when = new Date(systemClock.wallMs()).toISOString();
  const command = ['node bench/balance.ts', ...process.argv.slice(2)].join(' ');
  writeJson(settings.jsonPath, {
    ...{ when, command, seeds: settings.seeds },
    results: results.map(({ scenario, rows }) => ({ scenario: scenario.name, title: scenario.title, rows })),
  });
  const chartPath = settings.jsonPath.replace(/\.json$/, '.svg');
  writeChart(chartPath, {
    title: 'Ways of choosing a server, on fleets that are not even',
    subtitle: `simulated: two threads, half of what the sound servers can do; median of ${settings.seeds} minutes; long bars are cut off`,
    panels: results.flatMap(panelsOf),
    columns: 2,
    footer: footerOf(machine, command, when),
  });
  const paths = [settings.jsonPath, chartPath].map((path) => relative(process.cwd(), path));
  process.stdout.write(`written: ${paths.join(', ')}\n`);
}

await runBench('balance', main);
