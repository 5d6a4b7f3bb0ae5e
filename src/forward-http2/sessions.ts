import type {
  ConnectionDeps,
  ConnectionLimits,
  ConnectionMeter,
  ConnectTarget,
  Reuse,
  ServerChannel,
  ServerChannels,
} from '../forward/index.ts';
import { LinkedSet } from '../kernel/linked-set.ts';
import { ServerSession, type SessionOwner } from './session.ts';

/**
 * The HTTP/2 connections of this thread to one server. The oldest that has room takes the next attempt, so that under less load
 * those behind it become idle and end. A further one is opened when all have as many attempts as they may.
 */
export class ServerSessions implements ServerChannels, SessionOwner {
  readonly limits: ConnectionLimits;
  readonly deps: ConnectionDeps;
  readonly meter: ConnectionMeter;
  readonly #target: ConnectTarget;
  readonly #maxIdle: number;
  readonly #all = new LinkedSet<ServerSession>();
  #isRetired = false;

  /** @param maxIdle connections kept on which nothing is under way */
  constructor(
    target: ConnectTarget,
    limits: ConnectionLimits,
    maxIdle: number,
    deps: ConnectionDeps,
    meter: ConnectionMeter,
  ) {
    this.#target = target;
    this.limits = limits;
    this.#maxIdle = maxIdle;
    this.deps = deps;
    this.meter = meter;
  }

  get count(): number {
    return this.#all.size;
  }

  /**
   * Any request may go on a connection that was used before: a server that closes one says which it has not looked at
   * (RFC 9113 section 6.8).
   */
  take(reuse: Reuse): ServerChannel {
    for (let it = this.#all.first; it !== null; it = it.next)
      if (it.hasRoom(reuse === 'none')) return it.take();
    const session = new ServerSession(this.#target, this);
    this.#all.add(session);
    this.meter.opened();
    return session.take();
  }

  retire(): void {
    this.#isRetired = true;
    for (const session of this.#all) session.retire();
  }

  tellServerDown(detail: string): void {
    for (const session of this.#all) {
      if (session.isIdle) session.retire();
      else session.tellServerDown(detail);
    }
  }

  destroy(): void {
    this.#isRetired = true;
    for (const session of this.#all) session.destroy();
  }

  // ---- what sessions tell (SessionOwner)

  onIdle(session: ServerSession): void {
    let idle = 0;
    for (const it of this.#all) if (it.isIdle) idle++;
    if (this.#isRetired || idle > this.#maxIdle) session.retire();
  }

  onGone(session: ServerSession): void {
    this.#all.delete(session);
  }
}
