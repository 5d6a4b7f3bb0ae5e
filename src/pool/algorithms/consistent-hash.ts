import type { SlotTable } from '../../kernel/slots.ts';
import { mix32 } from '../client-key.ts';
import type { HashOptions, PoolServer } from '../options.ts';
import type { Ask } from '../server.ts';
import { type Algorithm, type AlgorithmDeps, firstAccepted } from './algorithm.ts';
import { type HashTable, makeHashTable } from './hash-table.ts';

/** Places that are looked at before the members are walked one by one. */
const MAX_STEPS = 64;
/** In a larger pool the sum of the requests in flight may be so old. */
const SMALL_POOL = 32;
const SUM_AGE_MS = 1;

/**
 * `consistent_hash`: a key keeps its server while that can take it. With `max_load` a server takes no more than that multiple of
 * its share of the requests in flight, what is more goes on to the next (Mirrokni, Thorup and Zadimoghaddam 2017,
 * "Consistent Hashing with Bounded Loads"): so one key that everybody asks for does not sink its server.
 */
export class ConsistentHash implements Algorithm {
  readonly #slots: SlotTable;
  readonly #table: HashTable;
  readonly #maxLoad: number;
  #members: readonly PoolServer[] = [];
  #weights: readonly number[] = [];
  #weightSum = 0;
  #inFlight = 0;
  #summedMs = Number.NEGATIVE_INFINITY;

  constructor(deps: AlgorithmDeps, options: HashOptions) {
    this.#slots = deps.slots;
    this.#table = makeHashTable(options.table);
    this.#maxLoad = options.maxLoad;
  }

  rebuild(members: readonly PoolServer[], weights: readonly number[]): void {
    this.#members = members;
    this.#weights = weights;
    this.#weightSum = weights.reduce((sum, weight) => sum + weight, 0);
    this.#summedMs = Number.NEGATIVE_INFINITY;
    this.#table.rebuild(
      Uint32Array.from(members, (server) => server.hash),
      weights,
    );
  }

  // hot path: bench/micro/pick.ts
  choose(ask: Ask): PoolServer | undefined {
    if (this.#members.length === 0) return undefined;
    const key = mix32(ask.hashKey);
    const table = this.#table;
    const first = table.find(key);
    if (this.#maxLoad > 0) this.#sum(ask.nowMs);
    let last = -1;
    for (let step = 0, place = first; step < MAX_STEPS; step++, place = table.next(place, key, step)) {
      const index = table.serverAt(place);
      if (index === last) continue;
      last = index;
      const server = this.#members[index];
      if (server && this.#hasShare(server, index) && ask.accepts(server)) return server;
    }
    return firstAccepted(this.#members, table.serverAt(first), ask);
  }

  /** Whether one more request leaves the server within its bound, rounded up. */
  #hasShare(server: PoolServer, index: number): boolean {
    if (this.#maxLoad === 0) return true;
    const share = ((this.#inFlight + 1) * (this.#weights[index] ?? 1)) / this.#weightSum;
    return this.#slots.inFlight(server.slot) < Math.ceil(this.#maxLoad * share);
  }

  #sum(nowMs: number): void {
    if (this.#members.length > SMALL_POOL && Math.abs(nowMs - this.#summedMs) < SUM_AGE_MS) return;
    this.#summedMs = nowMs;
    let sum = 0;
    for (const server of this.#members) sum += this.#slots.inFlight(server.slot);
    this.#inFlight = sum;
  }
}
