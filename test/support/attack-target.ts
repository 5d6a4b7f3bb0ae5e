/**
 * What the attack tests aim at: a daemon with a route that denies /admin/*, and behind it a server that writes down every
 * byte it gets. A variant of an attack has a connection of its own and ends with an answer, or with the connection.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Test } from 'tap';
import type { FileInput } from '../../src/config/schema/file.ts';
import { DaemonFixture } from './daemon-fixture.ts';
import { type Message, readMessage } from './http-message.ts';
import { type Answer, get, ok, Peer } from './peer.ts';
import type { Wire } from './wires.ts';

type ListenerInput = NonNullable<FileInput['listeners']>[string];
type PoolInput = NonNullable<FileInput['pools']>[string];

export interface TargetOptions {
  readonly listener?: Partial<ListenerInput>;
  readonly pool?: Partial<PoolInput>;
  readonly file?: Partial<FileInput>;
  /** What the server answers; 'ok' with the target as its body by default. '' = nothing. */
  readonly answer?: (request: Message, socket: Socket) => string;
}

const targetOf = (request: Message): string => request.start.split(' ')[1] ?? '';

export class AttackTarget implements AsyncDisposable {
  readonly daemon: DaemonFixture;
  /** Complete requests that got to the server, and every byte. */
  readonly requests: Message[];
  readonly #server: RecordingServer;

  private constructor(daemon: DaemonFixture, server: RecordingServer) {
    this.daemon = daemon;
    this.#server = server;
    this.requests = server.requests;
  }

  /** As `start`, over this wire. */
  static over({ listener }: Wire): { start(options?: TargetOptions): Promise<AttackTarget> } {
    return {
      start: (options = {}) =>
        AttackTarget.start({ ...options, listener: { ...listener, ...options.listener } }),
    };
  }

  static async start(options: TargetOptions = {}): Promise<AttackTarget> {
    const server = await RecordingServer.open(options.answer ?? ((request) => ok(targetOf(request))));
    const input: FileInput = {
      listeners: { http: { address: '127.0.0.1', port: 0, ...options.listener } },
      routes: [
        { name: 'admin', match: { path: '/admin/*' }, respond: { status: 403, body: 'no' } },
        { name: 'all', pool: 'web' },
      ],
      pools: { web: { servers: [server.address], health: false, ...options.pool } },
      ...options.file,
    };
    try {
      return new AttackTarget(await DaemonFixture.start(input), server);
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  get address(): string {
    return this.#server.address;
  }
  /** All that the server got, as latin1. */
  get raw(): string {
    return this.#server.raw;
  }
  /** Connections that the server got. */
  get connections(): number {
    return this.#server.connections;
  }

  client(options: { listener?: string; tls?: boolean; localAddress?: string } = {}): Promise<Peer> {
    return Peer.connect(this.daemon.port(options.listener), options);
  }

  /** The answer to these bytes on a connection of their own. */
  async ask(bytes: string, method = 'GET'): Promise<Answer> {
    await using client = await this.client();
    client.write(bytes);
    return await client.answer(method);
  }

  /** These bytes are refused with one of the statuses, the connection ends, and the server has seen none of them. */
  async refuses(t: Test, bytes: string, statuses: readonly number[] = [400], name?: string): Promise<void> {
    const { raw } = this;
    const what = name ?? JSON.stringify(bytes.slice(0, 120));
    await using client = await this.client();
    client.write(bytes);
    const answer = await client.answer();
    t.ok(statuses.includes(answer.status), `${answer.status} for ${what}`);
    await client.ended();
    t.equal(client.unread, '', 'one answer');
    t.equal(this.raw, raw, 'nothing got to the server');
  }

  /** The daemon still serves. */
  async serves(t: Test, path = '/still-there'): Promise<void> {
    const answer = await this.ask(get(path));
    t.equal(answer.status, 200, `it still serves ${path}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.daemon[Symbol.asyncDispose]();
    } finally {
      await this.#server.close();
    }
  }
}

class RecordingServer {
  readonly requests: Message[] = [];
  raw = '';
  connections = 0;
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  private constructor(answer: (request: Message, socket: Socket) => string) {
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.connections++;
      this.#open.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => this.#open.delete(socket));
      let unread = '';
      socket.on('data', (chunk) => {
        const text = chunk.toString('latin1');
        this.raw += text;
        unread += text;
        for (;;) {
          const reading = readMessage(unread, 'request');
          if (reading.kind === 'bad') socket.destroy();
          if (reading.kind !== 'complete') return;
          unread = reading.rest;
          this.requests.push(reading.message);
          const said = answer(reading.message, socket);
          if (said !== '') socket.write(said, 'latin1');
        }
      });
    });
  }

  static async open(answer: (request: Message, socket: Socket) => string): Promise<RecordingServer> {
    const server = new RecordingServer(answer);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
