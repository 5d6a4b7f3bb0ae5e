/**
 * A TLS server that answers every request on a connection with one text, and then ends: as TLS asks for it (close_notify),
 * or as somebody on the way could do it (a FIN of TCP and nothing else).
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type SecureVersion, type Server as TlsServer } from 'node:tls';
import { authorityFor, materialFor } from './tls-fixture.ts';

export interface CutOptions {
  readonly answer: string;
  readonly isCut: boolean;
  readonly maxVersion?: SecureVersion;
}

export class CutTlsServer implements AsyncDisposable {
  readonly authorityPem: string;
  readonly #tls: TlsServer;
  readonly #relay: Server;
  readonly #sockets = new Set<Socket>();
  #isClosing = false;

  private constructor(authorityPem: string, tls: TlsServer, options: CutOptions) {
    this.authorityPem = authorityPem;
    this.#tls = tls;
    this.#relay = createServer({ allowHalfOpen: true }, (near) => this.#join(near, options.isCut));
    tls.on('secureConnection', (socket) => {
      this.#keep(socket);
      socket.once('data', () => {
        if (options.isCut) socket.write(options.answer, 'latin1', () => this.#cut(socket.remotePort ?? 0));
        else socket.end(options.answer, 'latin1');
      });
    });
  }

  static async open(options: CutOptions): Promise<CutTlsServer> {
    const authority = authorityFor();
    const { certPem: cert, keyPem: key } = materialFor(authority, 'cut', ['127.0.0.1']);
    const { maxVersion } = options;
    const tls = createTlsServer({ cert, key, ...(maxVersion === undefined ? {} : { maxVersion }) });
    const server = new CutTlsServer(authority.certPem, tls, options);
    for (const each of [tls, server.#relay]) {
      each.listen(0, '127.0.0.1');
      await once(each, 'listening');
    }
    return server;
  }

  get port(): number {
    return (this.#relay.address() as AddressInfo).port;
  }

  /** By the port that the TLS server sees: what ends that connection for the client. */
  readonly #cuts = new Map<number, () => void>();

  #cut(port: number): void {
    this.#cuts.get(port)?.();
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#sockets.delete(socket));
    // Connected before the end, and told of only now.
    if (this.#isClosing) socket.destroy();
  }

  /** Everything passes, until it is cut: then the client gets what was on the way, and a FIN. */
  #join(near: Socket, isCut: boolean): void {
    const far = connect((this.#tls.address() as AddressInfo).port, '127.0.0.1');
    this.#keep(near);
    this.#keep(far);
    near.pipe(far);
    far.pipe(near, { end: !isCut });
    far.once('connect', () => {
      // What was written before the cut lies in the system's buffers: it has passed when the event loop finds no more.
      this.#cuts.set(far.localPort ?? 0, () => {
        let turns = 0;
        far.on('data', () => {
          turns = 0;
        });
        const look = (): void => {
          if (far.isPaused()) turns = 0;
          if (++turns < 20) setImmediate(look);
          else near.end();
        };
        look();
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosing = true;
    for (const socket of this.#sockets) socket.destroy();
    for (const each of [this.#tls, this.#relay]) {
      each.close();
      await once(each, 'close');
    }
  }
}
