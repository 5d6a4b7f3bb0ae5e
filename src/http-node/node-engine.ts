/**
 * A second wire for HTTP/1.1, made of Node's own server (`engine: node` of a listener). It is an escape hatch, should our
 * codec refuse a client that it ought to serve, and an oracle: the tests of the wire run over both.
 *
 * Node reads the bytes, frames the answers and keeps requests in order. What a message means stays ours: each head that
 * Node has read is put together again and read by our own reader, so the same fields pass, the same requests are refused
 * and the same limits hold. Node's own timeouts, defaults and answers are off.
 */
import { type IncomingMessage, Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { WireDeps, WireLimits } from '../http/index.ts';
import type { ClientInfo } from '../kernel/client-info.ts';
import { NodeConnection } from './node-connection.ts';

export class NodeEngine {
  readonly #limits: WireLimits;
  readonly #deps: WireDeps;
  /** Not bound: accepted sockets, plain or under TLS, are given to it. */
  readonly #server: Server;
  readonly #connections = new WeakMap<object, NodeConnection>();

  constructor(limits: WireLimits, deps: WireDeps) {
    this.#limits = limits;
    this.#deps = deps;
    this.#server = new Server({
      maxHeaderSize: limits.maxHeadBytes,
      insecureHTTPParser: false,
      requireHostHeader: false,
      optimizeEmptyRequests: true,
      requestTimeout: 0,
      headersTimeout: 0,
      keepAliveTimeout: 0,
      shouldUpgradeCallback: (request) => this.#of(request.socket)?.takesUpgrade(request) ?? false,
    });
    // All of them: beyond its limit Node drops fields in silence.
    this.#server.maxHeadersCount = 0;
    for (const event of ['request', 'checkContinue', 'checkExpectation'])
      this.#server.on(event, (request: IncomingMessage, response: ServerResponse) =>
        this.#of(request.socket)?.onRequest(request, response),
      );
    for (const event of ['upgrade', 'connect'])
      this.#server.on(event, (request: IncomingMessage, _: unknown, early: Buffer) =>
        this.#of(request.socket)?.onUpgrade(request, early),
      );
    this.#server.on('clientError', (error, socket) => this.#of(socket)?.onError(error));
  }

  open(socket: Socket, client: ClientInfo, onClose: (connection: NodeConnection) => void): NodeConnection {
    // Node's listeners come first, ours correct what they do.
    this.#server.emit('connection', socket);
    const connection = new NodeConnection(socket, client, this.#limits, this.#deps, onClose);
    this.#connections.set(socket, connection);
    // What came behind a PROXY header waits in a paused socket.
    socket.resume();
    return connection;
  }

  #of(socket: object): NodeConnection | undefined {
    return this.#connections.get(socket);
  }
}
