import type { SharedHead } from '../http/index.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Deadlines } from '../kernel/deadlines.ts';
import type { SocketIo } from '../kernel/socket-io.ts';

/** Times and sizes of a connection to a server. */
export interface ConnectionLimits {
  readonly connectTimeoutMs: number;
  readonly firstByteTimeoutMs: number;
  /** Longest silence within an answer's body. */
  readonly bodyTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly maxAgeMs: number;
  readonly maxHeadBytes: number;
  readonly maxFields: number;
}

export interface ConnectionDeps {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly sockets: SocketIo;
  /** Of all connections of a pool; without it, one of each connection. */
  readonly sharedHead?: SharedHead;
}

/** How long an idle connection is kept. A server that says its own time (`Keep-Alive: timeout=5`) is left a second before. */
export function idleLimitMs(limits: ConnectionLimits, serverTimeoutS: number): number {
  if (serverTimeoutS < 0) return limits.idleTimeoutMs;
  return Math.min(limits.idleTimeoutMs, Math.max(0, serverTimeoutS * 1000 - 1000));
}

/** What a server did that broke off an attempt by its silence. */
export function silenceText(limits: ConnectionLimits, isWithinAnswer: boolean): string {
  return isWithinAnswer
    ? `silent for ${limits.bodyTimeoutMs} ms within its answer`
    : `no answer within ${limits.firstByteTimeoutMs} ms`;
}

/** What is counted of HTTP/2 to the servers of a pool. */
export interface Http2Meter {
  countHttp2Opened(): void;
  countHttp2Over(): void;
  countStreamOpened(): void;
  countStreamOver(): void;
  countGoaway(): void;
  countStreamRefused(): void;
}

/** What is counted of a server's connections; sizes in bytes as on the wire. */
export interface ConnectionMeter {
  readonly http2: Http2Meter;
  opened(): void;
  moved(upBytes: number, downBytes: number): void;
  /** The server sent something that nobody had asked for. */
  spokenUnasked(): void;
}
