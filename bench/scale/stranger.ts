/** The process of busy-program.ts, from outside. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { SluiceError } from '../../src/kernel/errors.ts';
import { lifelineSpawn } from '../../src/kernel/lifeline.ts';

export class Stranger implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor() {
    const program = fileURLToPath(new URL('busy-program.ts', import.meta.url));
    this.#child = spawn(process.execPath, [program], lifelineSpawn(['pipe', 'pipe', 'inherit']));
    if (this.#child.stdout === null) throw new SluiceError('bench_stranger', 'a process without an output');
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async ready(): Promise<void> {
    const { value } = await this.#lines.next();
    if (value === undefined) throw new SluiceError('bench_stranger', 'the busy process has ended');
  }

  async keepBusy(ms: number): Promise<void> {
    this.#child.stdin?.write(`${Math.round(ms)}\n`);
    await this.ready();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exit;
  }
}
