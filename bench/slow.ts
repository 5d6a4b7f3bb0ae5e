/**
 * `node bench/slow.ts`: what slow clients cost the others. Each mode of slowhttptest, and a flood of idle connections, runs
 * for a bounded time against one daemon with its defaults; beside it another client asks all the time, and before it for as
 * long with nobody there. The same with nginx: slow readers of large answers alone keep two cores busy, so what
 * is judged is what Sluice adds to that. Exit code 1 when the other client's 99th percentile is more than twice as long as
 * without slow ones and more than twice nginx's beside them, or when a mode takes the service down.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/kernel/clock.ts';
import { SluiceError } from '../src/kernel/errors.ts';
import { runBench } from './entry.ts';
import { textTable } from './report/table.ts';
import { writeJson } from './report/write.ts';
import { MODES, type Mode, type Slow } from './slow/modes.ts';
import { type Probed, probeFor } from './slow/probe.ts';
import { openStage, type Stage } from './stage.ts';
import { nginx } from './subjects/nginx.ts';
import { sluice } from './subjects/sluice.ts';
import type { RunningSubject } from './subjects/subject.ts';
import { describeMachine } from './system/machine.ts';

const RESULTS = fileURLToPath(new URL('results/slow.json', import.meta.url));
/** Beyond these the machine is tested and not Sluice. */
const MOST = { connections: 4000, seconds: 120 };
const MAX_RATIO = 2;
/** Below that a difference is that of the scheduler. */
const NOISE_MS = 2;

const HELP = `node bench/slow.ts [options]

  --connections N  of the slow clients (default 1000, at most ${MOST.connections})
  --seconds N      of each mode (default 20, at most ${MOST.seconds})
  --json FILE      where the figures go (default bench/results/slow.json)
  --help           this
`;

interface Row {
  readonly mode: string;
  readonly about: string;
  readonly seen: string;
  readonly without: Probed;
  readonly during: Probed;
  readonly ratio: number;
  /** The other client's times when it is nginx that has the slow ones. */
  readonly nginx: Probed;
}

function readSettings(): (Slow & { readonly jsonPath: string }) | undefined {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: { connections: text, seconds: text, json: text, help: { type: 'boolean' } },
  });
  if (values.help === true) return undefined;
  const number = (name: keyof typeof MOST, normally: number): number => {
    const value = values[name] === undefined ? normally : Number(values[name]);
    if (Number.isInteger(value) && value > 0 && value <= MOST[name]) return value;
    throw new SluiceError('bench_option', `--${name}: "${values[name]}" is not from 1 to ${MOST[name]}`);
  };
  return {
    connections: number('connections', 1000),
    seconds: number('seconds', 20),
    jsonPath: values.json ?? RESULTS,
  };
}

/** How the other client fares beside a mode. */
async function beside(
  stage: Stage,
  subject: RunningSubject,
  mode: Mode,
  slow: Slow,
): Promise<[string, Probed]> {
  return Promise.all([
    mode.run(stage, subject, slow),
    probeFor(subject.plainPort, slow.seconds * 1000, stage.clock),
  ]);
}

async function measure(
  stage: Stage,
  subject: RunningSubject,
  peer: RunningSubject,
  slow: Slow,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const mode of MODES) {
    stage.say(`${mode.name}: ${mode.about}`);
    const without = await probeFor(subject.plainPort, slow.seconds * 1000, stage.clock);
    const [seen, during] = await beside(stage, subject, mode, slow);
    const ratio = during.p99Ms / without.p99Ms;
    stage.say(`${mode.name}, nginx`);
    const [, nginx] = await beside(stage, peer, mode, slow);
    rows.push({ mode: mode.name, about: mode.about, seen, without, during, ratio, nginx });
  }
  return rows;
}

function isBad({ during, without, ratio, seen, nginx }: Row): boolean {
  const isSlow = ratio > MAX_RATIO && during.p99Ms - without.p99Ms > NOISE_MS;
  return (isSlow && during.p99Ms > MAX_RATIO * nginx.p99Ms) || seen.endsWith('NO');
}

async function main(): Promise<void> {
  const settings = readSettings();
  if (settings === undefined) {
    process.stdout.write(HELP);
    return;
  }
  const limitMs = (settings.seconds * 3 + 60) * MODES.length * 1000;
  const say = (line: string): void => void process.stderr.write(`slow: ${line}\n`);
  await using stage = await openStage(systemClock, AbortSignal.timeout(limitMs), say);
  await using subject = await stage.start(sluice);
  await using peer = await stage.start(nginx);
  const rows = await measure(stage, subject, peer, settings);
  const head = ['slow clients', 'p50 ms', 'p99 ms', 'max ms', 'p99 without', 'ratio', 'p99 nginx', 'seen'];
  const table = rows.map(({ mode, seen, without, during, ratio, nginx: peers }) => [
    mode,
    ...[during.p50Ms, during.p99Ms, during.maxMs, without.p99Ms, ratio].map((value) => value.toFixed(2)),
    peers.p99Ms.toFixed(2),
    seen,
  ]);
  process.stdout.write(`${textTable(head, table)}\n`);
  const command = ['node bench/slow.ts', ...process.argv.slice(2)].join(' ');
  const when = new Date(systemClock.wallMs()).toISOString();
  writeJson(settings.jsonPath, { when, command, machine: await describeMachine(), rows });
  for (const row of rows.filter(isBad))
    process.stdout.write(`too slow beside ${row.mode}: ${row.ratio.toFixed(2)} times\n`);
  if (rows.some(isBad)) process.exitCode = 1;
}

await runBench('slow', main);
