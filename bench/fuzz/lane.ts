/**
 * A listener of the daemon with a server of its own behind it, so that all bytes that this server sees belong to the
 * one input that the lane has at the moment.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { systemClock } from '../../src/kernel/clock.ts';
import { type Message, readMessage } from '../../test/support/http-message.ts';

/** A connection that neither answers nor ends is what this finds, so it must end by itself. */
const PATIENCE_MS = 10_000;

/** What the server of a lane read. */
export interface Seen {
  readonly message: Message;
  /** As it came, head and body. */
  readonly raw: string;
}

/** What a client got; `isClosed` false: it gave up waiting. */
export interface Got {
  readonly raw: string;
  readonly isClosed: boolean;
}

/** How the server answers a request: bytes, and whether it ends its direction behind them. */
export interface Reply {
  readonly pieces: readonly Buffer[];
  readonly hasFin: boolean;
}

export class LaneServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  seen: Seen[] = [];
  /** Bytes that are no request for a strict reader; '' when there were none. */
  garbage = '';
  reply: (seen: Seen, count: number) => Reply = () => ({ pieces: [], hasFin: true });

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => this.#serve(socket));
  }

  static async open(): Promise<LaneServer> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new LaneServer(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Forgets what it saw. */
  clear(): void {
    this.seen = [];
    this.garbage = '';
  }

  #serve(socket: Socket): void {
    let unread = '';
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('end', () => socket.end());
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      unread += chunk.toString('latin1');
      for (;;) {
        const reading = readMessage(unread, 'request');
        if (reading.kind === 'bad') {
          this.garbage ||= unread;
          socket.destroy();
        }
        if (reading.kind !== 'complete') return;
        const seen = { message: reading.message, raw: unread.slice(0, unread.length - reading.rest.length) };
        unread = reading.rest;
        this.seen.push(seen);
        const { pieces, hasFin } = this.reply(seen, this.seen.length);
        for (const piece of pieces) if (socket.writable) socket.write(piece);
        if (hasFin) socket.end();
      }
    });
  }

  /** Ends every connection; when it resolves all that was on its way has been read. */
  async hangUp(): Promise<void> {
    await Promise.all(
      [...this.#sockets].map(async (socket) => {
        // Not `once` of events, which a reset would make fail.
        const closed = new Promise<void>((resolve) => {
          if (socket.closed) resolve();
          else socket.once('close', () => resolve());
        });
        socket.end();
        await closed;
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** A connection of a client that sends pieces and collects what comes. */
export class LaneClient {
  readonly #socket: Socket;
  readonly #closed = Promise.withResolvers<void>();
  #look: () => void = () => {};
  raw = '';
  isClosed = false;

  constructor(port: number) {
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true });
    this.#socket.on('data', (chunk: Buffer) => {
      this.raw += chunk.toString('latin1');
      this.#look();
    });
    const over = (): void => {
      this.isClosed = true;
      this.#look();
    };
    this.#socket.on('error', over).on('end', over);
    this.#socket.on('close', () => {
      over();
      this.#closed.resolve();
    });
  }

  /** Each piece is handed to the system before the next; what the other side does not want any more is not sent. */
  async send(pieces: readonly Buffer[]): Promise<void> {
    for (const piece of pieces) {
      if (!this.#socket.writable) return;
      const written = new Promise<void>((resolve) => this.#socket.write(piece, () => resolve()));
      await Promise.race([written, this.#closed.promise]);
    }
  }

  /** Waits until `holds`, or the other side has ended, or too long. @returns whether it did not take too long */
  async until(holds: () => boolean, mostMs = PATIENCE_MS): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = systemClock.setTimer(mostMs, () => resolve(false));
    this.#look = () => {
      if (this.isClosed || holds()) resolve(true);
    };
    this.#look();
    const came = await promise;
    timer.cancel();
    return came;
  }

  async hangUp(): Promise<void> {
    this.#socket.destroy();
    await this.#closed.promise;
  }
}
