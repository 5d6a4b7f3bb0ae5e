/**
 * Where a request's time goes: Sluice (or a library of Node) under load with V8's sampling profiler, summed by
 * function and by part, for each of its threads. Only samples of the measured load count; start and warm-up do not.
 *
 * "native: …" is time inside a call from JavaScript into Node's C++ (most of `writev` is the kernel's TCP);
 * "(program)" is native code that no JavaScript called: the event loop, reads, TLS records.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/kernel/clock.ts';
import { SluiceError } from '../src/kernel/errors.ts';
import { runBench, stopSignal } from './entry.ts';
import { measure, type Sample } from './measure.ts';
import { CASES, type Cell, MIXES } from './plan.ts';
import { type Aggregate, aggregate, type CpuProfile } from './profile/aggregate.ts';
import { figure, textTable } from './report/table.ts';
import { openStage } from './stage.ts';
import { EXTRA_SUBJECTS, SUBJECTS } from './subjects/index.ts';
import { sluiceSubject } from './subjects/sluice.ts';
import type { Subject } from './subjects/subject.ts';

const HELP = `node bench/profile.ts [options]

  --subject NAME   sluice (default), sluice-node, http-proxy, fast-proxy, fast-proxy-agent
  --case NAME      of ${CASES.map((one) => one.name).join(', ')} (default small)
  --mix NAME       alike or varied (default varied)
  --seconds N      of the measured load (default 4)
  --warmup N       seconds of load before it (default 3)
  --threads N      data threads of Sluice (default 1)
  --interval N     microseconds between samples (default 250)
  --top N          functions to show (default 40)
  --all            show threads that did next to nothing too
  --keep FOLDER    copy the .cpuprofile files there, to be opened in the DevTools of a browser
  --help           this
`;

interface Settings {
  readonly subject: Subject;
  readonly cell: Cell;
  readonly seconds: number;
  readonly warmup: number;
  readonly intervalUs: number;
  readonly top: number;
  readonly showsAll: boolean;
  readonly keep: string | undefined;
}

const TEXT = { type: 'string' } as const;
const FLAG = { type: 'boolean' } as const;

function readSettings(): Settings | undefined {
  const { values } = parseArgs({
    options: {
      ...{ subject: TEXT, case: TEXT, mix: TEXT, seconds: TEXT, warmup: TEXT, threads: TEXT },
      ...{ interval: TEXT, top: TEXT, keep: TEXT, all: FLAG, help: FLAG },
    },
  });
  if (values.help === true) return undefined;
  const name = values.subject ?? 'sluice';
  const number = (text: string | undefined, normally: number): number => {
    const value = text === undefined ? normally : Number(text);
    if (Number.isInteger(value) && value > 0) return value;
    throw new SluiceError('bench_option', `"${text}" is not a whole number from 1 on`);
  };
  const subject =
    name === 'sluice'
      ? sluiceSubject('sluice', number(values.threads, 1))
      : [...SUBJECTS, ...EXTRA_SUBJECTS].find(
          (one) => one.name === name && /^sluice-node$|-proxy/.test(name),
        );
  const one = CASES.find((known) => known.name === (values.case ?? 'small'));
  const mix = MIXES.find((known) => known === (values.mix ?? 'varied'));
  if (subject === undefined || one === undefined || mix === undefined) {
    throw new SluiceError('bench_option', 'there is no such subject, case or mix', {
      hint: '--help shows them',
    });
  }
  return {
    subject,
    cell: { case: one, mix },
    seconds: number(values.seconds, 4),
    warmup: number(values.warmup, 3),
    intervalUs: number(values.interval, 250),
    top: number(values.top, 40),
    showsAll: values.all === true,
    keep: values.keep,
  };
}

/** Microseconds of CLOCK_MONOTONIC, which is what V8 stamps its profiles with. */
function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

function printThread(name: string, found: Aggregate, requests: number, top: number): void {
  const { sampledUs, busyUs, functions, groups } = found;
  const percent = (us: number): string => `${((us / Math.max(1, busyUs)) * 100).toFixed(1)} %`;
  const each = (us: number): string => (us / requests).toFixed(2);
  const share = ((busyUs / Math.max(1, sampledUs)) * 100).toFixed(0);
  process.stdout.write(
    `\n== ${name}: busy ${share} % of ${(sampledUs / 1e6).toFixed(2)} s, ${each(busyUs)} us a request ==\n\n`,
  );
  const parts = groups
    .filter(({ selfUs }) => selfUs / busyUs > 0.003)
    .map(({ name: group, selfUs }) => [group, percent(selfUs), each(selfUs)]);
  process.stdout.write(`${textTable(['part', 'self', 'us/request'], parts)}\n\n`);
  const rows = functions
    .slice(0, top)
    .map(({ name: called, where, selfUs, totalUs }) => [
      `${called}  ${where}`,
      percent(selfUs),
      each(selfUs),
      percent(totalUs),
    ]);
  process.stdout.write(`${textTable(['function', 'self', 'us/request', 'with callees'], rows)}\n`);
}

/** CPU.<date>.<time>.<pid>.<thread>.<sequence>.cpuprofile; thread 0 is the main one. */
function threadOf(file: string): string {
  const thread = file.split('.')[4] ?? '?';
  return thread === '0' ? 'main thread' : `worker thread ${thread}`;
}

function report(folder: string, settings: Settings, sample: Sample, fromUs: number, toUs: number): void {
  const files = readdirSync(folder).filter((file) => file.endsWith('.cpuprofile'));
  if (files.length === 0) {
    throw new SluiceError('bench_no_profile', `${settings.subject.name} left no profile when it ended`, {
      hint: 'Node writes it at an orderly exit: SIGTERM must end the program within 10 s',
    });
  }
  for (const file of files.sort()) {
    const profile: CpuProfile = JSON.parse(readFileSync(join(folder, file), 'utf8'));
    const found = aggregate(profile, { fromUs, toUs });
    const isIdle = found.busyUs < (toUs - fromUs) / 100;
    if (settings.showsAll || !isIdle) {
      printThread(threadOf(file), found, sample.requests, settings.top);
    } else {
      process.stdout.write(
        `\n== ${threadOf(file)}: busy for ${figure(found.busyUs / 1_000)} ms, left out ==\n`,
      );
    }
    if (settings.keep === undefined) continue;
    mkdirSync(settings.keep, { recursive: true });
    copyFileSync(join(folder, file), join(settings.keep, file));
  }
  process.stdout.write(
    `\n${sample.requests} requests (${sample.cell}), ${figure(sample.requestsPerSecond)}/s, ` +
      `${figure(sample.cpuUsPerRequest)} CPU-us a request of the whole process, the profiler's own work included\n`,
  );
}

async function main(): Promise<void> {
  const settings = readSettings();
  if (settings === undefined) {
    process.stdout.write(HELP);
    return;
  }
  const { subject, cell } = settings;
  const absence = subject.absence?.();
  if (absence !== undefined) throw new SluiceError('bench_absent', `${subject.name}: ${absence}`);
  await using stage = await openStage(systemClock, stopSignal(), (line) => process.stderr.write(`${line}\n`));
  const folder = stage.newFolder('profiles');
  const nodeOptions = [
    '--cpu-prof',
    `--cpu-prof-interval=${settings.intervalUs}`,
    `--cpu-prof-dir=${folder}`,
  ];
  const running = await stage.start(subject, { nodeOptions });
  try {
    await measure(stage, running, { cell, round: 0, seconds: settings.warmup });
    const fromUs = monotonicUs();
    const sample = await measure(stage, running, { cell, round: 1, seconds: settings.seconds });
    const toUs = monotonicUs();
    await running.process.stop();
    report(folder, settings, sample, fromUs, toUs);
  } finally {
    await running.process.stop();
  }
}

await runBench('bench', main);
