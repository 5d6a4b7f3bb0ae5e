/**
 * Stops an HTTP server without cutting an answer. `http.Server.close()` cannot: it destroys connections whose
 * answer was ended but is not yet sent (a big answer to a slow reader), and it leaves those that become idle
 * later open until their keep-alive timeout. So the answers of each connection are counted here.
 */
import type { Server } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import type { Clock } from '../kernel/clock.ts';

export class Drain {
  readonly #server: Server;
  /** Answers that are not sent to their end, by connection. */
  readonly #open = new Map<Socket, number>();
  #isClosing = false;

  constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket: Socket) => {
      this.#open.set(socket, 0);
      socket.once('close', () => this.#open.delete(socket));
    });
  }

  /** True from the call of `close`: new answers have to say `Connection: close`. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** A request came on the connection. */
  began(socket: Socket): void {
    const count = this.#open.get(socket);
    if (count !== undefined) this.#open.set(socket, count + 1);
  }

  /** Its answer was sent, or its client left. */
  ended(socket: Socket): void {
    const count = this.#open.get(socket);
    if (count === undefined) return;
    this.#open.set(socket, count - 1);
    if (this.#isClosing && count === 1) socket.destroySoon();
  }

  /** Closes the port at once, idle connections too; cuts what is still in flight after `boundMs`. */
  async close(clock: Clock, boundMs: number): Promise<void> {
    this.#isClosing = true;
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => {
      NetServer.prototype.close.call(this.#server, () => resolve());
    });
    for (const [socket, count] of this.#open) if (count === 0) socket.destroySoon();
    const bound = clock.setTimer(boundMs, () => {
      for (const socket of this.#open.keys()) socket.destroy();
    });
    await closed;
    bound.cancel();
  }
}
