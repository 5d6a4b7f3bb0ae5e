/**
 * A server that answers right and treats connections badly, in ways that real ones do: ends idle ones whenever it likes
 * (FIN, or a reset), reads a request and resets, closes after an answer without having said so. Seeded.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Random } from '../../../src/kernel/random.ts';

export interface Manners {
  /** Chance that an idle connection is ended within about a millisecond of an answer. */
  readonly endsIdle?: number;
  /** Chance that a request is read and its connection reset. */
  readonly resets?: number;
  /** Chance that the connection is ended in the same breath as an answer that promised to keep it. */
  readonly endsBehindAnswer?: number;
}

export class UnreliableServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Requests that were read. */
  requests = 0;
  /** Connections that it ended, by whatever way. */
  ended = 0;

  private constructor(manners: Manners, random: Random) {
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => this.#sockets.delete(socket));
      this.#serve(socket, manners, random);
    });
  }

  static async open(manners: Manners, random: Random): Promise<UnreliableServer> {
    const server = new UnreliableServer(manners, random);
    await once(server.#server.listen(0, '127.0.0.1'), 'listening');
    return server;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #serve(socket: Socket, manners: Manners, random: Random): void {
    const { endsIdle = 0, resets = 0, endsBehindAnswer = 0 } = manners;
    let text = '';
    let isBusy = false;
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      isBusy = true;
      for (let size = requestSize(text); size > 0; size = requestSize(text)) {
        text = text.slice(size);
        this.requests++;
        if (random.next() < resets && socket.writable) {
          this.#end(() => socket.resetAndDestroy());
          return;
        }
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
        if (random.next() >= endsBehindAnswer) continue;
        this.#end(() => socket.end());
        return;
      }
      isBusy = false;
      if (random.next() >= endsIdle) return;
      // Not while a request is being read: such a server would be faulty, not impatient.
      const ending = random.below(2) === 0 ? () => socket.end() : () => socket.resetAndDestroy();
      setTimeout(() => {
        // A reset after `end` would leave the handle open for ever, and the process would never exit (Node 26).
        if (!isBusy && socket.writable) this.#end(ending);
      }, random.next());
    });
  }

  #end(how: () => void): void {
    this.ended++;
    how();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server.close(), 'close');
  }
}

/** Of the first whole request in the text, 0 when there is none. */
function requestSize(text: string): number {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return 0;
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end))?.[1] ?? 0);
  const size = end + 4 + length;
  return text.length < size ? 0 : size;
}
