/** Sluice as a process that prints one JSON object a line: the daemon's log, or the demo's events. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { systemClock } from '../../src/kernel/clock.ts';
import { lifelineSpawn } from '../../src/kernel/lifeline.ts';
import { LAUNCHER } from './launched.ts';

export const MAIN = new URL('../../src/main.ts', import.meta.url).pathname;

export type Line = Readonly<Record<string, unknown>>;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Waiter {
  readonly fits: (line: Line) => boolean;
  readonly found: (line: Line) => void;
  readonly failed: (error: Error) => void;
}

/** A wait that hangs fails with what it waited for. */
const PATIENCE_MS = 30_000;

export class SluiceProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly lines: Line[] = [];
  /** Resolves when nobody holds its output any more. */
  readonly ended: Promise<Ended>;
  readonly #waiters = new Set<Waiter>();
  #stdout = '';
  #stderr = '';

  /**
   * @param options.through `launcher` as a user starts it, or `main` alone
   * @param options.openFiles how many files it may have open
   */
  constructor(
    args: readonly string[],
    options: {
      cwd?: string;
      env?: NodeJS.ProcessEnv;
      through?: 'launcher' | 'main';
      openFiles?: number;
    } = {},
  ) {
    const entry = options.through === 'launcher' ? LAUNCHER : MAIN;
    // Gone with the test, whatever ends that.
    const line = lifelineSpawn(['ignore', 'pipe', 'pipe'], { ...process.env, ...options.env });
    const node = [process.execPath, entry, ...args];
    const limited = ['sh', '-c', `ulimit -n ${options.openFiles}; exec "$@"`, 'sh', ...node];
    const [command = '', ...rest] = options.openFiles === undefined ? node : limited;
    this.child = spawn(command, rest, {
      ...line,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    if (!this.child.stdout) throw new Error('the child has no stdout');
    createInterface({ input: this.child.stdout }).on('line', (text) => this.#onLine(text));
    this.ended = once(this.child, 'close').then(([code, signal]) => {
      const ended = { code, signal, stdout: this.#stdout, stderr: this.#stderr };
      for (const { failed } of this.#waiters) failed(new Error(`it ended before: ${JSON.stringify(ended)}`));
      return ended;
    });
  }

  /** Its whole standard output so far. */
  get text(): string {
    return this.#stdout;
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  #onLine(text: string): void {
    this.#stdout += `${text}\n`;
    let line: Line;
    try {
      line = JSON.parse(text) as Line;
    } catch {
      return;
    }
    this.lines.push(line);
    for (const waiter of [...this.#waiters]) if (waiter.fits(line)) waiter.found(line);
  }

  /** The first line that fits, of those from `from` on, now or later. */
  line(fits: (line: Line) => boolean, from = 0): Promise<Line> {
    const seen = this.lines.slice(from).find(fits);
    if (seen) return Promise.resolve(seen);
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        timer.cancel();
        this.#waiters.delete(waiter);
        act();
      };
      const waiter: Waiter = {
        fits,
        found: (line) => settle(() => resolve(line)),
        failed: (error) => settle(() => reject(error)),
      };
      const timer = systemClock.setTimer(PATIENCE_MS, () =>
        waiter.failed(new Error(`no line for which ${fits}; ${this.#stdout} ${this.#stderr}`)),
      );
      this.#waiters.add(waiter);
    });
  }

  /** A line of the log with this message. */
  message(text: string, from = 0): Promise<Line> {
    return this.line((line) => typeof line['message'] === 'string' && line['message'].startsWith(text), from);
  }

  /** An event of the demo. */
  event(name: string, fits: (line: Line) => boolean = () => true, from = 0): Promise<Line> {
    return this.line((line) => line['event'] === name && fits(line), from);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}
