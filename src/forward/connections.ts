import { LinkedSet } from '../kernel/linked-set.ts';
import type { ServerChannels } from './channel.ts';
import { ServerConnection } from './connection.ts';
import { IdleConnections } from './idle.ts';
import type { ConnectionDeps, ConnectionLimits, ConnectionMeter } from './options.ts';
import type { Reuse } from './retry.ts';
import type { ConnectTarget } from './server-socket.ts';

/**
 * Idle for longer than this a connection may be about to be closed by its server, which would lose what is sent on it.
 * Servers keep theirs for 2 s and more.
 */
const RECENT_MS = 1000;

/** A server that said something unasked gets a connection for each request for so long. */
const DISTRUST_MS = 60_000;

/**
 * More idle connections than are to be kept end when they were not used for so long. At once would be wrong: what is busy in
 * bursts (HTTP/2 above all) would open and close hundreds of connections a second. HAProxy's pool-purge-delay is 5 s.
 */
const SURPLUS_MS = 2000;

const ANY = (): boolean => true;

/**
 * The connections of this thread to one server: the idle ones, last used first (the longest unused age out), and
 * all, so that they can be ended together. Survives reloads that keep the server.
 *
 * A connection that began with a PROXY header is its client's for good: what the server believes of it would be wrong for
 * any other. It is used again for the same header only (the same connection of that client), as HAProxy does it.
 */
export class ServerConnections implements ServerChannels {
  readonly #target: ConnectTarget;
  readonly #limits: ConnectionLimits;
  readonly #deps: ConnectionDeps;
  readonly #maxIdle: number;
  readonly #meter: ConnectionMeter;
  readonly #idle = new IdleConnections();
  readonly #all = new LinkedSet<ServerConnection>();
  #isRetired = false;
  #distrustedUntilMs = 0;

  /** @param maxIdle idle connections kept; more only for a moment, 0 = none at all */
  constructor(
    target: ConnectTarget,
    limits: ConnectionLimits,
    maxIdle: number,
    deps: ConnectionDeps,
    meter: ConnectionMeter,
  ) {
    this.#meter = meter;
    this.#target = target;
    this.#limits = limits;
    this.#maxIdle = maxIdle;
    this.#deps = deps;
  }

  get count(): number {
    return this.#all.size;
  }

  /**
   * An idle connection that can be used now, else a new one that is connecting.
   * @param proxyHeader what a connection for this client begins with; '' where the server wants none
   */
  take(reuse: Reuse, proxyHeader = ''): ServerConnection {
    const isReusing = reuse !== 'none' && !this.#isDistrusted;
    return (isReusing ? this.#takeIdle(reuse === 'recent', proxyHeader) : null) ?? this.#connect(proxyHeader);
  }

  /**
   * The one used last of those that have rested: what their servers had sent when they became idle would have been read
   * by now, and would have ended them. Where none has, one that does so first: a new one instead would be more than the
   * server is meant to get, and some serve one connection at a time.
   */
  #takeIdle(mustBeRecent: boolean, proxyHeader: string): ServerConnection | null {
    // hot path: asked for each request
    const turn = this.#deps.sockets.turns.now();
    const fits = mustBeRecent || proxyHeader !== '' ? this.#fitting(mustBeRecent, proxyHeader) : ANY;
    for (;;) {
      const connection = this.#idle.take(turn, fits);
      if (connection === null) return null;
      if (connection.isUsable) {
        connection.rest.end(turn);
        return connection;
      }
      connection.retire();
    }
  }

  #fitting(mustBeRecent: boolean, proxyHeader: string): (connection: ServerConnection) => boolean {
    const sinceMs = mustBeRecent ? this.#deps.deadlines.after(-RECENT_MS) : Number.NEGATIVE_INFINITY;
    return (it) => it.idleSinceMs > sinceMs && (proxyHeader === '' || it.proxyHeader === proxyHeader);
  }

  #connect(proxyHeader: string): ServerConnection {
    const connection = new ServerConnection(
      proxyHeader === '' ? this.#target : { ...this.#target, proxyHeader },
      this.#limits,
      this.#deps,
      (it) => this.#onIdle(it),
      (it) => this.#onGone(it),
    );
    this.#all.add(connection);
    this.#meter.opened();
    return connection;
  }

  /** The server left: idle connections end now, the others after their exchange. */
  retire(): void {
    this.#isRetired = true;
    this.#retireIdle();
  }

  /** The server turned unhealthy: attempts that wait for it may go elsewhere. */
  tellServerDown(detail: string): void {
    this.#retireIdle();
    for (const connection of this.#all) connection.tellServerDown(detail);
  }

  #retireIdle(): void {
    for (const connection of this.#idle.clear()) connection.retire();
  }

  /** A request has been answered twice, or something like that: the next one on such a connection could get the second answer. */
  #distrust(): void {
    this.#distrustedUntilMs = this.#deps.deadlines.after(DISTRUST_MS);
    this.#meter.spokenUnasked();
    this.#retireIdle();
  }

  get #isDistrusted(): boolean {
    return this.#distrustedUntilMs > 0 && this.#distrustedUntilMs > this.#deps.deadlines.after(0);
  }

  /** Ends all, whatever they do. */
  destroy(): void {
    this.#isRetired = true;
    for (const connection of this.#all) connection.cancel();
  }

  #onIdle(connection: ServerConnection): void {
    connection.settle(this.#meter);
    if (this.#isRetired || this.#maxIdle === 0 || this.#isDistrusted) {
      connection.retire();
      return;
    }
    // Those of clients that have left would keep the place of those that are here.
    if (this.#idle.size >= this.#maxIdle && connection.proxyHeader !== '') this.#idle.takeOldest()?.retire();
    connection.idleSinceMs = this.#deps.deadlines.after(0);
    this.#idle.add(connection, this.#deps.sockets.turns.now());
    this.#idle.oldestBut(this.#maxIdle)?.expireIn(SURPLUS_MS);
  }

  #onGone(connection: ServerConnection): void {
    this.#all.delete(connection);
    if (connection.hasSpokenUnasked) this.#distrust();
    connection.settle(this.#meter);
    this.#idle.remove(connection);
  }
}
