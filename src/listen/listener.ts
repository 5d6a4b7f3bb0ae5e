/**
 * One listener in one data thread: its own socket (SO_REUSEPORT: the kernel spreads connections over the threads; a Unix
 * socket has nothing like it, so one thread has it alone),
 * accept, access list, connection cap, PROXY header, TLS handshake, then the wire. Survives reloads that keep its address;
 * what a reload changes is taken over by `configure`.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { UNIX_PEER, unixPathOf, unmapAddress } from '../kernel/address.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Deadlines } from '../kernel/deadlines.ts';
import { errorText, SluiceError } from '../kernel/errors.ts';
import { LinkedSet } from '../kernel/linked-set.ts';
import { fileNumberOf } from '../kernel/open-files.ts';
import { emptySocket } from '../kernel/socket-internals.ts';
import type { ListenerCells, Log } from '../observe/index.ts';
import { type ListenerTls, tlsErrorKind } from '../tls/index.ts';
import { Arrival, acceptedSocketOf } from './arrival.ts';
import { Client, type Origin, proxiedOrigin } from './client.ts';
import type { OpenConnection, OpenWire } from './open-connection.ts';
import type { OpenFiles } from './open-files.ts';
import {
  type ProxyOutcome,
  ProxyPhase,
  type ProxyProtocolSettings,
  type ProxyRefusal,
} from './proxy-phase.ts';
import { SocketFile, type SocketFileOptions } from './socket-file.ts';

/** Where to listen. `host` undefined = all addresses, both families where there are two. */
export interface ListenAddress {
  readonly host: string | undefined;
  readonly port: number;
  /** Set for a Unix socket: how its file is to be; `host` is `unix:` and the path then, and the port 0. */
  readonly socket?: SocketFileOptions | null;
}

/** What may change by a reload. */
export interface ListenerSettings {
  readonly name: string;
  /** null = plain. */
  readonly tls: ListenerTls | null;
  /** In all, from the accept; bytes that drip do not move it. */
  readonly handshakeTimeoutMs: number;
  /** null = connections begin with what they are there for. */
  readonly proxyProtocol: ProxyProtocolSettings | null;
  readonly cells: ListenerCells;
  /** Whether this client may connect at all. */
  admits(address: string): boolean;
  /** Whether this is one of `trusted_proxies`. */
  isTrusted(address: string): boolean;
  /** Takes a place under `max_connections` (exact over all threads); false = full. */
  acquire(): boolean;
  release(): void;
}

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
  /** Of a Unix socket. */
  readonly #file: SocketFile | null;
  readonly #server: Server;
  /** Not bound: admitted sockets are given to it. null = plain. */
  readonly #tlsServer: Server | null;
  readonly #openWire: OpenWire;
  readonly #deps: ListenerDeps;
  readonly #arrivals = new LinkedSet<Arrival>();
  /** Those under TLS, by the socket below it. */
  readonly #underTls = new WeakMap<Socket, Arrival>();
  /** How many of them have a wire. */
  #open = 0;
  /** What was told of closed connections since the settings were set: the first of a kind aloud. */
  readonly #toldRefusals = new Set<ProxyRefusal>();
  #settings: ListenerSettings;
  #isClosed = false;
  #drained: Promise<void> | null = null;
  #onEmpty: (() => void) | null = null;

  constructor(address: ListenAddress, settings: ListenerSettings, openWire: OpenWire, deps: ListenerDeps) {
    this.address = address;
    const path = address.host === undefined ? undefined : unixPathOf(address.host);
    this.#file = path === undefined || !address.socket ? null : new SocketFile(path, address.socket);
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
    return this.#open;
  }
  get connections(): Iterable<OpenConnection> {
    return this.#connections();
  }
  *#connections(): Iterable<OpenConnection> {
    for (const { connection } of this.#arrivals) if (connection !== null) yield connection;
  }
  /** Handshakes, and PROXY headers, under way. */
  get handshakeCount(): number {
    return this.#arrivals.size - this.#open;
  }
  get isTls(): boolean {
    return this.#settings.tls !== null;
  }

  /** Binds; a Unix socket is found by clients after `publish` only. @throws SluiceError when the address cannot be bound */
  listen(): Promise<void> {
    const { host, port } = this.address;
    const where = this.#file
      ? { path: this.#file.birthPath }
      : { ...(host === undefined ? {} : { host }), port, reusePort: true };
    return new Promise((resolve, reject) => {
      const fail = (error: unknown): void => reject(this.#cannotListen(error));
      this.#server.once('error', fail);
      this.#server.listen({ ...where, backlog: BACKLOG }, () => {
        this.#server.off('error', fail);
        // After that only accept errors (EMFILE) come here; the listener lives on.
        this.#server.on('error', (error) => this.#refuseForFiles(errorText(error)));
        try {
          this.#file?.own();
          resolve();
        } catch (error) {
          this.#stopAccepting();
          fail(error);
        }
      });
    });
  }

  #cannotListen(error: unknown): SluiceError {
    const where = this.#file ? this.#file.path : `port ${this.address.port}`;
    return new SluiceError(
      'listen_failed',
      `listener "${this.#settings.name}" cannot listen on ${where}: ${errorText(error)}`,
      { cause: error },
    );
  }

  /** From here on clients find it. Of ports that is so since they are bound. */
  publish(): void {
    try {
      this.#file?.publish();
    } catch (error) {
      this.#deps.log.error('a Unix socket could not be put in its place', {
        listener: this.#settings.name,
        error: errorText(error),
      });
    }
  }

  /** Takes over what a reload brought. The kind of wire (plain or TLS) cannot change. */
  configure(settings: ListenerSettings): void {
    this.#settings = settings;
    this.#toldRefusals.clear();
  }

  /** Accepts no more; connections end after what they are doing. Resolves when the last has gone. */
  drain(): Promise<void> {
    this.#stopAccepting();
    for (const connection of this.#connections()) connection.close();
    this.#drained ??= new Promise((resolve) => {
      this.#onEmpty = resolve;
      this.#tellWhenEmpty();
    });
    return this.#drained;
  }

  /** Ends everything now, but for the words that clients without an answer get; `destroy` ends those too. */
  shed(): void {
    this.#stopAccepting();
    for (const connection of this.#connections()) {
      if (connection.shed) connection.shed();
      else connection.destroy();
    }
  }

  /** Ends one connection because memory is used up. */
  overload(connection: OpenConnection): void {
    this.#settings.cells.countShed();
    connection.overload?.();
  }

  /** Ends everything now. */
  destroy(): void {
    this.#stopAccepting();
    for (const { connection, socket } of this.#arrivals) {
      connection?.destroy();
      if (connection === null || this.#tlsServer !== null) socket.destroy();
    }
  }

  #stopAccepting(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#server.close();
    this.#file?.remove();
  }

  #tellWhenEmpty(): void {
    if (this.#arrivals.size === 0) this.#onEmpty?.();
  }

  #onConnection(socket: Socket): void {
    const settings = this.#settings;
    if (!this.#deps.files.hasRoom(fileNumberOf(socket))) {
      this.#refuseForFiles();
      socket.destroy();
      return;
    }
    const proxy = settings.proxyProtocol;
    const peer = this.#peerOf(socket);
    // Who brings clients is let in for theirs: they are judged when they are known.
    const isCarrier = proxy !== null && settings.isTrusted(peer);
    if (peer === '' || !(isCarrier || settings.admits(peer)) || !settings.acquire()) {
      settings.cells.countRefused();
      socket.destroy();
      return;
    }
    settings.cells.countAccepted();
    const arrival = new Arrival(socket);
    this.#arrivals.add(arrival);
    // It comes once; `once` would keep more memory with each idle connection.
    socket.on('close', () => {
      settings.release();
      settings.cells.countClosed();
      this.#onSocketClosed(arrival);
    });
    // Until there is a wire that listens.
    if (proxy !== null || this.#tlsServer !== null) socket.on('error', () => socket.destroy());
    if (proxy === null) this.#begin(arrival, this.#ownOrigin(socket, peer));
    else if (proxy.isRequired && !isCarrier)
      this.#refuseProxied(socket, peer, 'untrusted', 'the peer is not one of trusted_proxies');
    else this.#readProxyHeader(arrival, peer, isCarrier, proxy);
  }

  /** The wire may hear of it later: then the connection is here until that has. */
  #onSocketClosed(arrival: Arrival): void {
    this.#deps.deadlines.remove(arrival);
    emptySocket(arrival.socket);
    if (arrival.connection === null) this.#letGo(arrival);
  }

  #letGo(arrival: Arrival): void {
    this.#arrivals.delete(arrival);
    this.#tellWhenEmpty();
  }

  #refuseForFiles(error = ''): void {
    this.#settings.cells.countNoFile();
    this.#deps.files.refuse(this.#settings.name, error);
  }

  #ownOrigin(socket: Socket, peer: string): Origin {
    const isTrusted = this.#settings.isTrusted(peer);
    return { address: peer, port: socket.remotePort ?? 0, target: null, isTrusted };
  }

  // ---- PROXY protocol

  #readProxyHeader(arrival: Arrival, peer: string, isCarrier: boolean, proxy: ProxyProtocolSettings): void {
    new ProxyPhase(arrival.socket, isCarrier, proxy, this.#deps, (outcome) =>
      this.#onProxyOutcome(arrival, peer, isCarrier, outcome),
    );
  }

  #onProxyOutcome(arrival: Arrival, peer: string, isCarrier: boolean, outcome: ProxyOutcome): void {
    const { socket } = arrival;
    const { cells } = this.#settings;
    const isTrusted = (ip: string): boolean => this.#settings.isTrusted(ip);
    switch (outcome.kind) {
      case 'gone':
        socket.destroy();
        return;
      case 'refused':
        this.#refuseProxied(socket, peer, outcome.refusal, outcome.why);
        return;
      case 'none':
        cells.countProxyHeader('none');
        this.#beginJudged(arrival, this.#ownOrigin(socket, peer), isCarrier);
        return;
      case 'local':
        cells.countProxyHeader('local');
        // Whoever is behind it was not named, so that nothing he says of others can be believed.
        this.#beginJudged(arrival, { ...this.#ownOrigin(socket, peer), isTrusted: false }, isCarrier);
        return;
      case 'proxied':
        cells.countProxyHeader('proxied');
        this.#beginJudged(arrival, proxiedOrigin(outcome.addresses, isTrusted), true);
        return;
      default:
        outcome satisfies never;
    }
  }

  /** @param isUnjudged the access list has not seen this address yet */
  #beginJudged(arrival: Arrival, origin: Origin, isUnjudged: boolean): void {
    if (!isUnjudged || this.#settings.admits(origin.address)) {
      this.#begin(arrival, origin);
      return;
    }
    this.#settings.cells.countRefused();
    arrival.socket.destroy();
  }

  #refuseProxied(socket: Socket, peer: string, refusal: ProxyRefusal, why: string): void {
    const { cells, name } = this.#settings;
    const { log } = this.#deps;
    cells.countRefused();
    cells.countProxyHeader(refusal);
    socket.destroy();
    const fields = { listener: name, peer, refusal, why };
    const message = 'connection closed by the rules of proxy_protocol';
    if (this.#toldRefusals.has(refusal)) log.debug(message, fields);
    else log.warn(`${message}; further ones are told at debug`, fields);
    this.#toldRefusals.add(refusal);
  }

  // ---- TLS, then the wire

  #begin(arrival: Arrival, origin: Origin): void {
    if (this.#tlsServer === null) this.#openFor(arrival, arrival.socket, origin, '');
    else this.#shakeHands(this.#tlsServer, arrival, origin);
  }

  #shakeHands(server: Server, arrival: Arrival, origin: Origin): void {
    const { clock, deadlines } = this.#deps;
    arrival.origin = origin;
    arrival.deadlineMs = clock.nowMs() + this.#settings.handshakeTimeoutMs;
    deadlines.add(arrival);
    this.#underTls.set(arrival.socket, arrival);
    server.emit('connection', arrival.socket);
  }

  #onSecure(socket: TLSSocket): void {
    const arrival = this.#underTls.get(acceptedSocketOf(socket));
    if (arrival) this.#deps.deadlines.remove(arrival);
    this.#settings.cells.countHandshake(socket.isSessionReused());
    socket.allowHalfOpen = true;
    // A peer that has reset the connection meanwhile has no address any more.
    if (!arrival?.origin || this.#peerOf(socket) === '') socket.destroy();
    else this.#openFor(arrival, socket, arrival.origin, socket.getProtocol() ?? 'TLS');
  }

  #openFor(arrival: Arrival, socket: Socket, origin: Origin, tlsVersion: string): void {
    const client = new Client(this.#settings.name, socket, origin, this.address.port, tlsVersion);
    const connection = this.#openWire(socket, client, () => {
      arrival.connection = null;
      this.#open--;
      // The one above TLS; the accepted one is emptied when it has closed.
      if (socket !== arrival.socket && socket.closed) emptySocket(socket);
      if (arrival.socket.closed) this.#letGo(arrival);
    });
    arrival.connection = connection;
    this.#open++;
    // What came before it was under way when the listener began to drain.
    if (this.#isClosed) connection.close();
  }

  /**
   * The peer's IP; '' when it has reset the connection already. What such a peer had sent can still be read, and would be
   * served past every rule about addresses.
   */
  #peerOf(socket: Socket): string {
    return this.#file ? UNIX_PEER : unmapAddress(socket.remoteAddress ?? '');
  }
}
