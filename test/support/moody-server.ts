/** A server of the test's own process that can be told to keep silent, to fail its health check, or to misbehave. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface Held {
  readonly request: IncomingMessage;
  answer(body?: string): void;
}

export class MoodyServer implements AsyncDisposable {
  readonly name: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Requests that wait for `answer`, oldest first. */
  readonly held: Held[] = [];
  /** Requests are held instead of answered. */
  isMute = false;
  isSick = false;
  /** Requests that came, health checks not counted. */
  requests = 0;
  #onHeld: (() => void) | null = null;

  private constructor(name: string) {
    this.name = name;
    this.#server = createServer((request, response) => this.#serve(request, response));
    this.#server.keepAliveTimeout = 60_000;
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  static async open(name: string): Promise<MoodyServer> {
    const moody = new MoodyServer(name);
    await once(moody.#server.listen(0, '127.0.0.1'), 'listening');
    return moody;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    if (request.url === '/healthz') {
      response.writeHead(this.isSick ? 500 : 200).end();
      return;
    }
    this.requests++;
    const answer = (body = this.name): void => void response.end(body);
    request.resume().on('end', () => {
      if (!this.isMute) {
        answer();
        return;
      }
      this.held.push({ request, answer });
      this.#onHeld?.();
    });
  }

  /** Resolves when this many requests wait. */
  holds(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#onHeld = () => {
        if (this.held.length >= count) resolve();
      };
      this.#onHeld();
    });
  }

  /** Resets every connection, as a crash would. */
  resetAll(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await once(this.#server.close(), 'close');
  }
}
