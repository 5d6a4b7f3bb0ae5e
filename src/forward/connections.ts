import { ServerConnection } from './connection.ts';
import type { ConnectionDeps, ConnectionLimits, ConnectionMeter } from './options.ts';
import type { Reuse } from './retry.ts';
import type { ConnectTarget } from './server-socket.ts';

/**
 * Idle for longer than this a connection may be about to be closed by its server, which would lose what is sent on it.
 * Servers keep theirs for 2 s and more.
 */
const RECENT_MS = 1000;

/**
 * The connections of this thread to one server: the idle ones, last used first (the longest unused age out), and
 * all, so that they can be ended together. Survives reloads that keep the server.
 */
export class ServerConnections {
  readonly #target: ConnectTarget;
  readonly #limits: ConnectionLimits;
  readonly #deps: ConnectionDeps;
  readonly #maxIdle: number;
  readonly #meter: ConnectionMeter;
  readonly #idle: ServerConnection[] = [];
  /** Since when each of them is idle; coarse. */
  readonly #idleSinceMs: number[] = [];
  readonly #all = new Set<ServerConnection>();
  #isRetired = false;

  /** @param maxIdle idle connections kept */
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

  /** An idle connection that can be used now, else a new one that is connecting. */
  take(reuse: Reuse): ServerConnection {
    while (reuse !== 'none' && this.#idle.length > 0) {
      if (reuse === 'recent' && !this.#isLastRecent()) break;
      this.#idleSinceMs.pop();
      const connection = this.#idle.pop() as ServerConnection;
      if (connection.isUsable) return connection;
      connection.retire();
    }
    const connection = new ServerConnection(
      this.#target,
      this.#limits,
      this.#deps,
      (it) => this.#onIdle(it),
      (it) => this.#onGone(it),
    );
    this.#all.add(connection);
    this.#meter.opened();
    return connection;
  }

  #isLastRecent(): boolean {
    return (this.#idleSinceMs.at(-1) ?? 0) > this.#deps.deadlines.after(-RECENT_MS);
  }

  /** The server left: idle connections end now, the others after their exchange. */
  retire(): void {
    this.#isRetired = true;
    this.#retireIdle();
  }

  /** The server turned unhealthy: attempts that wait for it may go elsewhere. */
  tellServerDown(detail: string): void {
    this.#retireIdle();
    // A copy: an attempt that leaves may begin another one at once.
    for (const connection of [...this.#all]) connection.tellServerDown(detail);
  }

  #retireIdle(): void {
    this.#idleSinceMs.length = 0;
    for (const connection of this.#idle.splice(0)) connection.retire();
  }

  /** Ends all, whatever they do. */
  destroy(): void {
    this.#isRetired = true;
    for (const connection of this.#all) connection.cancel();
  }

  #onIdle(connection: ServerConnection): void {
    connection.settle(this.#meter);
    if (this.#isRetired || this.#idle.length >= this.#maxIdle) {
      connection.retire();
      return;
    }
    this.#idle.push(connection);
    this.#idleSinceMs.push(this.#deps.deadlines.after(0));
  }

  #onGone(connection: ServerConnection): void {
    this.#all.delete(connection);
    connection.settle(this.#meter);
    const index = this.#idle.indexOf(connection);
    if (index < 0) return;
    this.#idle.splice(index, 1);
    this.#idleSinceMs.splice(index, 1);
  }
}
