/** A server that takes a PROXY header from everybody, then HTTP or TLS, played by the test. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { type ProxyReading, readProxyHeader } from '../../src/listen/proxy-protocol.ts';
import { Peer } from './peer.ts';
import { Mailbox } from './tls-fixture.ts';

/** A connection behind its header. */
export interface Introduced {
  readonly header: string;
  readonly reading: ProxyReading;
  readonly peer: Peer;
}

export class ProxiedServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #introduced = new Mailbox<Introduced>();
  connections = 0;

  private constructor(server: Server, tls: TlsOptions | null) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
      this.#read(socket, tls);
    });
  }

  static async open(tls: TlsOptions | null = null): Promise<ProxiedServer> {
    const server = createServer({ allowHalfOpen: tls === null });
    const proxied = new ProxiedServer(server, tls);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxied;
  }

  #read(socket: Socket, tls: TlsOptions | null): void {
    let came = Buffer.alloc(0);
    const take = (chunk: Buffer): void => {
      came = Buffer.concat([came, chunk]);
      const reading = readProxyHeader(came);
      if (reading.kind === 'more') return;
      socket.off('data', take);
      socket.pause();
      const size = 'size' in reading ? reading.size : 0;
      const header = came.toString('latin1', 0, size);
      if (size < came.length) socket.unshift(came.subarray(size));
      const put = (plain: Socket): void => {
        this.#introduced.put({ header, reading, peer: new Peer(plain, 'server') });
        plain.resume();
      };
      if (tls === null) put(socket);
      else
        createTlsServer(tls)
          .on('secureConnection', put)
          .on('tlsClientError', () => {})
          .emit('connection', socket);
    };
    socket.on('data', take);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** The next connection that has shown its header. */
  accept(): Promise<Introduced> {
    return this.#introduced.next();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
