/**
 * One listener in one data thread: its own socket (SO_REUSEPORT: the kernel spreads connections over the threads),
 * accept, access list, connection cap, TLS handshake, then the wire. Survives reloads that keep its address;
 * what a reload changes is taken over by `configure`.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { unmapAddress } from '../kernel/address.ts';
import type { ClientInfo } from '../kernel/client-info.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Deadlines } from '../kernel/deadlines.ts';
import { errorText, SluiceError } from '../kernel/errors.ts';
import { fileNumberOf } from '../kernel/open-files.ts';
import type { ListenerCells, Log } from '../observe/index.ts';
import { type ListenerTls, tlsErrorKind } from '../tls/index.ts';
import { acceptedSocketOf, Handshake } from './handshake.ts';
import type { OpenFiles } from './open-files.ts';

/** Where to listen. `host` undefined = all addresses, both families where there are two. */
export interface ListenAddress {
  readonly host: string | undefined;
  readonly port: number;
}

/** What may change by a reload. */
export interface ListenerSettings {
  readonly name: string;
  /** null = plain. */
  readonly tls: ListenerTls | null;
  /** In all, from the accept; bytes that drip do not move it. */
  readonly handshakeTimeoutMs: number;
  readonly cells: ListenerCells;
  /** Whether this peer may connect at all. */
  admits(peerAddress: string): boolean;
  /** Whether the peer is one of `trusted_proxies`. */
  isTrusted(peerAddress: string): boolean;
  /** Takes a place under `max_connections` (exact over all threads); false = full. */
  acquire(): boolean;
  release(): void;
}

/** A connection that can be asked to end. */
export interface OpenConnection {
  close(): void;
  destroy(): void;
}

/** Makes the wire for an accepted connection. `onClose` must be called once. */
export type OpenWire = (
  socket: Socket,
  client: ClientInfo,
  onClose: (connection: OpenConnection) => void,
) => OpenConnection;

export interface ListenerDeps {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly log: Log;
  readonly files: OpenFiles;
}

const BACKLOG = 4096;
/** Node's own time of a handshake is one for all times of a server; ours follows reloads. So Node's must never come first. */
const NODE_HANDSHAKE_TIMEOUT_MS = 2 ** 31 - 1;

export class Listener {
  readonly address: ListenAddress;
  readonly #server: Server;
  /** Not bound: admitted sockets are given to it. null = plain. */
  readonly #tlsServer: Server | null;
  readonly #openWire: OpenWire;
  readonly #deps: ListenerDeps;
  readonly #connections = new Set<OpenConnection>();
  /** Accepted sockets under TLS; those that are still shaking hands have no connection yet. */
  readonly #tlsSockets = new Map<Socket, Handshake | null>();
  #settings: ListenerSettings;
  #isClosed = false;
  #drained: Promise<void> | null = null;
  #onEmpty: (() => void) | null = null;

  constructor(address: ListenAddress, settings: ListenerSettings, openWire: OpenWire, deps: ListenerDeps) {
    this.address = address;
    this.#settings = settings;
    this.#openWire = openWire;
    this.#deps = deps;
    this.#tlsServer = settings.tls === null ? null : this.#makeTlsServer(settings.tls);
    // A client that leaves during its handshake would stay half open for ever: nobody reads that end.
    this.#server = createServer({ allowHalfOpen: this.#tlsServer === null, noDelay: true });
    this.#server.on('connection', (socket: Socket) => this.#onConnection(socket));
  }

  #makeTlsServer(tls: ListenerTls): Server {
    const server = createTlsServer({
      ...tls.serverOptions(),
      handshakeTimeout: NODE_HANDSHAKE_TIMEOUT_MS,
    });
    tls.attach(server);
    server.on('secureConnection', (socket: TLSSocket) => this.#onSecure(socket));
    server.on('tlsClientError', (error, socket) => {
      socket.destroy();
      this.#settings.cells.countHandshakeFailed();
      this.#deps.log.debug('TLS handshake failed', {
        listener: this.#settings.name,
        kind: tlsErrorKind(error),
      });
    });
    return server;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }
  get isTls(): boolean {
    return this.#settings.tls !== null;
  }

  /** @throws SluiceError when the address cannot be bound */
  listen(): Promise<void> {
    const { host, port } = this.address;
    return new Promise((resolve, reject) => {
      const onError = (error: Error): void => {
        reject(
          new SluiceError(
            'listen_failed',
            `listener "${this.#settings.name}" cannot listen on port ${port}: ${errorText(error)}`,
            { cause: error },
          ),
        );
      };
      this.#server.once('error', onError);
      this.#server.listen(
        { ...(host === undefined ? {} : { host }), port, backlog: BACKLOG, reusePort: true },
        () => {
          this.#server.off('error', onError);
          // After that only accept errors (EMFILE) come here; the listener lives on.
          this.#server.on('error', (error) => this.#refuseForFiles(errorText(error)));
          resolve();
        },
      );
    });
  }

  /** Takes over what a reload brought. The kind of wire (plain or TLS) cannot change. */
  configure(settings: ListenerSettings): void {
    this.#settings = settings;
  }

  /** Accepts no more; connections end after what they are doing. Resolves when the last has gone. */
  drain(): Promise<void> {
    this.#stopAccepting();
    for (const connection of this.#connections) connection.close();
    this.#drained ??= new Promise((resolve) => {
      this.#onEmpty = resolve;
      this.#tellWhenEmpty();
    });
    return this.#drained;
  }

  /** Ends everything now. */
  destroy(): void {
    this.#stopAccepting();
    for (const connection of this.#connections) connection.destroy();
    for (const socket of this.#tlsSockets.keys()) socket.destroy();
  }

  #stopAccepting(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#server.close();
  }

  #tellWhenEmpty(): void {
    if (this.#connections.size === 0 && this.#tlsSockets.size === 0) this.#onEmpty?.();
  }

  #onConnection(socket: Socket): void {
    const settings = this.#settings;
    if (!this.#deps.files.hasRoom(fileNumberOf(socket))) {
      this.#refuseForFiles();
      socket.destroy();
      return;
    }
    const peer = peerOf(socket);
    if (peer === '' || !settings.admits(peer) || !settings.acquire()) {
      settings.cells.countRefused();
      socket.destroy();
      return;
    }
    settings.cells.countAccepted();
    socket.once('close', () => {
      settings.release();
      settings.cells.countClosed();
    });
    if (this.#tlsServer === null) this.#open(socket, peer, '');
    else this.#shakeHands(this.#tlsServer, socket);
  }

  #refuseForFiles(error = ''): void {
    this.#settings.cells.countNoFile();
    this.#deps.files.refuse(this.#settings.name, error);
  }

  #shakeHands(server: Server, socket: Socket): void {
    const { clock, deadlines } = this.#deps;
    const handshake = new Handshake(socket, clock.nowMs() + this.#settings.handshakeTimeoutMs);
    this.#tlsSockets.set(socket, handshake);
    deadlines.add(handshake);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      this.#tlsSockets.delete(socket);
      deadlines.remove(handshake);
      this.#tellWhenEmpty();
    });
    server.emit('connection', socket);
  }

  #onSecure(socket: TLSSocket): void {
    const accepted = acceptedSocketOf(socket);
    const handshake = this.#tlsSockets.get(accepted);
    if (handshake) this.#deps.deadlines.remove(handshake);
    this.#tlsSockets.set(accepted, null);
    this.#settings.cells.countHandshake(socket.isSessionReused());
    socket.allowHalfOpen = true;
    const peer = peerOf(socket);
    if (peer === '') socket.destroy();
    else this.#open(socket, peer, socket.getProtocol() ?? 'TLS');
  }

  #open(socket: Socket, peerAddress: string, tlsVersion: string): void {
    const client: ClientInfo = {
      listener: this.#settings.name,
      peerAddress,
      peerPort: socket.remotePort ?? 0,
      localPort: this.address.port,
      tlsVersion,
      isTrusted: this.#settings.isTrusted(peerAddress),
      memo: null,
    };
    const connection = this.#openWire(socket, client, (closed) => {
      this.#connections.delete(closed);
      this.#tellWhenEmpty();
    });
    this.#connections.add(connection);
    // Its handshake was under way when the listener began to drain.
    if (this.#isClosed) connection.close();
  }
}

/**
 * The peer's IP; '' when it has reset the connection already. What such a peer had sent can still be read, and would be
 * served past every rule about addresses.
 */
function peerOf(socket: Socket): string {
  return unmapAddress(socket.remoteAddress ?? '');
}
