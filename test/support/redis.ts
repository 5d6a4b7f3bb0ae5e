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
  readonly #scheme: string;
  #process: ChildProcess | null = null;

  private constructor(port: number, options: readonly string[], scheme: 'redis' | 'rediss' = 'redis') {
    this.#scheme = scheme;
    this.port = port;
    this.#options = options;
  }

  /** @param options further ones of its command line */
  static async start(options: readonly string[] = []): Promise<RedisServer> {
    const redis = new RedisServer(await freePort(), options);
    await redis.start();
    return redis;
  }

  /** With TLS alone. */
  static async startTls(certFile: string, keyFile: string): Promise<RedisServer> {
    const port = await freePort();
    const files = ['--tls-cert-file', certFile, '--tls-key-file', keyFile, '--tls-auth-clients', 'no'];
    const redis = new RedisServer(port, ['--port', '0', '--tls-port', String(port), ...files], 'rediss');
    await redis.start();
    return redis;
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${this.port}`;
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

  /** Has it do something that it can do at once. */
  async command(text: string): Promise<void> {
    const answer = await this.#ask(text);
    if (answer !== '+OK\r\n') throw new Error(`${text}: ${answer}`);
  }

  info(section: string): Promise<string> {
    return this.#ask(`INFO ${section}`);
  }

  async #ask(text: string): Promise<string> {
    const socket = connect(this.port, '127.0.0.1');
    socket.write(`${text}\r\nQUIT\r\n`);
    let answer = '';
    for await (const chunk of socket) answer += String(chunk);
    return answer.replace(/\+OK\r\n$/, '');
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
export async function localThreads({ daemon }: DaemonFixture): Promise<number> {
  const text = await daemon.metrics.render();
  return [...text.matchAll(/^sluice_shared_limits_local\{[^}]*\} 1$/gm)].length;
}

export async function untilLocal(fixture: DaemonFixture, threads: number): Promise<void> {
  for (let tries = 0; (await localThreads(fixture)) !== threads; tries++) {
    if (tries > 400) throw new Error(`${await localThreads(fixture)} threads are local, not ${threads}`);
    await delay(systemClock, 25);
  }
}
