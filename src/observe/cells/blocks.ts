import { PRIORITIES } from '../../kernel/priority.ts';
import { REASON_NAMES, type Reason } from '../../kernel/reason.ts';

/**
 * What the cells mean. A block is a run of cells for one thing that is counted: a route, a listener, a pool, a
 * server, a thread. A thread sees its row through these views and only adds; main sums and renders (observe/main/metrics.ts).
 * The layouts are fixed by this code, which all threads of a process share. Attempts, outcomes, answers and
 * latency of a server are in its slot (kernel/slots.ts), because balancing needs them; they are not counted twice.
 */

/**
 * Upper bounds of the latency buckets in milliseconds; one more bucket takes what is slower. Dense where proxied
 * requests are: between 1 ms and 1 s a bound is at most 5/3 of the one before, which bounds the error of a p95 read here.
 */
export const LATENCY_BOUNDS_MS = [
  0.5, 1, 1.5, 2, 3, 5, 7.5, 10, 15, 25, 35, 50, 75, 100, 150, 250, 350, 500, 750, 1000, 2500, 5000, 10_000,
  30_000,
] as const;
const BUCKETS = LATENCY_BOUNDS_MS.length + 1;
const BOUNDS = Float64Array.from(LATENCY_BOUNDS_MS);

/** Labels of the status classes, by index: 0 is "no status was sent". */
export const STATUS_CLASSES = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'] as const;

const REASON_INDEX = indexOf(REASON_NAMES);

function indexOf<T extends string>(names: readonly T[]): Readonly<Record<T, number>> {
  const index: Record<string, number> = Object.create(null);
  for (const [at, name] of names.entries()) index[name] = at;
  return index as Record<T, number>;
}

function bucketOf(durationMs: number): number {
  let at = 0;
  while (at < BOUNDS.length && durationMs > (BOUNDS[at] ?? 0)) at++;
  return at;
}

function classOf(status: number): number {
  const at = (status / 100) | 0;
  return at >= 1 && at <= 5 ? at : 0;
}

// Offsets within a block. A histogram is BUCKETS counts, not cumulated, then the sum in milliseconds.
export const HISTOGRAM = { buckets: BUCKETS, sumMs: BUCKETS, size: BUCKETS + 1 } as const;
/** What became of the requests of a route with `mirror`. */
export const MIRROR_RESULTS = ['ok', 'failed', 'too_large', 'busy', 'no_server', 'unfit'] as const;
export type MirrorResult = (typeof MIRROR_RESULTS)[number];
const MIRROR_INDEX = indexOf(MIRROR_RESULTS);
const ROUTE_REQUESTS_END = 2 + HISTOGRAM.size + REASON_NAMES.length * STATUS_CLASSES.length;
export const ROUTE = {
  bytesIn: 0,
  bytesOut: 1,
  duration: 2,
  /** [reason][status class] */
  requests: 2 + HISTOGRAM.size,
  compressed: ROUTE_REQUESTS_END,
  compressedFrom: ROUTE_REQUESTS_END + 1,
  compressedTo: ROUTE_REQUESTS_END + 2,
  faultDelays: ROUTE_REQUESTS_END + 3,
  /** [result] */
  mirrored: ROUTE_REQUESTS_END + 4,
  size: ROUTE_REQUESTS_END + 4 + MIRROR_RESULTS.length,
} as const;
/** What became of the PROXY headers of a listener's connections; the last four are closed for it. */
export const PROXY_HEADERS = [
  'proxied',
  'local',
  'none',
  'untrusted',
  'missing',
  'malformed',
  'timeout',
] as const;
export type ProxyHeaderOutcome = (typeof PROXY_HEADERS)[number];
const PROXY_INDEX = indexOf(PROXY_HEADERS);
export const LISTENER = {
  accepted: 0,
  active: 1,
  refused: 2,
  requests: 3,
  tlsOk: 4,
  tlsResumed: 5,
  tlsFailed: 6,
  limited: 7,
  noFile: 8,
  http2: 9,
  http2Refused: 10,
  shed: 11,
  held: 12,
  limitedDryRun: 13,
  /** [outcome] */
  proxyHeaders: 14,
  size: 14 + PROXY_HEADERS.length,
} as const;
export const POOL = {
  retries: 0,
  retriesRefused: 1,
  hedges: 2,
  hedgesWon: 3,
  /** Each [rank of the class] */
  queued: 4,
  queueWaiting: 4 + PRIORITIES.length,
  displaced: 4 + 2 * PRIORITIES.length,
  http2Connections: 4 + 3 * PRIORITIES.length,
  http2Streams: 5 + 3 * PRIORITIES.length,
  http2Opened: 6 + 3 * PRIORITIES.length,
  goaways: 7 + 3 * PRIORITIES.length,
  streamsRefused: 8 + 3 * PRIORITIES.length,
  size: 9 + 3 * PRIORITIES.length,
} as const;
export const SERVER = { retries: 0, connections: 1, size: 2 } as const;
export const THREAD = {
  delayP50Ms: 0,
  delayP99Ms: 1,
  delayMaxMs: 2,
  utilization: 3,
  heapBytes: 4,
  /** 1 while limits that are to be shared are not. */
  sharedLocal: 5,
  localLimits: 6,
  size: 7,
} as const;

/** The kinds of blocks, their sizes in cells, and the cells that are levels, not counts (zeroed when a thread dies). */
export const BLOCK_KINDS = {
  route: { size: ROUTE.size, levels: [] },
  listener: { size: LISTENER.size, levels: [LISTENER.active, LISTENER.held] },
  pool: {
    size: POOL.size,
    levels: [
      ...PRIORITIES.map((_, rank) => POOL.queueWaiting + rank),
      POOL.http2Connections,
      POOL.http2Streams,
    ],
  },
  server: { size: SERVER.size, levels: [] },
  thread: {
    size: THREAD.size,
    levels: [
      THREAD.delayP50Ms,
      THREAD.delayP99Ms,
      THREAD.delayMaxMs,
      THREAD.utilization,
      THREAD.heapBytes,
      THREAD.sharedLocal,
    ],
  },
} as const satisfies Record<string, { size: number; levels: readonly number[] }>;
export type BlockKind = keyof typeof BLOCK_KINDS;

/** The shared part: a row of this thread and where the block starts in it. */
abstract class Cells {
  protected readonly row: Float64Array;
  protected readonly base: number;
  constructor(row: Float64Array, offset: number) {
    this.row = row;
    this.base = offset;
  }
  protected add(cell: number, amount: number): void {
    const at = this.base + cell;
    this.row[at] = (this.row[at] ?? 0) + amount;
  }
}

/** One route's counters, as one thread writes them. */
export class RouteCells extends Cells {
  /** A request that was delayed on purpose. */
  countFaultDelay(): void {
    this.add(ROUTE.faultDelays, 1);
  }
  /** What became of the copy of a request. */
  countMirrored(result: MirrorResult): void {
    this.add(ROUTE.mirrored + MIRROR_INDEX[result], 1);
  }
  /** Counts a finished exchange. `status` 0 when none was sent. Durations in milliseconds, sizes in bytes. */
  countRequest(reason: Reason, status: number, durationMs: number, bytesIn: number, bytesOut: number): void {
    // hot path: bench/micro/access-log.ts
    this.add(ROUTE.requests + REASON_INDEX[reason] * STATUS_CLASSES.length + classOf(status), 1);
    this.add(ROUTE.duration + bucketOf(durationMs), 1);
    this.add(ROUTE.duration + HISTOGRAM.sumMs, durationMs);
    this.add(ROUTE.bytesIn, bytesIn);
    this.add(ROUTE.bytesOut, bytesOut);
  }
  /** An answer was compressed, from so many bytes to so many. */
  countCompressed(fromBytes: number, toBytes: number): void {
    this.add(ROUTE.compressed, 1);
    this.add(ROUTE.compressedFrom, fromBytes);
    this.add(ROUTE.compressedTo, toBytes);
  }
}

/** One listener's counters. Every `countAccepted` must be followed by one `countClosed`. */
export class ListenerCells extends Cells {
  countAccepted(): void {
    this.add(LISTENER.accepted, 1);
    this.add(LISTENER.active, 1);
  }
  countClosed(): void {
    this.add(LISTENER.active, -1);
  }
  /** A connection closed unserved: over max_connections, or its address is denied. */
  countRefused(): void {
    this.add(LISTENER.refused, 1);
  }
  /** A connection closed unserved, or not accepted, for want of open files. */
  countNoFile(): void {
    this.add(LISTENER.noFile, 1);
  }
  countProxyHeader(outcome: ProxyHeaderOutcome): void {
    this.add(LISTENER.proxyHeaders + PROXY_INDEX[outcome], 1);
  }
  /** A connection ended because `max_memory` was used up. */
  countShed(): void {
    this.add(LISTENER.shed, 1);
  }
  /** What its connections hold in this thread. */
  setHeld(bytes: number): void {
    this.row[this.base + LISTENER.held] = bytes;
  }
  countRequest(): void {
    this.add(LISTENER.requests, 1);
  }
  countHandshake(resumed: boolean): void {
    this.add(LISTENER.tlsOk, 1);
    if (resumed) this.add(LISTENER.tlsResumed, 1);
  }
  countHandshakeFailed(): void {
    this.add(LISTENER.tlsFailed, 1);
  }
  /** A connection that speaks HTTP/2. */
  countHttp2(): void {
    this.add(LISTENER.http2, 1);
  }
  /** One that was ended because of what its client did. */
  countHttp2Refused(): void {
    this.add(LISTENER.http2Refused, 1);
  }
  /** A request that a limit in dry run would have refused. */
  countLimitedDryRun(): void {
    this.add(LISTENER.limitedDryRun, 1);
  }
  /** A request refused by a limit. */
  countLimited(): void {
    this.add(LISTENER.limited, 1);
  }
}

/** One pool's counters: what happens before or between attempts. */
export class PoolCells extends Cells {
  countRetry(): void {
    this.add(POOL.retries, 1);
  }
  /** A retry that the budget or the attempts left did not allow. */
  countRetryRefused(): void {
    this.add(POOL.retriesRefused, 1);
  }
  /** A second attempt beside a slow first one. */
  countHedge(): void {
    this.add(POOL.hedges, 1);
  }
  /** It answered first. */
  countHedgeWon(): void {
    this.add(POOL.hedgesWon, 1);
  }
  /** @param rank of its class */
  countQueued(rank: number): void {
    this.add(POOL.queued + rank, 1);
    this.add(POOL.queueWaiting + rank, 1);
  }
  countDequeued(rank: number): void {
    this.add(POOL.queueWaiting + rank, -1);
  }
  /** A higher class took its place. */
  countDisplaced(rank: number): void {
    this.add(POOL.displaced + rank, 1);
  }

  // ---- HTTP/2 to its servers. Each `…Opened` must be followed by one `…Over`.

  countHttp2Opened(): void {
    this.add(POOL.http2Connections, 1);
  }
  countHttp2Over(): void {
    this.add(POOL.http2Connections, -1);
  }
  countStreamOpened(): void {
    this.add(POOL.http2Streams, 1);
    this.add(POOL.http2Opened, 1);
  }
  countStreamOver(): void {
    this.add(POOL.http2Streams, -1);
  }
  /** A server is about to end a connection. */
  countGoaway(): void {
    this.add(POOL.goaways, 1);
  }
  /** A server has reset a stream unseen. */
  countStreamRefused(): void {
    this.add(POOL.streamsRefused, 1);
  }
}

/** One server's counters that its slot does not have. */
export class ServerCells extends Cells {
  /** An attempt after another attempt of the same exchange had failed. */
  countRetry(): void {
    this.add(SERVER.retries, 1);
  }
  /** A new connection to the server was opened (not reused). */
  countConnection(): void {
    this.add(SERVER.connections, 1);
  }
}

/** How a thread itself is doing: levels of the last few seconds. */
export class ThreadCells extends Cells {
  setLoop(p50Ms: number, p99Ms: number, maxMs: number, utilization: number): void {
    this.row[this.base + THREAD.delayP50Ms] = p50Ms;
    this.row[this.base + THREAD.delayP99Ms] = p99Ms;
    this.row[this.base + THREAD.delayMaxMs] = maxMs;
    this.row[this.base + THREAD.utilization] = utilization;
  }
  setSharedLimits(areShared: boolean): void {
    this.row[this.base + THREAD.sharedLocal] = areShared ? 0 : 1;
  }
  /** A request of a shared limit that was decided locally. */
  countLocalLimit(): void {
    this.add(THREAD.localLimits, 1);
  }
  setHeap(bytes: number): void {
    this.row[this.base + THREAD.heapBytes] = bytes;
  }
}

/** What the connections of a listener hold over all threads. @param offset of the listener's block */
export function heldBytesOf(table: { sum(cell: number): number }, offset: number): number {
  return table.sum(offset + LISTENER.held);
}
