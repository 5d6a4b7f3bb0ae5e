import type { TunnelEnd } from '../http/index.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Deadlines, Expiring } from '../kernel/deadlines.ts';

/** How long what was written may still take to go out when the other side has gone. */
const FAREWELL_MS = 5000;
/** Longest silence once a side has ended its direction: it may have gone altogether, which only writing to it would show. */
const HALF_CLOSED_IDLE_MS = 60_000;

/**
 * Two ends joined: bytes both ways with back-pressure, half-close passed on (RFC 6455 needs both directions to
 * end in their own time), ended when silent for too long, or when a side takes nothing for as long, whatever it
 * sends meanwhile. When one side is gone the other still gets what was
 * written to it; the tunnel is closed when both are gone.
 */
export class Tunnel implements Expiring {
  deadlineMs: number;
  deadlineIndex = -1;
  readonly #client: TunnelEnd;
  readonly #server: TunnelEnd;
  #idleMs: number;
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #onClose: () => void;
  #sidesGone = 0;
  /** Sides that have yet to take what was written to them. */
  readonly #full = new Set<TunnelEnd>();

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

  /** What waits to be sent to either side. */
  get heldBytes(): number {
    return this.#client.unsentBytes + this.#server.unsentBytes;
  }

  open(): void {
    this.#deadlines.add(this);
    this.#join(this.#server, this.#client);
    this.#join(this.#client, this.#server);
  }

  #join(from: TunnelEnd, to: TunnelEnd): void {
    from.open({
      onTunnelData: (chunk) => {
        this.#onProgress();
        if (to.write(chunk)) return;
        this.#full.add(to);
        from.pause();
      },
      onTunnelEnd: () => {
        this.#idleMs = Math.min(this.#idleMs, HALF_CLOSED_IDLE_MS);
        this.deadlineMs = Math.min(this.deadlineMs, this.#clock.nowMs() + this.#idleMs);
        to.end();
      },
      onTunnelDrain: () => {
        if (this.#full.delete(from)) this.#onProgress();
        to.resume();
      },
      onTunnelClose: () => this.#onSideGone(to),
    });
  }

  /** Something moved; that counts only while nobody is being waited for. */
  #onProgress(): void {
    if (this.#sidesGone === 0 && this.#full.size === 0) this.deadlineMs = this.#clock.nowMs() + this.#idleMs;
  }

  #onSideGone(other: TunnelEnd): void {
    if (++this.#sidesGone === 1) {
      this.deadlineMs = this.#clock.nowMs() + FAREWELL_MS;
      other.finish();
      return;
    }
    this.#deadlines.remove(this);
    this.#onClose();
  }

  /** Ends both sides at once. */
  close(): void {
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#client.destroy();
    this.#server.destroy();
  }

  onDeadline(): void {
    this.close();
  }
}
