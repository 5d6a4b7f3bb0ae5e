/** What a pool is told by the snapshot and what it is given by its thread. Plain data: it is posted between threads. */
import type { Clock } from '../kernel/clock.ts';
import type { Random } from '../kernel/random.ts';
import type { SlotTable } from '../kernel/slots.ts';
import type { HashTableName } from './algorithms/hash-table.ts';

export const ALGORITHMS = [
  'round_robin',
  'weighted',
  'least_connections',
  'power_of_two',
  'peak_ewma',
  'least_time',
  'ip_hash',
  'consistent_hash',
  'random',
  'first',
] as const;

export type AlgorithmName = (typeof ALGORITHMS)[number];

/** Weight, cap and state are not here: they can change without a reload and stand in the server's slot. */
export interface ServerOptions {
  /** Unique in its pool; the sticky cookie and ip_hash depend on it, not on the address. */
  readonly id: string;
  /** `host:port` or `unix:/path`, as people write it. */
  readonly address: string;
  readonly host: string;
  readonly port: number;
  /** The name that DNS gave the address for; absent or '' = it has none but `host`. */
  readonly foundAs?: string;
  /** Where it stands; absent or '' = nobody says. */
  readonly zone?: string;
  readonly tls: boolean;
  readonly slot: number;
  /** Of the slot, when it was given to this server. */
  readonly generation: number;
  readonly backup: boolean;
}

export interface StickyOptions {
  /** Cookie name, an RFC 6265 token. */
  readonly cookie: string;
  /** `Max-Age` of the cookie; null = a session cookie. Counted from when it is set, not from the last request. */
  readonly ttlMs: number | null;
  readonly path: string;
  /** null = the host that was asked for, and none below it. */
  readonly domain: string | null;
  readonly sameSite: 'lax' | 'strict' | 'none';
  /** `auto` = over TLS only when it was set over TLS. */
  readonly secure: 'auto' | 'always' | 'never';
}

/** What a pool with `consistent_hash` keeps a server for. A request without it is known by its client's address. */
export type HashKey =
  | { readonly kind: 'client_ip' | 'path' }
  | { readonly kind: 'header' | 'cookie' | 'query'; readonly name: string };

export interface HashOptions {
  readonly key: HashKey;
  readonly table: HashTableName;
  /** Most requests in flight of a server, as a multiple of its share; 0 = no bound. */
  readonly maxLoad: number;
}

/** Each data thread keeps to so many servers of a tier (primaries, backups, each zone's). */
export interface SubsetOptions {
  readonly size: number;
  /** What this Sluice is called among others that have the same pool: each keeps to servers of its own. */
  readonly node: string;
}

export interface QueueOptions {
  /** Most requests of this pool that wait at one time, over all threads; 0 = nobody waits. */
  readonly max: number;
  readonly timeoutMs: number;
}

/** Places of requests in flight, counted on a slot. */
export interface Places {
  readonly slot: number;
  readonly max: number;
  /** `max` stands in the slot, where main moves it by the times of answers that are counted there. */
  readonly isAdaptive: boolean;
}

export interface PoolOptions {
  readonly name: string;
  /** The pool's own slot (key = the pool's name): turn counter, waiting requests. */
  readonly slot: number;
  readonly algorithm: AlgorithmName;
  /** Of `consistent_hash`; null = by the client's address, on a ring, without a bound. */
  readonly hash: HashOptions | null;
  /** In the file's order. */
  readonly servers: readonly ServerOptions[];
  readonly sticky: StickyOptions | null;
  /** Where this Sluice is: servers of that zone come first. Absent or '' = all alike. */
  readonly zone?: string;
  readonly queue: QueueOptions;
  /** null or absent = all threads use all servers; so they do where a key has its server. */
  readonly subset?: SubsetOptions | null;
  /** At all servers together; null = no cap. */
  readonly places?: Places | null;
  /** When less than this part of the primaries is healthy, 0 to 1, all are tried; 0 = never. */
  readonly panic: number;
}

export interface PoolDeps {
  readonly slots: SlotTable;
  /** Row of this thread in the slot table. */
  readonly thread: number;
  readonly clock: Clock;
  readonly random: Random;
  /** Secrets of the sticky cookies, >= 32 bytes: the first signs, the others are still accepted. */
  readonly stickyKeys: readonly Uint8Array[];
}

/** What the balancer may know of a request. */
export interface PickContext {
  /** `hashText` of the client's address, or of what the pool's `hash` names; ip_hash and consistent_hash depend on it. */
  readonly hashKey: number;
  /** The whole `Cookie` field value, lines joined by `; `; null = none. */
  readonly cookieHeader: string | null;
  /** Servers that this exchange has tried already; they are not picked again. Compared by identity. */
  readonly tried: readonly PoolServer[];
  /** The client came over TLS: its cookie gets `Secure`. */
  readonly secure: boolean;
  /** Rank of its class (kernel/priority.ts), should it have to wait. */
  readonly priority: number;
  /** Monotonic time, `Clock.nowMs`; the start of the exchange will do (time in the queue is counted by the pool's clock). */
  readonly nowMs: number;
}

/** One server as this snapshot has it. Live numbers are in its slot. */
export interface PoolServer extends ServerOptions {
  readonly foundAs: string;
  readonly zone: string;
  /** Place in the file. */
  readonly index: number;
  /** 32-bit hash of the id: the same in every thread and after every restart. */
  readonly hash: number;
}

/** How a server came to be picked; stands in the log. */
export type PickWhy =
  | AlgorithmName
  | 'sticky'
  /** In another zone: the own one has too few, or none with room. */
  | 'other_zone'
  /** Not one that this thread keeps to: those are full, suspect or tried. */
  | 'outside_subset'
  /** A suspect server's turn to show that it answers. */
  | 'probe'
  /** Few are healthy, so all are tried. */
  | 'panic'
  /** No primary can be reached. */
  | 'backup'
  /** All are suspect, which is still better than a 503. */
  | 'suspect'
  /** All that are left were ejected for errors. */
  | 'ejected';

/**
 * How the attempt ended. `ok`: the exchange ended as the server wanted, whatever its status;
 * `connect_error`: nothing was sent; `cancelled`: we ended it (other attempt won, server left, shutdown);
 * `shortage`: this machine could not open a connection, which says nothing of the server; `full`: it took no further request.
 */
export type Outcome =
  | 'ok'
  | 'connect_error'
  | 'reset'
  | 'timeout'
  | 'bad_answer'
  | 'client_abort'
  | 'cancelled'
  | 'shortage'
  | 'full';

/** A place on a server, held until `release`. */
export interface Lease {
  readonly kind: 'picked';
  readonly server: PoolServer;
  readonly why: PickWhy;
  /** Value of a `Set-Cookie` field for the answer; null = none is needed. */
  readonly setCookie: string | null;
  /**
   * The answer's head has come (once per attempt): counts it, and the server is no longer suspect.
   * @param servedMs of it, since the server had the whole request: the client's own time says nothing of a server. -1 = it had
   *   not; absent = all
   */
  answered(status: number, responseMs: number, servedMs?: number): void;
  /** Gives the place back. Only the first call counts. */
  release(outcome: Outcome): void;
}

/**
 * `no_server`: nobody is up. `tried_all`: who is up has been tried by this exchange (answer with its last error).
 * `busy`: who is up is at its cap. `queue_full`, `queue_timeout`: busy, and waiting was no use;
 * `queue_displaced`: one of a higher class took its place in the queue.
 */
export type RefusalReason =
  | 'no_server'
  | 'tried_all'
  | 'busy'
  | 'queue_full'
  | 'queue_displaced'
  | 'queue_timeout';

export interface Refusal {
  readonly kind: 'none';
  readonly reason: RefusalReason;
}

export type PickResult = Lease | Refusal;

/** A place in the queue. The callback given with it is called once, later, unless it was cancelled before. */
export interface Waiting {
  readonly kind: 'waiting';
  /** The client is gone. Harmless when it has been settled already. */
  cancel(): void;
}

/** Why a server can or cannot take a request now. */
export type Verdict =
  | 'yes'
  /** Suspect, and a probe is due. */
  | 'probe'
  /** Its slot has another owner: it left the configuration. */
  | 'gone'
  | 'unhealthy'
  /** Taken out for what requests showed. */
  | 'ejected'
  | 'maintenance'
  | 'draining'
  /** Weight 0: sticky clients only. */
  | 'weightless'
  | 'suspect'
  | 'full';

/** For the admin API and `explain`. */
export interface ServerView {
  readonly id: string;
  readonly address: string;
  readonly backup: boolean;
  readonly verdict: Verdict;
  readonly weight: number;
  readonly maxConnections: number;
  readonly inFlight: number;
  readonly averageMs: number;
}

export interface PoolView {
  readonly name: string;
  readonly algorithm: AlgorithmName;
  /** Requests in the queue, over all threads. */
  readonly waiting: number;
  readonly servers: readonly ServerView[];
}

/** What the other parts hold. One per pool, snapshot and thread. */
export interface Pool {
  readonly name: string;
  readonly servers: readonly PoolServer[];
  readonly queue: QueueOptions;
  /** What of a request `PickContext.hashKey` is made of; null = the client's address. */
  readonly hashKey: HashKey | null;
  /** Picks at once or refuses (`no_server`, `tried_all`, `busy`). */
  pick(ctx: PickContext): PickResult;
  /**
   * Picks at once, refuses, or waits for a place; then `settle` is called once with a lease, `queue_timeout`, `queue_displaced`, or
   * `no_server` as soon as the whole pool is down. Never called before this returns. Leave `ctx` as it is meanwhile.
   */
  pickOrWait(ctx: PickContext, settle: (result: PickResult) => void): PickResult | Waiting;
  /** @param nowMs `Clock.nowMs` */
  view(nowMs: number): PoolView;
}
