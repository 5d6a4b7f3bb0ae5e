/**
 * The two ends that a test plays itself, byte by byte: a client, and servers behind the proxy. Reading is waiting for
 * what must come; a wait that nothing satisfies fails with the name of what it waited for and with what came instead.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { formatHostPort } from '../../src/kernel/address.ts';
import { answerRole, type Message, readMessage, statusOf, valuesOf } from './http-message.ts';

const WAIT_MS = 10_000;

export interface Answer extends Message {
  readonly status: number;
  /** Interim answers that came before it. */
  readonly interim: readonly Message[];
  /** False: it ended with the connection. */
  readonly isFramed: boolean;
}

export interface PeerOptions {
  readonly tls?: boolean;
  readonly localAddress?: string;
  readonly host?: string;
}

export class Peer implements AsyncDisposable {
  readonly socket: Socket;
  readonly #name: string;
  readonly #looks = new Set<() => void>();
  #unread = '';
  #isEnded = false;
  #isClosed = false;
  /** Bytes that came in all. */
  received = 0;

  constructor(socket: Socket, name: string) {
    this.socket = socket;
    this.#name = name;
    socket.setNoDelay(true);
    const look = (): void => {
      for (const each of [...this.#looks]) each();
    };
    socket.on('data', (chunk: Buffer) => {
      this.received += chunk.length;
      this.#unread += chunk.toString('latin1');
      look();
    });
    socket.on('end', () => {
      this.#isEnded = true;
      look();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#isEnded = true;
      this.#isClosed = true;
      look();
    });
  }

  /** A client of a port on this machine, or of a Unix socket. */
  static async connect(at: number | string, options: PeerOptions = {}): Promise<Peer> {
    const { host = '127.0.0.1' } = options;
    const where = { ...(typeof at === 'string' ? { path: at } : { host, port: at }), allowHalfOpen: true };
    if (options.tls === true) {
      const socket = connectTls({ ...where, rejectUnauthorized: false });
      await once(socket, 'secureConnect');
      return new Peer(socket, 'client');
    }
    const from = options.localAddress === undefined ? {} : { localAddress: options.localAddress };
    const socket = connect({ ...where, ...from });
    await once(socket, 'connect');
    return new Peer(socket, 'client');
  }

  /** What came and was not read as a message yet. */
  get unread(): string {
    return this.#unread;
  }
  get isClosed(): boolean {
    return this.#isClosed;
  }

  write(text: string | Buffer): void {
    if (typeof text === 'string') this.socket.write(text, 'latin1');
    else this.socket.write(text);
  }
  /** Sends FIN. */
  end(text = ''): void {
    this.socket.end(text, 'latin1');
  }
  destroy(): void {
    this.socket.destroy();
  }
  /** Ends with a RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  /**
   * Resolves with the first value that `find` has, asked again whenever something happens.
   * @param waitMs 0 = for ever
   */
  until<T>(what: string, find: () => T | undefined, waitMs = WAIT_MS): Promise<T> {
    return new Promise((resolve, reject) => {
      const late = (): void => done(() => reject(this.#late(what)));
      const timer = waitMs > 0 ? setTimeout(late, waitMs) : undefined;
      const done = (settle: () => void): void => {
        clearTimeout(timer);
        this.#looks.delete(look);
        settle();
      };
      const look = (): void => {
        try {
          const found = find();
          if (found !== undefined) done(() => resolve(found));
          else if (this.#isClosed) late();
        } catch (error) {
          done(() => reject(error));
        }
      };
      this.#looks.add(look);
      look();
    });
  }

  #late(what: string): Error {
    const state = this.#isClosed ? 'closed' : this.#isEnded ? 'ended' : 'open';
    const came = JSON.stringify(this.#unread.slice(0, 400));
    return new Error(`${this.#name} waited for ${what}; ${state}, unread: ${came}`);
  }

  /** The next complete request. */
  request(waitMs = WAIT_MS): Promise<Message> {
    const find = (): Message | undefined => {
      const reading = readMessage(this.#unread, 'request');
      if (reading.kind === 'bad') throw new Error(`${this.#name} got a bad request: ${this.#unread}`);
      if (reading.kind === 'partial') return undefined;
      this.#unread = reading.rest;
      return reading.message;
    };
    return this.until('a request', find, waitMs);
  }

  /** The head of a request whose body is still to come; what has come of the body stays unread. */
  requestHead(): Promise<Message> {
    return this.until('the head of a request', () => {
      const end = this.#unread.indexOf('\r\n\r\n');
      if (end < 0) return undefined;
      const reading = readMessage(this.#unread.slice(0, end + 4), 'bodyless answer');
      if (reading.kind !== 'complete') throw new Error(`${this.#name} got a bad head: ${this.#unread}`);
      this.#unread = this.#unread.slice(end + 4);
      return reading.message;
    });
  }

  /** The next final answer, complete, with the interim ones before it. */
  answer(method = 'GET'): Promise<Answer> {
    const interim: Message[] = [];
    return this.until('an answer', () => {
      for (;;) {
        const reading = readMessage(this.#unread, answerRole(this.#unread, method));
        if (reading.kind === 'bad') throw new Error(`${this.#name} got a bad answer: ${this.#unread}`);
        if (reading.kind === 'partial' || (!reading.isFramed && !this.#isEnded)) return undefined;
        this.#unread = reading.rest;
        const status = statusOf(reading.message.start);
        if (status >= 200 || status === 101)
          return { ...reading.message, status, interim, isFramed: reading.isFramed };
        interim.push(reading.message);
      }
    });
  }

  /** Sends a request and resolves with its answer. */
  ask(request: string): Promise<Answer> {
    this.write(request);
    return this.answer(request.slice(0, request.indexOf(' ')));
  }

  /** Waits until this much unread text is there that holds `piece`. */
  sees(piece: string): Promise<true> {
    return this.until(JSON.stringify(piece), () => this.#unread.includes(piece) || undefined);
  }

  /** The other side sends no more (FIN or RST). */
  ended(): Promise<true> {
    return this.until('the end', () => this.#isEnded || undefined);
  }

  /** Resolves with all that was unread when the other side ended. */
  async rest(): Promise<string> {
    await this.ended();
    return this.#unread;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await this.until('its own close', () => this.#isClosed || undefined);
  }
}

export const fieldOf = (message: Message, name: string): string | undefined => valuesOf(message, name)[0];

/** A server whose connections the test answers itself. */
export class RawServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #peers: Peer[] = [];
  readonly #unaccepted: Peer[] = [];
  readonly #waiters: ((peer: Peer) => void)[] = [];

  private constructor(server: Server, name: string) {
    this.#server = server;
    server.on('connection', (socket) => {
      const peer = new Peer(socket, name);
      this.#peers.push(peer);
      const waiter = this.#waiters.shift();
      if (waiter) waiter(peer);
      else this.#unaccepted.push(peer);
    });
  }

  /** @param at an address to take a free port of, or the path of a Unix socket */
  static async open(name = 'server', at = '127.0.0.1'): Promise<RawServer> {
    const server = createServer({ allowHalfOpen: true });
    const raw = new RawServer(server, name);
    if (at.startsWith('/')) server.listen(at);
    else server.listen(0, at);
    await once(server, 'listening');
    return raw;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }
  get address(): string {
    const at = this.#server.address();
    return typeof at === 'string'
      ? `unix:${at}`
      : formatHostPort({ host: at?.address ?? '', port: this.port });
  }
  /** Connections that came in all. */
  get connections(): number {
    return this.#peers.length;
  }

  /** The next connection. */
  accept(): Promise<Peer> {
    const peer = this.#unaccepted.shift();
    if (peer) return Promise.resolve(peer);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`waited ${WAIT_MS} ms for a connection`)), WAIT_MS);
      // The open server keeps the process; a wait that outlives the test must not.
      timer.unref();
      this.#waiters.push((found) => {
        clearTimeout(timer);
        resolve(found);
      });
    });
  }

  /** From now on answers every request of every connection with what `answer` makes of it. */
  answerAll(answer: (request: Message, connection: number) => string): void {
    const serve = async (peer: Peer, connection: number): Promise<void> => {
      while (!peer.isClosed) peer.write(answer(await peer.request(0), connection));
    };
    let count = 0;
    const take = (peer: Peer): void => {
      this.#waiters.push(take);
      // Ends with its connection.
      serve(peer, count++).catch(() => peer.destroy());
    };
    this.#waiters.push(take);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.#peers) peer.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** `HTTP/1.1 200 OK` with this body. */
export function ok(body = 'ok', fields = ''): string {
  return `HTTP/1.1 200 OK\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`;
}

/** A GET of `path` with further field lines. */
export function get(path = '/', fields = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: t.example\r\n${fields}\r\n`;
}
