/**
 * How many requests of a client are in flight: one table for the process, in shared memory, so that `concurrency` is
 * exact over all data threads. It belongs to the runtime: it survives a reload (also one that changes the limit) and the
 * death of a data thread, whose places are struck out.
 *
 * Set-associative like the rate limiter's table: a keyed 64-bit hash of (rule, client) names one set of 8 entries.
 *
 *   buffer:  header (64 B) | set 0 | set 1 | ...
 *   header:  that of all such tables (set-table.ts) · 4 threads · 5 let in uncounted · 6 gave up waiting
 *   set:     0 lock · 8–23 hash (hi, lo) of each way · from 24 the counts of each way, one cell a thread
 *
 * An entry is in use while any of its counts is above 0. To enter takes the set's lock; to leave is one subtraction from
 * a cell that only this thread writes to, and needs no lock: an entry can become free at any time, but only who holds
 * the lock gives it to another client or adds to it. So leaving never waits and never fails.
 * A set whose 8 entries are all in use lets further clients in uncounted, and says so in `stats`: that takes more than 8
 * clients with requests in flight of some thousands of sets.
 *
 * Rejected: evicting (the places of the evicted would be given back to somebody else), one count an entry (a dead
 * thread's part could not be told).
 */
import { createHash } from 'node:crypto';
import type { ClientKey } from './address.ts';
import type { WordHasher } from './hash.ts';
import { createSetTable, HEADER_CELLS, openSetTable, WAYS } from './set-table.ts';
import { MAIN_OWNER, takeBusyLock } from './spin-lock.ts';

const KIND = { magic: 0x534c5031, name: 'table of places', code: 'bad_place_table' };
const THREADS_CELL = 4;
const UNCOUNTED_CELL = 5;
const GAVE_UP_CELL = 6;

const HASHES = 8;
const COUNTS = 24;

/** Clients with requests in flight at one time; memory is only taken as sets are used. */
export const DEFAULT_PLACE_ENTRIES = 65536;

/** What `enter` says instead of a place. */
export const REFUSED = -1;
export const UNCOUNTED = -2;

export interface ConcurrencyRuleOptions {
  /** What the limit belongs to, unique in the process: `route:api`. */
  readonly name: string;
  /** Requests of one client at one time. */
  readonly max: number;
}

/** A `concurrency` of the file, compiled. Its id leaves `max` out: a reload that changes it goes on with what is in flight. */
export class ConcurrencyRule {
  readonly name: string;
  readonly max: number;
  readonly idHi: number;
  readonly idLo: number;

  constructor({ name, max }: ConcurrencyRuleOptions) {
    this.name = name;
    this.max = max;
    const id = createHash('sha256').update(`concurrency/${name}`).digest();
    this.idHi = id.readInt32LE(0);
    this.idLo = id.readInt32LE(4);
  }
}

export interface PlaceStats {
  /** Places that are taken now, over all threads. */
  readonly taken: number;
  /** Requests that were let in uncounted since the start. */
  readonly uncounted: number;
  /** Requests refused because a set's lock was not given back. */
  readonly gaveUp: number;
}

/** One thread's handle on the table. */
export class PlaceTable {
  readonly buffer: SharedArrayBuffer;
  readonly #ints: Int32Array;
  readonly #hasher: WordHasher;
  readonly #words = new Int32Array(4);
  readonly #setMask: number;
  readonly #setCells: number;
  readonly #threads: number;
  readonly #thread: number;
  readonly #owner: number;

  /** Use `create` (main) or `attach` (data threads). */
  private constructor(buffer: SharedArrayBuffer, thread: number) {
    this.buffer = buffer;
    this.#ints = new Int32Array(buffer);
    this.#threads = this.#ints[THREADS_CELL] ?? 0;
    this.#setCells = setCells(this.#threads);
    const { hasher, setMask } = openSetTable(KIND, this.#ints, this.#setCells);
    this.#hasher = hasher;
    this.#setMask = setMask;
    this.#thread = thread;
    this.#owner = thread < 0 ? MAIN_OWNER : thread + 1;
  }

  /**
   * Makes the table; main does it once.
   * @param options `entries` rounded up to the next power of two, at least 8; `seed` at least 8 random bytes
   */
  static create(options: { entries: number; threads: number; seed: Uint8Array }): PlaceTable {
    const { entries, threads, seed } = options;
    const ints = createSetTable(KIND, { entries, setCells: setCells(threads), seed });
    ints[THREADS_CELL] = threads;
    return new PlaceTable(ints.buffer, -1);
  }

  /** @param thread the number of the data thread, from 0; no two live threads have the same. */
  static attach(buffer: SharedArrayBuffer, thread: number): PlaceTable {
    return new PlaceTable(buffer, thread);
  }

  /**
   * Takes a place for a request of `key` unless it has `max` already.
   * @returns the place, for `leave`; or REFUSED, or UNCOUNTED
   */
  enter(rule: ConcurrencyRule, key: ClientKey): number {
    const words = this.#words;
    words[0] = rule.idHi;
    words[1] = rule.idLo;
    words[2] = key.hi;
    words[3] = key.lo;
    const hasher = this.#hasher;
    hasher.hash(words);
    const { hi, lo } = hasher;
    const ints = this.#ints;
    const set = HEADER_CELLS + (lo & this.#setMask) * this.#setCells;
    if (
      Atomics.compareExchange(ints, set, 0, this.#owner) !== 0 &&
      takeBusyLock(ints, set, this.#owner) === 'gave_up'
    ) {
      Atomics.add(ints, GAVE_UP_CELL, 1);
      return REFUSED;
    }
    const place = this.#enterLocked(set, hi, lo, rule.max);
    Atomics.store(ints, set, 0);
    return place;
  }

  #enterLocked(set: number, hi: number, lo: number, max: number): number {
    const ints = this.#ints;
    let free = -1;
    for (let way = 0, at = set + HASHES; way < WAYS; way++, at += 2) {
      const isOurs = ints[at] === hi && ints[at + 1] === lo;
      if (!isOurs && free >= 0) continue;
      const count = this.#countOf(set, way);
      if (isOurs) return count < max ? this.#take(set, way) : REFUSED;
      if (count === 0) free = way;
    }
    if (free < 0) {
      Atomics.add(ints, UNCOUNTED_CELL, 1);
      return UNCOUNTED;
    }
    ints[set + HASHES + free * 2] = hi;
    ints[set + HASHES + free * 2 + 1] = lo;
    return this.#take(set, free);
  }

  #take(set: number, way: number): number {
    const place = set + COUNTS + way * this.#threads + this.#thread;
    Atomics.add(this.#ints, place, 1);
    return place;
  }

  #countOf(set: number, way: number): number {
    const first = set + COUNTS + way * this.#threads;
    let count = 0;
    for (let at = first; at < first + this.#threads; at++) count += Atomics.load(this.#ints, at);
    return count;
  }

  /** Gives a place back, once. */
  leave(place: number): void {
    if (place >= 0) Atomics.sub(this.#ints, place, 1);
  }

  /**
   * Strikes out what a dead thread held. Main calls it when the worker has emitted `exit` and before a successor with
   * the same number starts.
   * @returns how many places it had
   */
  releaseThread(thread: number): number {
    const ints = this.#ints;
    let released = 0;
    for (let set = HEADER_CELLS; set < ints.length; set += this.#setCells) {
      for (let way = 0; way < WAYS; way++)
        released += Atomics.exchange(ints, set + COUNTS + way * this.#threads + thread, 0);
      if (Atomics.compareExchange(ints, set, thread + 1, 0) === thread + 1) Atomics.notify(ints, set);
    }
    return released;
  }

  /** For metrics and tests; the counts since the start wrap at 2^32. */
  stats(): PlaceStats {
    let taken = 0;
    for (let set = HEADER_CELLS; set < this.#ints.length; set += this.#setCells)
      for (let way = 0; way < WAYS; way++) taken += this.#countOf(set, way);
    return {
      taken,
      uncounted: Atomics.load(this.#ints, UNCOUNTED_CELL) >>> 0,
      gaveUp: Atomics.load(this.#ints, GAVE_UP_CELL) >>> 0,
    };
  }
}

function setCells(threads: number): number {
  return COUNTS + WAYS * threads;
}
