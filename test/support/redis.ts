import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { delay, systemClock } from '../../src/kernel/clock.ts';
import type { DaemonFixture } from './daemon-fixture.ts';
import { commandOf } from './needs.ts';

const START_MS = 10_000;

/** Debian's Redis (or Valkey) on a port of its own, with nothing on disk. Needs the component `redis-server`. */
export class RedisServer implements AsyncDisposable {
  readonly port: number;
  readonly #options: readonly string[];
  #process: ChildProcess | null = null;

  private constructor(port: number, options: readonly string[]) {
    this.port = port;
    this.#options = options;
  }

  /** @param options further ones of its command line */
  static async start(options: readonly string[] = []): Promise<RedisServer> {
    const redis = new RedisServer(await freePort(), options);
    await redis.start();
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Again, after `kill`: on the same port, and it has forgotten everything. */
  async start(): Promise<void> {
    const command = commandOf('redis-server');
    if (command === undefined) throw new Error('redis-server is not installed');
    const base = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    this.#process = spawn(command, [...base, ...this.#options], { stdio: 'ignore' });
    const endMs = systemClock.nowMs() + START_MS;
    while (!(await answers(this.port))) {
      if (systemClock.nowMs() > endMs) throw new Error(`redis-server did not listen within ${START_MS} ms`);
      await delay(systemClock, 10);
    }
  }

  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  /** It lives and says nothing. */
  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** How many threads of a daemon say that they decide locally. */
async function localThreads({ daemon }: DaemonFixture): Promise<number> {
  const text = await daemon.metrics.render();
  return [...text.matchAll(/^sluice_shared_limits_local\{[^}]*\} 1$/gm)].length;
}

export async function untilLocal(fixture: DaemonFixture, threads: number): Promise<void> {
  for (let tries = 0; (await localThreads(fixture)) !== threads; tries++) {
    if (tries > 400) throw new Error(`${await localThreads(fixture)} threads are local, not ${threads}`);
    await delay(systemClock, 25);
  }
}
