import type { Clock } from '../kernel/clock.ts';
import type { Deadlines } from '../kernel/deadlines.ts';

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
}
