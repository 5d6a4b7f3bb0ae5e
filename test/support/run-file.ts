/**
 * Runs one test file as a process of its own and says what came of it.
 *
 * The file gets its own process group, so that a time-out ends all that it started, and what it leaves behind is seen:
 * after its end nothing of the group may live, which makes every test a test of the promise that nothing is left over.
 * Processes with a life-line get LEFTOVER_GRACE_MS to notice that their parent is gone.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { runningInGroup } from './processes.ts';
import { type TapCounts, TapReader } from './tap-output.ts';

export interface RunOptions {
  readonly root: string;
  readonly timeoutMs: number;
  readonly environment: NodeJS.ProcessEnv;
  /** Where this file's processes write their coverage; undefined: not measured. */
  readonly coverageFolder: string | undefined;
}

export interface FileResult {
  readonly file: string;
  readonly counts: TapCounts;
  /** What went wrong besides failed assertions: a crash, a time-out, a process left behind. */
  readonly problems: readonly string[];
  /** The tail of what it printed besides TAP. */
  readonly output: string;
  readonly durationMs: number;
}

const LEFTOVER_GRACE_MS = 3000;
/** Of the time that a file has, what tap gives it. */
const TAP_SHARE = 0.9;
const OUTPUT_LIMIT_CHARS = 20_000;

/** The process groups that run now, to be ended with the runner. */
export class RunningGroups {
  readonly #groups = new Set<number>();
  add(group: number): void {
    this.#groups.add(group);
  }
  delete(group: number): void {
    this.#groups.delete(group);
  }
  killAll(): void {
    for (const group of this.#groups) killGroup(group);
  }
}

export async function runFile(
  file: string,
  options: RunOptions,
  running: RunningGroups,
): Promise<FileResult> {
  const started = performance.now();
  const reader = new TapReader();
  const problems: string[] = [];
  let output = '';
  const keep = (text: string): void => {
    output = (output + text).slice(-OUTPUT_LIMIT_CHARS);
  };
  const child = spawn(process.execPath, [file], {
    cwd: options.root,
    detached: process.platform !== 'win32',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environmentOf(options),
  });
  const group = child.pid;
  if (group !== undefined) running.add(group);
  const deadline = setTimeout(() => {
    problems.push(`did not end within ${options.timeoutMs / 1000} s and was killed`);
    if (group !== undefined) killGroup(group);
  }, options.timeoutMs);
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    if (!reader.line(line)) keep(`${line}\n`);
  });
  child.stderr.setEncoding('utf8').on('data', keep);
  const closed = Promise.all([once(lines, 'close'), once(child.stderr, 'close')]);
  const end = await exitOf(child);
  clearTimeout(deadline);
  if (group !== undefined) {
    problems.push(...(await endLeftovers(group)));
    running.delete(group);
  }
  await closed;
  problems.push(...judge(end, reader.counts, problems.length > 0));
  return { file, counts: reader.counts, problems, output, durationMs: performance.now() - started };
}

function environmentOf({ environment, coverageFolder, timeoutMs }: RunOptions): NodeJS.ProcessEnv {
  const { NODE_COMPILE_CACHE: cache, ...rest } = environment;
  // A hang is better told by tap, which knows the test, than by us: its limit is the shorter one (default 30 s).
  const own = { TAP: '1', TAP_TIMEOUT: String(Math.ceil((timeoutMs / 1000) * TAP_SHARE)) };
  if (coverageFolder === undefined) return { ...environment, ...own };
  // Code that comes from the compile cache is measured by whole functions only.
  return { ...rest, ...own, NODE_V8_COVERAGE: coverageFolder };
}

type End =
  | { readonly code: number | null; readonly signal: NodeJS.Signals | null }
  | { readonly error: Error };

function exitOf(child: ChildProcess): Promise<End> {
  return new Promise((done) => {
    child.on('error', (error) => done({ error }));
    child.on('exit', (code, signal) => done({ code, signal }));
  });
}

function once(emitter: NodeJS.EventEmitter, event: string): Promise<void> {
  return new Promise((done) => {
    emitter.once(event, () => done());
  });
}

function judge(end: End, counts: TapCounts, known: boolean): string[] {
  if ('error' in end) return [`could not be started: ${end.error.message}`];
  if (known || counts.failed > 0) return [];
  if (end.signal !== null) return [`ended by ${end.signal}`];
  if (end.code !== 0) return [`ended with exit code ${end.code} though no assertion failed`];
  if (counts.passed === 0 && counts.skipped.length === 0) return ['ran no assertion'];
  return [];
}

/** Waits for the rest of the group; what does not end is killed and reported. */
async function endLeftovers(group: number): Promise<string[]> {
  if (await groupEnds(group, LEFTOVER_GRACE_MS)) return [];
  const left = runningInGroup(group).join('; ');
  killGroup(group);
  await groupEnds(group, LEFTOVER_GRACE_MS);
  return [`left behind ${LEFTOVER_GRACE_MS / 1000} s after its end, and killed now: ${left}`];
}

async function groupEnds(group: number, withinMs: number): Promise<boolean> {
  const giveUpAt = performance.now() + withinMs;
  while (runningInGroup(group).length > 0) {
    if (performance.now() > giveUpAt) return false;
    await new Promise((done) => setTimeout(done, 20));
  }
  return true;
}

function killGroup(group: number): void {
  try {
    process.kill(process.platform === 'win32' ? group : -group, 'SIGKILL');
  } catch {
    // it ended by itself
  }
}
