import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type Message, readMessage, valuesOf } from './http-message.ts';
import { expand, type WireCase } from './wire-case.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const REFUSED = 'HTTP/1.1 400 Bad\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';

/** A proxy that has not let go of an ended connection by then never does. */
const LET_GO_MS = 3000;

/** One connection as the server has it. */
class Connection {
  readonly socket: Socket;
  raw = '';
  text = '';
  requests = 0;
  #unread = '';
  #partial: Message | undefined;
  #isAnsweredEarly = false;
  #wasToldToContinue = false;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  get transcript(): string {
    const partial = this.#partial;
    return partial ? `${this.text}<PARTIAL>${headText(partial)}${partial.body}` : this.text;
  }

  read(bytes: string, wire: WireCase): void {
    this.raw += bytes;
    this.#unread += bytes;
    while (this.#unread !== '') {
      const reading = readMessage(this.#unread, 'request');
      const start = reading.kind === 'bad' ? '' : reading.message?.start;
      if (reading.kind === 'bad' || (start !== undefined && !/^\S+ \S+ HTTP\/1\.[01]$/.test(start))) {
        this.text += `<GARBAGE>${this.#unread}`;
        this.#unread = '';
        this.socket.end(REFUSED);
        return;
      }
      if (reading.kind === 'partial') {
        this.#partial = reading.message;
        if (reading.message) this.#onHead(reading.message, wire);
        return;
      }
      this.#partial = undefined;
      this.#unread = reading.rest;
      this.#take(reading.message);
      if (this.#isAnsweredEarly) this.#isAnsweredEarly = false;
      else this.#answer(reading.message, wire);
    }
  }

  #onHead(message: Message, wire: WireCase): void {
    if (!this.#wasToldToContinue && valuesOf(message, 'expect').includes('100-continue')) {
      this.#wasToldToContinue = true;
      this.socket.write('HTTP/1.1 100 Continue\r\n\r\n');
    }
    if (wire.upstream_early === true && !this.#isAnsweredEarly) {
      this.#isAnsweredEarly = true;
      this.#answer(message, wire);
    }
  }

  #take(message: Message): void {
    this.requests++;
    const noHost = valuesOf(message, 'host').length === 0 ? '<NOHOST>' : '';
    const trailers = message.trailers === '' ? '' : `<TRAILERS>${message.trailers}`;
    this.text += `${headText(message, noHost)}${message.body}${trailers}<EOR>\r\n`;
  }

  #answer(message: Message, wire: WireCase): void {
    if (wire.upstream_hang === true) return;
    const usual = message.start.startsWith('HEAD ') ? OK.slice(0, -2) : OK;
    const answer = wire.upstream_reply === undefined ? usual : expand(wire.upstream_reply);
    if (answer !== '') this.socket.write(answer, 'latin1');
    if (wire.upstream_fin === true) this.socket.end();
  }
}

function headText({ start, fields }: Message, mark = ''): string {
  return `${start}\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}${mark}\r\n`;
}

/** The server of one lane: answers as the case of the moment says, and writes down what it sees. */
export class WireServer implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  #connections: Connection[] = [];
  #wire: WireCase | undefined;
  #onActivity: () => void = () => {};

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket) => this.#onConnection(socket));
  }

  static async open(): Promise<WireServer> {
    const server = createServer({ allowHalfOpen: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new WireServer(server);
  }

  /** @param onActivity is told of every event on this side */
  play(wire: WireCase, onActivity: () => void): void {
    this.#wire = wire;
    this.#connections = [];
    this.#onActivity = onActivity;
  }

  get raw(): string {
    return this.#connections.map((it) => it.raw).join('\n');
  }
  get transcript(): string {
    const requests = this.#connections.reduce((sum, it) => sum + it.requests, 0);
    return `${this.#connections.map((it) => it.transcript).join('\n')}<REQS=${requests}>`;
  }

  /** Ends every connection and waits until the other side has let go of it too: the next case meets none of them. */
  async hangUp(): Promise<void> {
    await Promise.all(
      [...this.#open].map((socket) => {
        // Not `once` of events, which a reset would make fail.
        const closed = new Promise<void>((resolve) => {
          if (socket.closed) resolve();
          else socket.once('close', () => resolve());
        });
        socket.end();
        const late = setTimeout(() => socket.destroy(), LET_GO_MS);
        return closed.then(() => clearTimeout(late));
      }),
    );
  }

  #onConnection(socket: Socket): void {
    const wire = this.#wire;
    if (!wire) {
      socket.destroy();
      return;
    }
    const connection = new Connection(socket);
    this.#connections.push(connection);
    this.#open.add(socket);
    socket.setNoDelay(true);
    const tell = (): void => {
      if (this.#wire === wire) this.#onActivity();
    };
    socket.on('data', (chunk) => {
      connection.read(chunk.toString('latin1'), wire);
      tell();
    });
    socket.on('end', () => socket.end());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#open.delete(socket);
      tell();
    });
    tell();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
