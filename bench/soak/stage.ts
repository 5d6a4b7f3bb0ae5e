/** The servers behind the soak, which are processes that can be killed, and the file that names them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { SluiceError } from '../../src/kernel/errors.ts';
import { lifelineSpawn } from '../../src/kernel/lifeline.ts';
import type { DaemonInput } from '../system/daemon.ts';

const PROGRAM = fileURLToPath(new URL('origin.ts', import.meta.url));

export class Origin implements AsyncDisposable {
  readonly port: number;
  #child: ChildProcess | null = null;

  private constructor(port: number) {
    this.port = port;
  }

  static async start(port: number): Promise<Origin> {
    const origin = new Origin(port);
    await origin.start();
    return origin;
  }

  /** Starts it, again after a kill; resolves when it listens. */
  async start(): Promise<void> {
    const child = spawn(
      process.execPath,
      [PROGRAM, String(this.port)],
      lifelineSpawn(['ignore', 'pipe', 'inherit']),
    );
    this.#child = child;
    if (child.stdout === null) throw new SluiceError('bench_origin', 'a server without an output');
    const [line] = (await Promise.race([
      once(createInterface({ input: child.stdout }), 'line'),
      once(child, 'exit').then(() => ['']),
    ])) as [string];
    if (line !== 'listening')
      throw new SluiceError('bench_origin', `the server on port ${this.port} did not start`);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

export interface SoakServers {
  readonly origins: readonly Origin[];
  /** Servers that treat connections badly. */
  readonly shaky: readonly string[];
  /** A port on which nobody listens. */
  readonly nobodyPort: number;
}

/** The file number `turn`: what changes with it is a weight and a route, so that every reload is one. */
export function soakInput(servers: SoakServers, turn: number): DaemonInput {
  const address = '127.0.0.1';
  return {
    threads: 2,
    certificates: { local: { self_signed: ['localhost', address] } },
    listeners: {
      plain: { address, port: 0 },
      secure: { address, port: 0, tls: { certificates: ['local'] } },
      strict: { address, port: 0, limits: { header_timeout: '1s', body_timeout: '1s' } },
    },
    routes: [
      {
        name: `turn-${turn}`,
        match: { path: `/turn/${turn}` },
        respond: { status: 200, body: String(turn) },
      },
      { name: 'shaky', match: { path: '/shaky/*' }, pool: 'shaky' },
      { name: 'nobody', match: { path: '/nobody/*' }, pool: 'nobody' },
      { name: 'web', pool: 'web' },
    ],
    pools: {
      web: {
        servers: servers.origins.map(({ port }, i) => ({
          address: `${address}:${port}`,
          weight: i === turn % servers.origins.length ? 2 : 1,
        })),
        health: { type: 'tcp', interval: '1s', timeout: '1s', rise: 1, fall: 2 },
      },
      shaky: { servers: [...servers.shaky], health: false },
      nobody: { servers: [`${address}:${servers.nobodyPort}`], health: false },
    },
    shutdown: { drain_timeout: '3s' },
  };
}
