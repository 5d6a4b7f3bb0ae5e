import type { TunnelEnd } from '../http/index.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Deadlines, Expiring } from '../kernel/deadlines.ts';

/**
 * Two ends joined: bytes both ways with back-pressure, half-close passed on (RFC 6455 needs both directions to
 * end in their own time), ended when silent for too long or when one side is gone.
 */
export class Tunnel implements Expiring {
  deadlineMs: number;
  deadlineIndex = -1;
  readonly #client: TunnelEnd;
  readonly #server: TunnelEnd;
  readonly #idleMs: number;
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #onClose: () => void;
  #isClosed = false;

  constructor(
    client: TunnelEnd,
    server: TunnelEnd,
    idleMs: number,
    deps: { clock: Clock; deadlines: Deadlines },
    onClose: () => void,
  ) {
    this.#client = client;
    this.#server = server;
    this.#idleMs = idleMs;
    this.#clock = deps.clock;
    this.#deadlines = deps.deadlines;
    this.#onClose = onClose;
    this.deadlineMs = deps.clock.nowMs() + idleMs;
  }

  get bytesFromClient(): number {
    return this.#client.bytesRead;
  }
  get bytesToClient(): number {
    return this.#client.bytesWritten;
  }

  open(): void {
    this.#deadlines.add(this);
    this.#join(this.#server, this.#client);
    this.#join(this.#client, this.#server);
  }

  #join(from: TunnelEnd, to: TunnelEnd): void {
    from.open({
      onTunnelData: (chunk) => {
        this.deadlineMs = this.#clock.nowMs() + this.#idleMs;
        if (!to.write(chunk)) from.pause();
      },
      onTunnelEnd: () => to.end(),
      onTunnelDrain: () => to.resume(),
      onTunnelClose: () => this.close(),
    });
  }

  /** Ends both sides; what was written before still goes out where the socket lives. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#deadlines.remove(this);
    this.#client.destroy();
    this.#server.destroy();
    this.#onClose();
  }

  onDeadline(): void {
    this.close();
  }
}
