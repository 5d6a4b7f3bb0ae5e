/**
 * Sluice as a process of its own with everything that can be asked of it from outside: its state over the admin API, its
 * metrics, its memory and open descriptors, and whether its log holds a fault. Ended by its process id.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import type { FileInput } from '../../src/config/schema/file.ts';
import { delay, systemClock } from '../../src/kernel/clock.ts';
import { SluiceError } from '../../src/kernel/errors.ts';
import { lifelineSpawn } from '../../src/kernel/lifeline.ts';
import { NODE_FLAGS } from '../../src/launch.mjs';
import { MAIN_PATH } from '../subjects/sluice.ts';
import { freePorts } from './ports.ts';

const READY_WITHIN_MS = 20_000;
const STOP_WITHIN_MS = 15_000;
/** The access log is emptied when it is larger than this: a long run must not fill the disk. */
const LOG_LIMIT_BYTES = 64 * 1024 * 1024;

export interface DaemonState {
  readonly generation: number;
  readonly listeners: readonly { readonly name: string; readonly port: number }[];
  readonly pools: readonly {
    readonly name: string;
    readonly in_flight: number;
    readonly servers: readonly { readonly id: string; readonly in_flight: number; readonly state: string }[];
  }[];
}

export type DaemonInput = Omit<FileInput, 'admin' | 'store' | 'logs'>;

/** A sample of Prometheus text: name, labels as they stand, value. */
export interface MetricSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export class DaemonProcess implements AsyncDisposable {
  readonly folder: string;
  readonly #adminPort: number;
  readonly #child: ChildProcess;
  #stderr = '';
  /** How far the log was looked through. */
  #logRead = 0;
  #accessRead = 0;
  #ports = new Map<string, number>();
  #token = '';

  private constructor(folder: string, adminPort: number, child: ChildProcess) {
    this.folder = folder;
    this.#adminPort = adminPort;
    this.#child = child;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-20_000);
    });
  }

  /**
   * @param folder empty, its own; removed by whoever made it
   * @param cores a list for taskset, as "0"; all unless given
   */
  static async start(
    folder: string,
    input: DaemonInput,
    nodeOptions: readonly string[] = [],
    cores: string | null = null,
  ): Promise<DaemonProcess> {
    const [adminPort = 0] = await freePorts(1);
    mkdirSync(join(folder, 'data'), { recursive: true });
    writeInput(folder, adminPort, input);
    const args = [...NODE_FLAGS, ...nodeOptions, MAIN_PATH, 'run', '--config', join(folder, 'sluice.yaml')];
    const [command, ...all] =
      cores === null ? [process.execPath, ...args] : ['taskset', '-c', cores, process.execPath, ...args];
    const child = spawn(command as string, all, lifelineSpawn(['ignore', 'ignore', 'pipe']));
    const daemon = new DaemonProcess(folder, adminPort, child);
    try {
      await daemon.until('readiness', async () => (await daemon.#get('/readyz')).status === 200);
      await daemon.#learnPorts();
      return daemon;
    } catch (thrown) {
      await daemon[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }
  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  port(listener: string): number {
    const port = this.#ports.get(listener);
    if (port === undefined) throw new SluiceError('bench_listener', `the daemon has no listener ${listener}`);
    return port;
  }

  /** Puts another file in force and waits until it is. */
  async reload(input: DaemonInput): Promise<void> {
    const { generation } = await this.state();
    writeInput(this.folder, this.#adminPort, input);
    this.#child.kill('SIGHUP');
    await this.until('the reload', async () => (await this.state()).generation > generation);
    await this.#learnPorts();
  }

  /** Puts another file in force over the admin API. @returns the milliseconds until the API said that it is */
  async reloadTimed(input: DaemonInput): Promise<number> {
    writeInput(this.folder, this.#adminPort, input);
    const startMs = systemClock.nowMs();
    const { status, text } = await this.#ask('POST', '/api/v1/reload');
    const tookMs = systemClock.nowMs() - startMs;
    if (status !== 200) throw new SluiceError('bench_admin', `the reload was answered ${status}: ${text}`);
    return tookMs;
  }

  /** Empties the access log, so that a long run does not fill the disk. */
  emptyAccessLog(): void {
    truncateSync(join(this.folder, 'access.log'));
    this.#accessRead = 0;
  }

  async #learnPorts(): Promise<void> {
    for (const { name, port } of (await this.state()).listeners) this.#ports.set(name, port);
  }

  async state(): Promise<DaemonState> {
    const { status, text } = await this.#get('/api/v1/snapshot');
    if (status !== 200) throw new SluiceError('bench_admin', `the admin API answered ${status}: ${text}`);
    return JSON.parse(text) as DaemonState;
  }

  /** Requests that the daemon believes to be under way, over all pools. */
  async inFlight(): Promise<number> {
    return (await this.state()).pools.reduce((sum, pool) => sum + pool.in_flight, 0);
  }

  async metrics(): Promise<MetricSample[]> {
    const { status, text } = await this.#get('/metrics');
    if (status !== 200) throw new SluiceError('bench_admin', `/metrics answered ${status}: ${text}`);
    return parseMetrics(text);
  }

  /** Resident memory now; 0 where the system does not tell, or when it has ended. */
  rssBytes(): number {
    try {
      const text = readFileSync(`/proc/${this.pid}/status`, 'utf8');
      return Number(/VmRSS:\s+(\d+) kB/.exec(text)?.[1] ?? 0) * 1024;
    } catch {
      return 0;
    }
  }

  /** Open descriptors now; 0 as above. */
  descriptors(): number {
    try {
      return readdirSync(`/proc/${this.pid}/fd`).length;
    } catch {
      return 0;
    }
  }

  /** Lines of the log since the last call that tell of a fault of its own. */
  newFaults(): string[] {
    return this.newLogLines().filter((line) => /"level":"(?:error|fatal)"/.test(line));
  }

  /** Whole lines of the log since the last call. */
  newLogLines(): string[] {
    const { text, end } = textFrom(join(this.folder, 'log'), this.#logRead);
    this.#logRead = end;
    return text.split('\n').slice(0, -1);
  }

  /** Whole lines of the access log since the last call. */
  newAccessLines(): string[] {
    const path = join(this.folder, 'access.log');
    const { text, end } = textFrom(path, this.#accessRead);
    this.#accessRead = end;
    if (end > LOG_LIMIT_BYTES) {
      truncateSync(path);
      this.#accessRead = 0;
    }
    return text.split('\n').slice(0, -1);
  }

  #get(path: string): Promise<{ status: number; text: string }> {
    return this.#ask('GET', path);
  }

  #ask(method: string, path: string): Promise<{ status: number; text: string }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
    this.#token ||= readToken(this.folder);
    const sent = request(
      {
        host: '127.0.0.1',
        port: this.#adminPort,
        ...{ method, path },
        agent: false,
        headers: { authorization: `Bearer ${this.#token}` },
      },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
        });
        answer.on('error', reject).on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
      },
    );
    sent.on('error', reject);
    sent.end();
    return promise;
  }

  /** Asks again and again; an error counts as no. */
  async until(what: string, holds: () => Promise<boolean>, withinMs = READY_WITHIN_MS): Promise<void> {
    const endMs = systemClock.nowMs() + withinMs;
    for (let last = ''; ; ) {
      if (!this.isRunning)
        throw new SluiceError('bench_daemon_ended', `the daemon has ended: ${this.lastWords()}`);
      try {
        if (await holds()) return;
      } catch (error) {
        last = String(error);
      }
      if (systemClock.nowMs() > endMs)
        throw new SluiceError(
          'bench_wait',
          `waited ${withinMs} ms for ${what}. ${last}\n${this.lastWords()}`,
        );
      await delay(systemClock, 20);
    }
  }

  /** The end of its standard error and of its log. */
  lastWords(): string {
    return `${this.#stderr}\n${textFrom(join(this.folder, 'log'), 0).text.slice(-3000)}`.trim();
  }

  /** Ends it as a service manager would. @returns its exit code, null when it had to be killed */
  async stop(): Promise<number | null> {
    if (!this.isRunning) return this.#child.exitCode;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const timer = systemClock.setTimer(STOP_WITHIN_MS, () => this.#child.kill('SIGKILL'));
    const [code] = (await ended) as [number | null];
    timer.cancel();
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function writeInput(folder: string, adminPort: number, input: DaemonInput): void {
  const file: FileInput = {
    ...input,
    admin: { listen: `127.0.0.1:${adminPort}` },
    store: { path: join(folder, 'data') },
    logs: { level: 'info', file: join(folder, 'log'), access: { file: join(folder, 'access.log') } },
  };
  // JSON is YAML.
  writeFileSync(join(folder, 'sluice.yaml'), JSON.stringify(file, null, 2));
}

function readToken(folder: string): string {
  try {
    return readFileSync(join(folder, 'data', 'admin.token'), 'utf8').trim();
  } catch {
    return '';
  }
}

function textFrom(path: string, from: number): { text: string; end: number } {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return { text: '', end: from };
  }
  const pieces: Buffer[] = [];
  let end = from;
  for (;;) {
    const piece = Buffer.allocUnsafe(1024 * 1024);
    const count = readSync(fd, piece, 0, piece.length, end);
    if (count === 0) break;
    pieces.push(piece.subarray(0, count));
    end += count;
  }
  closeSync(fd);
  // A line that is being written is left for the next call.
  const text = Buffer.concat(pieces).toString('utf8');
  const lineEnd = text.lastIndexOf('\n') + 1;
  return { text: text.slice(0, lineEnd), end: end - Buffer.byteLength(text.slice(lineEnd)) };
}

/** The samples of Prometheus' text format; comments are left out. */
export function parseMetrics(text: string): MetricSample[] {
  return text.split('\n').flatMap((line) => {
    const match = /^([a-z_]+)(?:\{(.*)\})? (\S+)/i.exec(line);
    if (match === null) return [];
    const labels = [...(match[2] ?? '').matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/gi)];
    return [
      {
        name: match[1] ?? '',
        labels: Object.fromEntries(labels.map((it) => [it[1] ?? '', it[2] ?? ''])),
        value: Number(match[3]),
      },
    ];
  });
}
