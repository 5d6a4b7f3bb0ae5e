/**
 * A real daemon process in front of real bookstore processes, with everything that can be done to them: kill, freeze,
 * restart on the same port, edit the file and reload, ask the admin API. Ends all that it started. FLEET_KEEP=1 keeps the
 * folder with its logs.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Agent, request } from 'undici';
import type { FileInput } from '../../../src/config/schema/file.ts';
import { delay, systemClock } from '../../../src/kernel/clock.ts';
import { lifelineSpawn } from '../../../src/kernel/lifeline.ts';
import { type BookstoreProcess, startBookstore } from '../bookstore-process.ts';
import type { Target } from './client-connection.ts';

const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
const READY_WITHIN_MS = 20_000;
const STOP_WITHIN_MS = 10_000;

export interface FileServer {
  readonly address: string;
  readonly weight?: number;
}

/** What the file says in these tests; everything else is default. */
export interface FleetFile {
  readonly servers: readonly FileServer[];
  readonly pool?: Partial<NonNullable<FileInput['pools']>[string]>;
  readonly listeners?: FileInput['listeners'];
}

export interface ServerState {
  readonly id: string;
  readonly state: string;
  readonly in_flight: number;
  readonly requests_total: number;
}

/** A line of the access log, as far as it is looked at. */
export interface AccessEntry {
  readonly method: string;
  readonly target: string;
  readonly server?: string;
  readonly status: number;
  readonly reason: string;
  readonly attempts: number;
  readonly duration_ms: number;
}

interface Snapshot {
  readonly generation: number;
  readonly listeners: readonly { readonly name: string; readonly port: number; readonly tls: boolean }[];
  readonly pools: readonly {
    readonly name: string;
    readonly in_flight: number;
    readonly servers: readonly ServerState[];
  }[];
}

const LISTENERS: NonNullable<FileInput['listeners']> = {
  http: { address: '127.0.0.1', port: 0 },
  https: { address: '127.0.0.1', port: 0, tls: { certificates: ['local'] } },
};

export class Fleet implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'sluice-fleet-'));
  readonly bookstores: BookstoreProcess[] = [];
  readonly #agent = new Agent({ connections: 4 });
  #daemon: ChildProcess | null = null;
  #adminPort = 0;
  #maxRssBytes = 0;
  #rssTimer: NodeJS.Timeout | undefined;

  private constructor() {
    mkdirSync(join(this.folder, 'data'));
  }

  /** @param servers how many bookstores the file names at first; `spare` more run besides */
  static async start(servers: number, spare = 0, file: Partial<FleetFile> = {}): Promise<Fleet> {
    const fleet = new Fleet();
    try {
      for (let i = 0; i < servers + spare; i++) await fleet.addBookstore();
      fleet.#adminPort = await freePort();
      fleet.write({
        servers: fleet.bookstores.slice(0, servers).map((it) => ({ address: addressOf(it) })),
        ...file,
      });
      await fleet.#startDaemon();
      return fleet;
    } catch (error) {
      await fleet[Symbol.asyncDispose]();
      throw error;
    }
  }

  get pid(): number {
    return this.#daemon?.pid ?? -1;
  }
  get maxRssBytes(): number {
    return this.#maxRssBytes;
  }

  // ---- the servers

  async addBookstore(port = 0): Promise<BookstoreProcess> {
    const place = this.bookstores.length;
    const store = await startBookstore(
      ['--port', String(port), '--db', join(this.folder, 'books.db'), '--name', `books-${place + 1}`],
      {},
    );
    this.bookstores.push(store);
    return store;
  }

  address(index: number): string {
    return addressOf(this.store(index));
  }

  store(index: number): BookstoreProcess {
    const store = this.bookstores[index];
    if (!store) throw new Error(`there is no bookstore ${index}`);
    return store;
  }

  signal(index: number, signal: NodeJS.Signals): void {
    this.store(index).child.kill(signal);
  }

  /** Kills a server as a crash would and waits until it is gone. */
  async kill(index: number): Promise<void> {
    this.signal(index, 'SIGKILL');
    await this.store(index).ended;
  }

  /** The same server, on the port it had, as a new process. */
  async restart(index: number): Promise<void> {
    const { port } = this.store(index);
    await this.store(index).ended;
    const fresh = await startBookstore(
      ['--port', String(port), '--db', join(this.folder, 'books.db'), '--name', `books-${index + 1}`],
      {},
    );
    this.bookstores[index] = fresh;
  }

  // ---- the daemon

  /** Writes the file; nothing happens before `hangUp`. */
  write(file: FleetFile): void {
    const input: FileInput = {
      threads: 2,
      certificates: { local: { self_signed: ['localhost', '127.0.0.1'] } },
      listeners: file.listeners ?? LISTENERS,
      routes: [{ name: 'books', pool: 'books' }],
      pools: {
        books: {
          health: { path: '/healthz', interval: '1s', timeout: '1s', rise: 1, fall: 2 },
          ...file.pool,
          servers: file.servers.map((it) => ({ ...it })),
        },
      },
      shutdown: { drain_timeout: '5s' },
      admin: { listen: `127.0.0.1:${this.#adminPort}` },
      store: { path: join(this.folder, 'data') },
      logs: {
        level: 'info',
        file: join(this.folder, 'log'),
        access: { file: join(this.folder, 'access.log') },
      },
    };
    // JSON is YAML.
    writeFileSync(join(this.folder, 'sluice.yaml'), JSON.stringify(input, null, 2));
  }

  hangUp(): void {
    this.#daemon?.kill('SIGHUP');
  }

  /** Puts another file in force and waits until it is. */
  async reload(file: FleetFile): Promise<void> {
    const { generation } = await this.snapshot();
    this.write(file);
    this.hangUp();
    await this.until('the reload', async () => (await this.snapshot()).generation > generation);
  }

  async #startDaemon(): Promise<void> {
    const line = lifelineSpawn(['ignore', 'ignore', 'pipe']);
    const child = spawn(process.execPath, [MAIN, 'run', '--config', join(this.folder, 'sluice.yaml')], line);
    this.#daemon = child;
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    await this.until('readiness', async () => {
      if (child.exitCode !== null) throw new Error(`the daemon ended: ${stderr}${this.logText()}`);
      const answer = await request(`http://127.0.0.1:${this.#adminPort}/readyz`, { dispatcher: this.#agent });
      await answer.body.dump();
      return answer.statusCode === 200;
    });
    this.#rssTimer = setInterval(() => this.#lookAtRss(), 250);
  }

  #lookAtRss(): void {
    this.#maxRssBytes = Math.max(this.#maxRssBytes, this.rssBytes());
  }

  /** Resident memory of the daemon now; 0 where the system does not tell. */
  rssBytes(): number {
    try {
      const text = readFileSync(`/proc/${this.pid}/status`, 'utf8');
      return Number(/VmRSS:\s+(\d+) kB/.exec(text)?.[1] ?? 0) * 1024;
    } catch {
      return 0;
    }
  }

  // ---- the admin API

  async admin<T>(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<T> {
    const token = readFileSync(join(this.folder, 'data', 'admin.token'), 'utf8').trim();
    const answer = await request(`http://127.0.0.1:${this.#adminPort}/api/v1${path}`, {
      method,
      dispatcher: this.#agent,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await answer.body.text();
    if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`);
    return JSON.parse(text) as T;
  }

  snapshot(): Promise<Snapshot> {
    return this.admin('GET', '/snapshot');
  }

  async servers(): Promise<readonly ServerState[]> {
    return (await this.snapshot()).pools[0]?.servers ?? [];
  }

  drain(address: string): Promise<unknown> {
    return this.act(address, 'drain');
  }

  act(address: string, action: 'drain' | 'undrain'): Promise<unknown> {
    return this.admin('POST', `/pools/books/servers/${encodeURIComponent(address)}/actions/${action}`, {});
  }

  weigh(address: string, weight: number): Promise<unknown> {
    return this.admin('PATCH', `/pools/books/servers/${encodeURIComponent(address)}`, { weight });
  }

  add(address: string): Promise<unknown> {
    return this.admin('POST', '/pools/books/servers', { address });
  }

  remove(address: string): Promise<unknown> {
    return this.admin('DELETE', `/pools/books/servers/${encodeURIComponent(address)}`);
  }

  async targets(): Promise<readonly Target[]> {
    return (await this.snapshot()).listeners.map((it) => ({ port: it.port, isTls: it.tls }));
  }

  /** Requests that the daemon believes to be under way. */
  async inFlight(): Promise<number> {
    return (await this.snapshot()).pools.reduce((sum, pool) => sum + pool.in_flight, 0);
  }

  // ---- logs

  logText(): string {
    return textOf(join(this.folder, 'log'));
  }

  /** The access log, once it has this many lines (it is written in batches). */
  async access(atLeast: number): Promise<readonly AccessEntry[]> {
    const lines = (): string[] => textOf(join(this.folder, 'access.log')).split('\n').slice(0, -1);
    await this.until(`${atLeast} lines in the access log`, async () => lines().length >= atLeast).catch(
      () => {},
    );
    return lines().map((line) => JSON.parse(line) as AccessEntry);
  }

  async until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const endMs = systemClock.nowMs() + READY_WITHIN_MS;
    for (let last = ''; ; ) {
      try {
        if (await holds()) return;
      } catch (error) {
        last = String(error);
      }
      if (systemClock.nowMs() > endMs) throw new Error(`waited ${READY_WITHIN_MS} ms for ${what}. ${last}`);
      await delay(systemClock, 20);
    }
  }

  /** Stops the daemon as a service manager would. */
  async stop(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    clearInterval(this.#rssTimer);
    const daemon = this.#daemon;
    this.#daemon = null;
    if (daemon === null || daemon.exitCode !== null || daemon.signalCode !== null)
      return { code: daemon?.exitCode ?? null, signal: daemon?.signalCode ?? null };
    const ended = once(daemon, 'exit');
    daemon.kill('SIGTERM');
    const timer = setTimeout(() => daemon.kill('SIGKILL'), STOP_WITHIN_MS);
    const [code, signal] = (await ended) as [number | null, NodeJS.Signals | null];
    clearTimeout(timer);
    return { code, signal };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    for (const store of this.bookstores) {
      store.child.kill('SIGCONT');
      await store[Symbol.asyncDispose]();
    }
    await this.#agent.destroy();
    if (process.env['FLEET_KEEP'] === undefined) rmSync(this.folder, { recursive: true, force: true });
    else process.stderr.write(`kept ${this.folder}\n`);
  }
}

function addressOf(store: BookstoreProcess): string {
  return `127.0.0.1:${store.port}`;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  server.close();
  await once(server, 'close');
  return port;
}
