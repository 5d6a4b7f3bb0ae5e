/** A proxy in front that says whom it brings: relays TCP, with a PROXY header in one piece with a connection's first bytes. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class ProxyRelay implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(target: number, header: Buffer | string): Promise<ProxyRelay> {
    const server = createServer({ noDelay: true });
    const relay = new ProxyRelay(server);
    server.on('connection', (client) => {
      const upstream = connect({ port: target, host: '127.0.0.1', noDelay: true });
      for (const socket of [client, upstream]) {
        relay.#sockets.add(socket);
        socket.on('error', () => {}).on('close', () => relay.#sockets.delete(socket));
      }
      let isFirst = true;
      client.on('data', (chunk: Buffer) => {
        upstream.write(isFirst ? Buffer.concat([Buffer.from(header as string), chunk]) : chunk);
        isFirst = false;
      });
      client.on('end', () => upstream.end()).on('close', () => upstream.destroySoon());
      upstream.on('data', (chunk) => client.write(chunk));
      upstream.on('end', () => client.end()).on('close', () => client.destroySoon());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
