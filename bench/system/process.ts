/**
 * Programs that a bench starts: pinned to cores, their output in a file, ended by their ids (never by name), their
 * children too, on every way out. Should the bench itself be killed with SIGKILL, the kernel ends them
 * (PR_SET_PDEATHSIG by setpriv).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { type Clock, delay } from '../../src/kernel/clock.ts';
import { SluiceError } from '../../src/kernel/errors.ts';
import { isAlive, type ProcessKey, processTree } from './cpu.ts';

const STOP_TIMEOUT_MS = 10_000;
const PACKAGES: Readonly<Record<string, string>> = {
  taskset: 'util-linux',
  setpriv: 'util-linux',
  h2load: 'nghttp2-client',
};

export interface ProcessOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** A list of cores for taskset, as "0" or "0,1". */
  readonly cores: string;
  /** The folder it runs in; what it writes beside its options lands there. */
  readonly cwd: string;
  /** Standard output, appended to, so that truncating the file empties it under a running program. */
  readonly outPath: string;
  /** Standard error; the same file as standard output is fine. */
  readonly errPath: string;
}

export interface RunningProcess extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  /** False once it has ended, by itself or not. */
  readonly isRunning: boolean;
  /** The end of what it wrote to standard error, for messages. */
  tail(): string;
  /** SIGTERM, then SIGKILL after 10 s; resolves when it and its children are gone. Harmless when repeated. */
  stop(): Promise<void>;
}

/** Starts a program; it is not ready for anything yet when this resolves. */
export async function startProcess(options: ProcessOptions, clock: Clock): Promise<RunningProcess> {
  const out = openSync(options.outPath, 'a');
  const err = options.errPath === options.outPath ? out : openSync(options.errPath, 'a');
  const prefix = ['--pdeathsig', 'TERM', 'taskset', '-c', options.cores];
  const child = spawn('setpriv', [...prefix, options.command, ...options.args], {
    cwd: options.cwd,
    stdio: ['ignore', out, err],
  });
  try {
    await once(child, 'spawn');
  } catch (thrown) {
    throw missingProgram('setpriv', thrown);
  } finally {
    closeSync(out);
    if (err !== out) closeSync(err);
  }
  const pid = child.pid ?? 0;
  const gone = once(child, 'exit');
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  const stop = async (): Promise<void> => {
    const tree = isRunning() ? processTree(pid) : [];
    child.kill('SIGTERM');
    const deadlineMs = clock.nowMs() + STOP_TIMEOUT_MS;
    while (tree.some(isAlive) && clock.nowMs() < deadlineMs) await delay(clock, 10);
    for (const key of tree) killHard(key);
    await gone;
  };
  return {
    name: options.name,
    pid,
    get isRunning() {
      return isRunning();
    },
    tail: () => tailOf(options.errPath),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function killHard(key: ProcessKey): void {
  if (!isAlive(key)) return;
  try {
    process.kill(key.pid, 'SIGKILL');
  } catch {
    // It ended between the look and the signal.
  }
}

function tailOf(path: string): string {
  return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-15).join('\n');
}

export interface Output {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | null;
}

/** Runs a program to its end; `signal` ends it early. Rejects only when it cannot be started or was ended early. */
export async function runToEnd(
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly signal?: AbortSignal } = {},
): Promise<Output> {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', command, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  try {
    const [exitCode] = (await once(child, 'close')) as [number | null];
    if (exitCode === 127) throw missingProgram(command, stderr);
    return { stdout, stderr, exitCode };
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') {
      throw missingProgram('setpriv', thrown);
    }
    throw thrown;
  }
}

export function missingProgram(command: string, cause: unknown): SluiceError {
  const name = basename(command);
  return new SluiceError('bench_program_missing', `${name} is needed for this bench and cannot be started`, {
    hint: `on Debian: apt-get install ${PACKAGES[name] ?? name}; or leave it out with --only`,
    cause,
  });
}
