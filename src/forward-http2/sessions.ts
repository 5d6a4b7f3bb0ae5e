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
import type { ServerStream } from './stream.ts';
import { WaitingRoom } from './waiting-room.ts';

/**
 * The HTTP/2 connections of this thread to one server. The oldest that has room takes the next attempt, so that under less load
 * those behind it become idle and end. A further one is opened when all have as many attempts as they may; but where the server
 * lets none be opened on the youngest, it means itself, not that connection, and attempts wait for it to change its mind.
 */
export class ServerSessions implements ServerChannels, SessionOwner {
  readonly limits: ConnectionLimits;
  readonly deps: ConnectionDeps;
  readonly meter: ConnectionMeter;
  readonly #target: ConnectTarget;
  readonly #maxIdle: number;
  readonly #all = new LinkedSet<ServerSession>();
  readonly #waiting: WaitingRoom;
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
    this.#waiting = new WaitingRoom(limits.connectTimeoutMs, deps.deadlines);
  }

  get count(): number {
    return this.#all.size;
  }

  /**
   * Any request may go on a connection that was used before: a server that closes one says which it has not looked at
   * (RFC 9113 section 6.8).
   */
  take(reuse: Reuse): ServerChannel {
    const session = this.#find(reuse === 'none');
    return session === null ? this.#waiting.take(this.#all.last as ServerSession) : session.take();
  }

  /** A connection that takes an attempt now, or when it is connected; null = none does. */
  #find(mustBeFresh: boolean): ServerSession | null {
    for (let it = this.#all.first; it !== null; it = it.next) if (it.hasRoom(mustBeFresh)) return it;
    if (this.#all.last?.isShut === true) return null;
    const session = new ServerSession(this.#target, this);
    this.#all.add(session);
    this.meter.opened();
    return session;
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
    for (const stream of this.#waiting) stream.tellServerDown(detail);
  }

  destroy(): void {
    this.#isRetired = true;
    for (const stream of this.#waiting) stream.cancel();
    for (const session of this.#all) session.destroy();
  }

  // ---- what sessions tell (SessionOwner)

  onIdle(session: ServerSession): void {
    // It will tell when those that wait may come.
    if (this.#waiting.size > 0 && session.isShut) return;
    let idle = 0;
    for (const it of this.#all) if (it.isIdle) idle++;
    if (this.#isRetired || idle > this.#maxIdle) session.retire();
  }

  onGone(session: ServerSession): void {
    this.#all.delete(session);
    this.onRoom();
  }

  onRoom(): void {
    if (this.#waiting.size === 0) return;
    for (const stream of this.#waiting) {
      const session = this.#find(false);
      if (session === null) return;
      this.#waiting.delete(stream);
      session.adopt(stream);
    }
  }

  onWaiterOver(stream: ServerStream): void {
    this.#waiting.delete(stream);
  }
}
