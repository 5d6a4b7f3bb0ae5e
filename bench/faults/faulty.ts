/** The servers of bench/faults.ts as they are seen from outside: what can be done to them, and undone. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { SluiceError } from '../../src/kernel/errors.ts';
import { lifelineSpawn } from '../../src/kernel/lifeline.ts';

const PROGRAM = fileURLToPath(new URL('server.ts', import.meta.url));

export const FAULTS = ['kill', 'freeze', 'slow', 'garbage'] as const;
export type Fault = (typeof FAULTS)[number];

interface Running {
  readonly child: ChildProcess;
  readonly lines: Interface;
}

export class FaultyServer implements AsyncDisposable {
  readonly port: number;
  readonly #serviceMs: number;
  #running: Running | null = null;

  private constructor(port: number, serviceMs: number) {
    this.port = port;
    this.#serviceMs = serviceMs;
  }

  static async start(port: number, serviceMs: number): Promise<FaultyServer> {
    const server = new FaultyServer(port, serviceMs);
    await server.#start();
    return server;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async #start(): Promise<void> {
    const args = [PROGRAM, String(this.port), String(this.#serviceMs)];
    const child = spawn(process.execPath, args, lifelineSpawn(['pipe', 'pipe', 'inherit']));
    if (child.stdout === null) throw new SluiceError('bench_server', 'a server without an output');
    const lines = createInterface({ input: child.stdout });
    this.#running = { child, lines };
    await this.#hears(child, lines, 'listening');
  }

  async #hears(child: ChildProcess, lines: Interface, word: string): Promise<void> {
    const exit = once(child, 'exit').then(() => ['the end of its process']);
    const [line] = (await Promise.race([once(lines, 'line'), exit])) as [string];
    if (line !== word)
      throw new SluiceError('bench_server', `server ${this.address}: expected ${word}, got ${line}`);
  }

  /** Does this to it; resolves when it is so. */
  async break(fault: Fault): Promise<void> {
    switch (fault) {
      case 'kill':
        await this.#kill();
        return;
      case 'freeze':
        this.#running?.child.kill('SIGSTOP');
        return;
      case 'slow':
      case 'garbage':
        await this.#mode(fault);
        return;
      default:
        fault satisfies never;
    }
  }

  /** Undoes it. */
  async mend(fault: Fault): Promise<void> {
    if (fault === 'kill') await this.#start();
    else if (fault === 'freeze') this.#running?.child.kill('SIGCONT');
    else await this.#mode('sound');
  }

  async #mode(word: string): Promise<void> {
    const running = this.#running;
    if (running === null) throw new SluiceError('bench_server', `server ${this.address} is not there`);
    running.child.stdin?.write(`${word}\n`);
    await this.#hears(running.child, running.lines, word);
  }

  async #kill(): Promise<void> {
    const running = this.#running;
    this.#running = null;
    if (running === null || running.child.exitCode !== null || running.child.signalCode !== null) return;
    const gone = once(running.child, 'exit');
    running.child.kill('SIGKILL');
    await gone;
    running.lines.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kill();
  }
}
