/**
 * `npm run bench`: what a request costs Sluice and its peers, in one run on this machine. bench/README.md has the
 * method. Tables go to standard output, progress to standard error, figures and charts to bench/results/.
 */
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../src/kernel/clock.ts';
import { errorText, SluiceError } from '../src/kernel/errors.ts';
import { runBench } from './entry.ts';
import { runAutocannon } from './load/autocannon.ts';
import { runWrk } from './load/wrk.ts';
import type { Sample } from './measure.ts';
import { HELP, type Options, type Part, readOptions } from './options.ts';
import { measureConnections } from './parts/connections.ts';
import { measureH2 } from './parts/h2.ts';
import { type LatencyResult, measureLatency } from './parts/latency.ts';
import { measureRounds } from './parts/rounds.ts';
import { measureStartup } from './parts/startup.ts';
import { measureThreads, ONE_THREAD, TWO_THREADS } from './parts/threads.ts';
import { CASES, cellsOf } from './plan.ts';
import { cellTable, intervalNote, judgementTable } from './report/table.ts';
import { cpuPanels, footerOf, ratePanels, writeChart, writeJson } from './report/write.ts';
import { openStage, type Stage } from './stage.ts';
import { quantile } from './stats.ts';
import { EXTRA_SUBJECTS, SUBJECTS } from './subjects/index.ts';
import { sluice } from './subjects/sluice.ts';
import type { RunningSubject, Subject } from './subjects/subject.ts';
import {
  type CellSummary,
  type Judgement,
  judgeCpu,
  judgeH2,
  judgeLatency,
  judgeStartup,
  judgeThreads,
  OURS,
  summarise,
} from './summary.ts';
import { describeMachine } from './system/machine.ts';

const RESULTS = fileURLToPath(new URL('results/', import.meta.url));
const DAEMONS: readonly string[] = ['nginx', 'haproxy', 'sluice'];
/** Above this part of the subject's core used by others, figures are marked. */
const QUIET_LIMIT = 0.05;

/** Everything that a run found; what was not asked for is empty. */
interface Findings {
  readonly cpu: Sample[];
  readonly users: Sample[];
  readonly latency: LatencyResult[];
  readonly connections: Sample[];
  readonly h2: Sample[];
  readonly threads: Sample[];
  readonly startupMs: number[];
  readonly absent: string[];
  /** Parts that ended with an error; what others found is still reported. */
  readonly failed: string[];
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function say(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}

/** Runs a part; its failure is kept for the report, unless the whole run is to end. */
async function guarded(
  stage: Stage,
  part: string,
  found: Findings,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    stage.signal.throwIfAborted();
    const hint = thrown instanceof SluiceError && thrown.hint !== undefined ? `\n  ${thrown.hint}` : '';
    found.failed.push(`${part}: ${errorText(thrown)}${hint}`);
    say(`FAILED ${part}`);
  }
}

/** Starts those that can take part; one that is absent is told and left out, one that fails to start is an error. */
async function startSubjects(
  stage: Stage,
  subjects: readonly Subject[],
  running: AsyncDisposableStack,
  absent: string[],
): Promise<RunningSubject[]> {
  const started: RunningSubject[] = [];
  for (const subject of subjects) {
    const absence = subject.absence?.();
    if (absence === undefined) {
      say(`starting ${subject.name}: ${subject.about}`);
      started.push(running.use(await stage.start(subject)));
    } else {
      absent.push(`${subject.name}: ${absence}`);
      say(`WITHOUT ${subject.name}: ${absence}`);
    }
  }
  return started;
}

/** Parts in which the proxies run side by side. */
const SIDE_BY_SIDE: readonly Part[] = ['cpu', 'users', 'latency', 'connections'];

async function measureSideBySide(
  stage: Stage,
  options: Options,
  subjects: readonly Subject[],
  found: Findings,
): Promise<void> {
  if (!options.parts.some((part) => SIDE_BY_SIDE.includes(part))) return;
  await using running = new AsyncDisposableStack();
  const started = await startSubjects(stage, subjects, running, found.absent);
  const { pairs: rounds, seconds, warmupSeconds, quietLimit } = options;
  const cells = cellsOf(options.cases, options.mixes);
  const plan = { cells, rounds, seconds, warmupSeconds, quietLimit };
  if (options.parts.includes('cpu')) {
    await guarded(stage, 'cpu', found, async () => {
      found.cpu.push(...(await measureRounds(stage, started, { ...plan, generate: runWrk })));
    });
  }
  if (options.parts.includes('users')) {
    await guarded(stage, 'users', found, async () => {
      found.users.push(...(await measureRounds(stage, started, { ...plan, generate: runAutocannon })));
    });
  }
  if (options.parts.includes('connections')) {
    // Of the libraries nobody asks what a handshake costs; with --only they can be.
    const daemons = started.filter(({ name }) => options.only !== undefined || DAEMONS.includes(name));
    await guarded(stage, 'connections', found, async () => {
      found.connections.push(...(await measureConnections(stage, daemons, plan)));
    });
  }
  if (!options.parts.includes('latency')) return;
  for (const one of options.cases.filter(({ body }) => body === 'small')) {
    const cell = { case: one, mix: 'alike' } as const;
    const peers = ['nginx', 'haproxy'];
    await guarded(stage, `latency, ${one.name}`, found, async () => {
      found.latency.push(await measureLatency(stage, started, { cell, peers, rounds, seconds }));
    });
  }
}

async function measureHttp2(stage: Stage, options: Options, found: Findings): Promise<void> {
  if (!options.parts.includes('h2')) return;
  const { pairs: rounds, seconds, warmupSeconds, quietLimit, only } = options;
  await guarded(stage, 'h2', found, async () => {
    const plan = { rounds, seconds, warmupSeconds, quietLimit };
    found.h2.push(...(await measureH2(stage, only, found.absent, plan)));
  });
}

/** The parts that only Sluice can have. */
async function measureOurs(stage: Stage, options: Options, found: Findings): Promise<void> {
  const wanted = options.parts.filter((part) => part === 'threads' || part === 'startup');
  if (wanted.length === 0 || (options.only !== undefined && !options.only.includes(OURS))) return;
  const absence = sluice.absence?.();
  if (absence !== undefined) {
    found.absent.push(`${wanted.join(', ')}: ${absence}`);
    return;
  }
  const { pairs: rounds, seconds } = options;
  if (wanted.includes('threads')) {
    const cells = CASES.filter(({ body }) => body === 'small').map(
      (one) => ({ case: one, mix: 'varied' }) as const,
    );
    await guarded(stage, 'threads', found, async () => {
      found.threads.push(...(await measureThreads(stage, { cells, rounds, seconds })));
    });
  }
  if (wanted.includes('startup')) {
    await guarded(stage, 'startup', found, async () => {
      found.startupMs.push(...(await measureStartup(stage, options.launcherNode, rounds)));
    });
  }
}

function printCells(title: string, cells: readonly CellSummary[]): void {
  if (cells.length === 0) return;
  print(`\n== ${title} ==`);
  for (const cell of cells) print(`\n${cellTable(cell)}`);
  const interval = cells[0]?.rows[0]?.cpuUs;
  if (interval !== undefined) print(`\n${intervalNote(interval)}`);
}

function judgeAll(found: Findings): Judgement[] {
  return [
    ...judgeCpu(found.cpu),
    ...found.latency.flatMap(({ samples }) => judgeLatency(samples)),
    ...judgeH2(found.h2),
    ...judgeThreads(found.threads, ONE_THREAD, TWO_THREADS),
    ...judgeStartup(found.startupMs),
  ];
}

/** How much others used the measured core; undefined when it was next to nothing. */
function noiseOf(samples: readonly Sample[]): string | undefined {
  if (samples.length === 0) return undefined;
  const shares = samples.map((sample) => sample.foreignShare);
  const [usual, worst] = [quantile(shares, 0.5), quantile(shares, 1)].map(
    (share) => `${(share * 100).toFixed(0)} %`,
  );
  if (quantile(shares, 0.5) <= QUIET_LIMIT) return undefined;
  return `NOISY: others used ${usual} of the measured core in the median, ${worst} at worst. Do not quote these figures.`;
}

async function report(options: Options, found: Findings, command: string): Promise<void> {
  const machine = await describeMachine();
  const when = new Date(systemClock.wallMs()).toISOString();
  const names = [...SUBJECTS, ...EXTRA_SUBJECTS].map(({ name }) => name);
  const summaries = {
    cpu: summarise(found.cpu, names),
    users: summarise(found.users, names),
    latency: found.latency.flatMap(({ samples }) => summarise(samples, names)),
    connections: summarise(found.connections, names),
    h2: summarise(found.h2, names),
    threads: summarise(found.threads, [ONE_THREAD, TWO_THREADS]),
  };
  const judgements = judgeAll(found);
  const footer = footerOf(machine, command, when);
  printCells('processor time of the proxy, wrk as load', summaries.cpu);
  printCells('as autocannon shows it', summaries.users);
  for (const { rate, connections, tooSlow } of found.latency) {
    const left = tooSlow.map(({ subject, peak }) => `${subject} (peak ${Math.round(peak)}/s)`);
    print(
      `\nlatency at ${Math.round(rate)} requests/s over ${connections} connections; too slow for it: ${left.join(', ') || 'none'}`,
    );
  }
  printCells('latency at a common rate', summaries.latency);
  printCells('a connection a request', summaries.connections);
  printCells('HTTP/2, h2load', summaries.h2);
  printCells('two data threads against one', summaries.threads);
  if (judgements.length > 0) print(`\n== figures to reach ==\n\n${judgementTable(judgements)}`);
  const noise = noiseOf(found.cpu);
  for (const absent of found.absent) print(`\nWITHOUT ${absent}`);
  for (const failure of found.failed) print(`\nFAILED ${failure}`);
  if (noise !== undefined) print(`\n${noise}`);
  print(`\n${footer.join('\n')}`);

  const isWhole = options.isFull && found.absent.length + found.failed.length === 0;
  const jsonPath = options.jsonPath ?? `${RESULTS}${isWhole ? 'bench' : 'trial'}.json`;
  const base = jsonPath.replace(/\.json$/, '');
  const about = [...SUBJECTS, ...EXTRA_SUBJECTS].map((subject) => ({
    name: subject.name,
    about: subject.about,
  }));
  writeJson(jsonPath, { when, command, machine, about, noise, judgements, ...summaries, samples: found });
  const paths = [jsonPath];
  for (const [name, panels, title] of [
    ['cpu', cpuPanels(summaries.cpu, OURS), 'What one request costs the proxy'],
    ['users', ratePanels(summaries.users, OURS), 'Requests a second, as autocannon sees them'],
    [
      'connections',
      cpuPanels(summaries.connections, OURS),
      'What a connection with one request costs the proxy',
    ],
    ['h2', cpuPanels(summaries.h2, OURS), 'What one request over HTTP/2 costs the proxy'],
  ] as const) {
    if (panels.length === 0) continue;
    const rounds = `median of ${options.pairs} interleaved rounds`;
    const interval = options.pairs < 6 ? 'lowest and highest' : '95 % interval';
    const subtitle = `${rounds}, ${interval}; proxy on a core of its own`;
    writeChart(`${base}-${name}.svg`, {
      title,
      subtitle,
      panels,
      columns: Math.min(2, panels.length),
      footer,
    });
    paths.push(`${base}-${name}.svg`);
  }
  print(`\nwritten: ${paths.map((path) => relative(process.cwd(), path)).join(', ')}`);
}

async function main(): Promise<void> {
  const known = [...SUBJECTS, ...EXTRA_SUBJECTS];
  const args = process.argv.slice(2);
  const options = readOptions(
    args,
    known.map(({ name }) => name),
  );
  if (options.wantsHelp) {
    print(HELP);
    return;
  }
  const subjects =
    options.only === undefined ? SUBJECTS : known.filter(({ name }) => options.only?.includes(name));
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => stop.abort(new SluiceError('bench_interrupted', `ended by ${name}`)));
  }
  const limit = systemClock.setTimer(options.limitMinutes * 60_000, () =>
    stop.abort(
      new SluiceError('bench_limit', `not done after ${options.limitMinutes} minutes`, {
        hint: 'raise --limit, or ask for less with --cases, --parts, --pairs',
      }),
    ),
  );
  const found: Findings = {
    cpu: [],
    users: [],
    latency: [],
    connections: [],
    h2: [],
    threads: [],
    startupMs: [],
    absent: [],
    failed: [],
  };
  try {
    await using stage = await openStage(systemClock, stop.signal, say);
    await measureSideBySide(stage, options, subjects, found);
    await measureHttp2(stage, options, found);
    await measureOurs(stage, options, found);
  } catch (thrown) {
    throw stop.signal.aborted ? stop.signal.reason : thrown;
  } finally {
    limit.cancel();
  }
  await report(options, found, `npm run bench${args.length > 0 ? ` -- ${args.join(' ')}` : ''}`);
  if (found.failed.length > 0) process.exitCode = 1;
}

await runBench('bench', main);
