/**
 * The limiter's table: one for the process, in shared memory, so that limits are exact over all data threads with
 * no message between them. It belongs to the runtime: it survives a reload and the death of a data thread.
 *
 * Set-associative, like a CPU's cache: a keyed 64-bit hash of (rule, client) names one set of 8 entries, and a
 * client is in that set or nowhere. So a look-up touches a handful of cache lines, allocates nothing, and the
 * table never grows. Two clients share an entry only when all 64 bits agree.
 *
 *   buffer:  header (64 B) | set 0 | set 1 | ...                            336 cells (1 344 B) a set, 168 B an entry
 *   header:  that of all such tables (set-table.ts) · 4–5 epoch (float64, ms) · 6 live entries evicted · 7 gave up waiting
 *   set:     0 lock · 8–15 last use of each way · 16–31 hash (hi, lo) of each way · 32–47 expiry of each way
 *            (float64, ms) · 48–335 bodies of the ways, 36 cells each (window.ts, gcra.ts)
 *   hash:    0,0 = free; the lowest bit of lo says what the body is (1 window, 0 bucket)
 *
 * When a set is full: an expired entry goes first (it limits nobody); else the one that was used longest ago, where
 * a refused request counts as use, so that a client that keeps hammering stays limited. A live entry that is evicted
 * starts anew with its full count: the table fails open, towards letting more through, and counts it (`stats`).
 * That begins when about half of the entries are live; give it twice as many as clients are expected in a window.
 *
 * Each set has a spin lock (spin-lock.ts); who waits for one in vain is refused: never more than the limit. When a thread
 * dies while it holds one (terminated, out of its heap) `releaseThread` mends the set; until then only that one set,
 * of thousands, refuses.
 * Rejected: lock-free (a window is 33 counters and a sum: no single word to swap).
 */
import type { ClientKey, TextKey } from './address.ts';
import { giveBackToBucket, takeFromBucket } from './gcra.ts';
import type { WordHasher } from './hash.ts';
import type { RateRule } from './rule.ts';
import { createSetTable, HEADER_CELLS, openSetTable, WAYS } from './set-table.ts';
import { MAIN_OWNER, takeBusyLock } from './spin-lock.ts';
import type { Verdict } from './verdict.ts';
import {
  type Cells,
  clearWindow,
  giveBackToWindow,
  repairWindow,
  takeFromWindow,
  WINDOW_CELLS,
} from './window.ts';

const KIND = { magic: 0x534c4d31, name: 'limiter table', code: 'bad_limiter_table' };
const EPOCH_FLOAT = 2;
const EVICTED_CELL = 6;
const GAVE_UP_CELL = 7;

const LAST_USE = 8;
const HASHES = 16;
const EXPIRIES = 32;
const BODIES = 48;
const SET_CELLS = BODIES + WAYS * WINDOW_CELLS;

/** What a client is told that met a lock which nobody gave back. */
const GAVE_UP_RETRY_MS = 1000;
/** The use of an entry is kept in steps of 64 ms, which 32 bits hold for four years. */
const USE_STEP_MS = 64;

/** 11 MB of address space; memory is only taken as sets are used. */
export const DEFAULT_LIMITER_ENTRIES = 65536;

export interface LimiterTableOptions {
  /** Rounded up to the next power of two, at least 8; 168 bytes each. */
  readonly entries: number;
  /** At least 8 random bytes (kernel `secretBytes`): the hash key. */
  readonly seed: Uint8Array;
  /** Monotonic; the zero of the table's time. */
  readonly nowMs: number;
}

export interface LimiterStats {
  readonly entries: number;
  /** Live entries that had to make room since the start: when it grows, the table is too small. */
  readonly evictedLive: number;
  /** Requests refused because a set's lock was not given back. */
  readonly gaveUp: number;
}

/** One thread's handle on the table. */
export class LimiterTable {
  readonly buffer: SharedArrayBuffer;
  readonly #ints: Int32Array;
  readonly #floats: Float64Array;
  readonly #cells: Cells;
  readonly #hasher: WordHasher;
  readonly #words = new Int32Array(4);
  #hi = 0;
  #lo = 0;
  readonly #setMask: number;
  readonly #epochMs: number;
  readonly #owner: number;

  /** Use `create` (main) or `attach` (data threads). */
  private constructor(buffer: SharedArrayBuffer, owner: number) {
    this.buffer = buffer;
    this.#ints = new Int32Array(buffer);
    this.#floats = new Float64Array(buffer);
    this.#cells = { ints: this.#ints, floats: this.#floats };
    const { hasher, setMask } = openSetTable(KIND, this.#ints, SET_CELLS);
    this.#hasher = hasher;
    this.#setMask = setMask;
    this.#epochMs = this.#floats[EPOCH_FLOAT] ?? 0;
    this.#owner = owner;
  }

  /** Makes the table; main does it once. */
  static create(options: LimiterTableOptions): LimiterTable {
    const { entries, seed, nowMs } = options;
    const { buffer } = createSetTable(KIND, { entries, setCells: SET_CELLS, seed });
    new Float64Array(buffer)[EPOCH_FLOAT] = nowMs;
    return new LimiterTable(buffer, MAIN_OWNER);
  }

  /** @param thread the number of the data thread, from 0; no two live threads have the same. */
  static attach(buffer: SharedArrayBuffer, thread: number): LimiterTable {
    return new LimiterTable(buffer, thread + 1);
  }

  /**
   * Counts one request of `key` under `rule`, unless it is over the limit: refused requests cost nothing.
   *
   * @param nowMs monotonic, with the same zero in all threads.
   * @param verdict overwritten.
   */
  check(rule: RateRule, key: ClientKey, nowMs: number, verdict: Verdict): void {
    // hot path: bench/micro/limiter.ts
    const set = this.#setOf(rule, key);
    const isWindow = rule.burst === 0;
    if (Atomics.compareExchange(this.#ints, set, 0, this.#owner) !== 0 && !this.#lockBusy(set)) {
      this.#giveUp(rule, verdict);
      return;
    }
    const now = Math.max(0, Math.floor(nowMs - this.#epochMs));
    const way = this.#wayOf(set, this.#hi, this.#lo, now);
    const body = set + BODIES + way * WINDOW_CELLS;
    this.#ints[set + LAST_USE + way] = Math.floor(now / USE_STEP_MS) | 0;
    this.#floats[((set + EXPIRIES) >>> 1) + way] = isWindow
      ? takeFromWindow(this.#cells, body, rule, now, verdict)
      : takeFromBucket(this.#cells, body, rule, now, verdict);
    Atomics.store(this.#ints, set, 0);
  }

  /**
   * Takes back what `check` counted, as if the request had never come: for one that another limit has refused.
   * @param place of the verdict that allowed it
   */
  giveBack(rule: RateRule, key: ClientKey, place: number): void {
    const set = this.#setOf(rule, key);
    // Without the lock it stays counted: the limit is kept, a little too well.
    if (Atomics.compareExchange(this.#ints, set, 0, this.#owner) !== 0 && !this.#lockBusy(set)) return;
    const way = this.#knownWay(set, this.#hi, this.#lo);
    if (way >= 0) {
      const body = set + BODIES + way * WINDOW_CELLS;
      if (rule.burst === 0) giveBackToWindow(this.#cells, body, place);
      else giveBackToBucket(this.#cells, body, rule);
    }
    Atomics.store(this.#ints, set, 0);
  }

  /** The key of a text that a client sent (latin1), into `key`. Keyed, so that nobody finds two texts with one key. */
  textKey(text: string, key: TextKey): void {
    this.#hasher.hashText(text);
    key.hi = this.#hasher.hi;
    key.lo = this.#hasher.lo;
  }

  /** The set of an entry; its hash goes to `#hi` and `#lo`. */
  #setOf(rule: RateRule, key: ClientKey): number {
    const words = this.#words;
    words[0] = rule.idHi;
    words[1] = rule.idLo;
    words[2] = key.hi;
    words[3] = key.lo;
    const hasher = this.#hasher;
    hasher.hash(words);
    this.#lo = rule.burst === 0 ? hasher.lo | 1 : hasher.lo & ~1;
    // 0,0 is a free way.
    this.#hi = hasher.hi === 0 ? 1 : hasher.hi;
    return HEADER_CELLS + ((hasher.lo >>> 1) & this.#setMask) * SET_CELLS;
  }

  #knownWay(set: number, hi: number, lo: number): number {
    const ints = this.#ints;
    for (let way = 0, at = set + HASHES; way < WAYS; way++, at += 2) {
      if (ints[at] === hi && ints[at + 1] === lo) return way;
    }
    return -1;
  }

  /** The way of the entry in the locked set; makes room for it when there is none. */
  #wayOf(set: number, hi: number, lo: number, now: number): number {
    const ints = this.#ints;
    const known = this.#knownWay(set, hi, lo);
    if (known >= 0) return known;
    const way = this.#victimOf(set, now);
    const at = set + HASHES + way * 2;
    // Free first and named last: a thread that dies half-way leaves no entry with another's counts.
    ints[at] = 0;
    ints[at + 1] = 0;
    this.#floats[((set + EXPIRIES) >>> 1) + way] = 0;
    clearWindow(this.#cells, set + BODIES + way * WINDOW_CELLS);
    ints[at] = hi;
    ints[at + 1] = lo;
    return way;
  }

  /** Free or expired, else used longest ago. */
  #victimOf(set: number, now: number): number {
    const useNow = Math.floor(now / USE_STEP_MS) | 0;
    let stalest = 0;
    let longest = -1;
    for (let way = 0; way < WAYS; way++) {
      if ((this.#floats[((set + EXPIRIES) >>> 1) + way] ?? 0) <= now) return way;
      const unused = (useNow - (this.#ints[set + LAST_USE + way] ?? 0)) | 0;
      if (unused > longest) {
        longest = unused;
        stalest = way;
      }
    }
    Atomics.add(this.#ints, EVICTED_CELL, 1);
    return stalest;
  }

  /** The lock was taken: waits, and says whether it is ours. */
  #lockBusy(set: number): boolean {
    const lock = takeBusyLock(this.#ints, set, this.#owner);
    if (lock === 'left') this.#repair(set);
    return lock !== 'gave_up';
  }

  #giveUp(rule: RateRule, verdict: Verdict): void {
    Atomics.add(this.#ints, GAVE_UP_CELL, 1);
    verdict.allowed = false;
    verdict.limit = rule.limit;
    verdict.remaining = 0;
    verdict.resetMs = GAVE_UP_RETRY_MS;
    verdict.retryAfterMs = GAVE_UP_RETRY_MS;
  }

  /**
   * Gives back what a dead thread held. Main calls it when the worker has emitted `exit` and before a successor
   * with the same number starts.
   *
   * @returns how many locks it held (0 or 1).
   */
  releaseThread(thread: number): number {
    const owner = thread + 1;
    let released = 0;
    for (let set = HEADER_CELLS; set < this.#ints.length; set += SET_CELLS) {
      if (Atomics.load(this.#ints, set) !== owner) continue;
      this.#repair(set);
      Atomics.store(this.#ints, set, 0);
      Atomics.notify(this.#ints, set);
      released++;
    }
    return released;
  }

  #repair(set: number): void {
    for (let way = 0; way < WAYS; way++) {
      const isWindow = ((this.#ints[set + HASHES + way * 2 + 1] ?? 0) & 1) === 1;
      if (isWindow) repairWindow(this.#cells, set + BODIES + way * WINDOW_CELLS);
    }
  }

  /** For metrics; the counts wrap at 2^32. */
  stats(): LimiterStats {
    return {
      entries: (this.#setMask + 1) * WAYS,
      evictedLive: Atomics.load(this.#ints, EVICTED_CELL) >>> 0,
      gaveUp: Atomics.load(this.#ints, GAVE_UP_CELL) >>> 0,
    };
  }
}
