import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, createServer, type IncomingHttpHeaders, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/index.ts';
import type { FileInput } from '../../src/config/schema/file.ts';
import { Daemon } from '../../src/daemon.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { loadInput } from './daemon-fixture.ts';

/** An answer of the admin API or through the proxy. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The parsed body; undefined when it is no JSON. */
  readonly body: Json;
}

// biome-ignore lint/suspicious/noExplicitAny: what the API answers is looked at field by field
export type Json = any;

export interface Ask {
  readonly method?: string;
  /** null = none. */
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** A string goes as it is, anything else as JSON. */
  readonly body?: unknown;
  readonly agent?: Agent;
}

/** One exchange; `port` on 127.0.0.1 unless `host` says otherwise. */
export function ask(port: number, path: string, options: Ask = {}, host = '127.0.0.1'): Promise<Answer> {
  const { method = 'GET', token, headers = {}, body } = options;
  const isJson = body !== undefined && typeof body !== 'string';
  const payload = body === undefined ? undefined : isJson ? JSON.stringify(body) : String(body);
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host,
        port,
        path,
        method,
        agent: options.agent ?? false,
        headers: {
          ...(token === undefined || token === null ? {} : { authorization: `Bearer ${token}` }),
          ...(isJson ? { 'content-type': 'application/json' } : {}),
          ...(payload === undefined ? {} : { 'content-length': String(Buffer.byteLength(payload)) }),
          ...headers,
        },
      },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            text,
            body: parsed(text),
          });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(payload);
  });
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A server behind the proxy that answers with its own address and counts. */
export class Backend implements AsyncDisposable {
  readonly #server: Server;
  hits = 0;
  isHealthy = true;
  /** While set, answers wait for it. */
  gate: Promise<void> | undefined;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(): Promise<Backend> {
    const server = createServer();
    const backend = new Backend(server);
    server.on('request', async (incoming, answer) => {
      incoming.resume();
      if (incoming.url === '/healthz') {
        answer.writeHead(backend.isHealthy ? 200 : 500).end();
        return;
      }
      backend.hits++;
      await backend.gate;
      answer.end(backend.address);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return backend;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    if (this.#server.listening) await once(this.#server, 'close');
  }
}

/** A daemon in this process whose admin API is asked over real sockets. */
export class AdminFixture implements AsyncDisposable {
  readonly daemon: Daemon;
  readonly folder: string;
  /** Of the start; rejected when it failed. */
  readonly started: Promise<void>;

  private constructor(daemon: Daemon, folder: string) {
    this.daemon = daemon;
    this.folder = folder;
    this.started = daemon.start();
    this.started.catch(() => {});
  }

  /** Begins the start and does not wait for it. */
  static begin(input: FileInput, folder = mkdtempSync(join(tmpdir(), 'sluice-admin-'))): AdminFixture {
    const config = loadInput(input, folder);
    const file = join(folder, 'sluice.yaml');
    const readConfig = () => loadConfig({ file }, { env: {}, wallMs: systemClock.wallMs() });
    const options = { config, certificatesDir: join(folder, 'certs'), readConfig };
    return new AdminFixture(new Daemon(options, systemClock), folder);
  }

  static async start(input: FileInput, folder?: string): Promise<AdminFixture> {
    const fixture = AdminFixture.begin(input, folder);
    try {
      await fixture.started;
    } catch (error) {
      await fixture[Symbol.asyncDispose]();
      throw error;
    }
    return fixture;
  }

  /** Writes the file anew; `POST /api/v1/reload` puts it in force. */
  write(input: FileInput): void {
    loadInput(input, this.folder);
  }

  get port(): number {
    const address = this.daemon.adminAddress;
    if (address === undefined) throw new Error('the admin API does not listen');
    return address.port;
  }

  /** Asks the admin API, with the made token unless another is named. */
  api(path: string, options: Ask = {}): Promise<Answer> {
    const made = this.daemon.adminToken;
    return ask(this.port, path, options.token === undefined && made ? { ...options, token: made } : options);
  }

  /** A request through the proxy. */
  async get(path = '/', agent?: Agent): Promise<Answer> {
    const port = this.daemon.listeners[0]?.port ?? 0;
    return ask(port, path, agent ? { agent } : {});
  }

  /** Who answered `count` requests through the proxy, one after the other, by address. */
  async answered(count: number): Promise<Map<string, number>> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const counts = new Map<string, number>();
    try {
      for (let i = 0; i < count; i++) {
        const { status, text } = await this.get('/', agent);
        const who = status === 200 ? text : `status ${status}`;
        counts.set(who, (counts.get(who) ?? 0) + 1);
      }
    } finally {
      agent.destroy();
    }
    return counts;
  }

  /** The lines of the log with this message. */
  logged(message: string): Json[] {
    return readFileSync(join(this.folder, 'log'), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))
      .filter((line) => line.message === message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** One pool `web` that takes everything. */
export function webOf(servers: readonly unknown[], pool: object = {}, more: object = {}): FileInput {
  return {
    version: 1,
    listeners: { plain: { port: 0 } },
    routes: [{ pool: 'web' }],
    pools: { web: { servers, health: false, algorithm: 'round_robin', ...pool } },
    ...more,
  } as unknown as FileInput;
}
