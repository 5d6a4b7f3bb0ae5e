/**
 * Two ways to give keys to servers so that a server that comes or goes moves hardly any keys but its own.
 *
 *   ring     each server stands at 160 points (by its weight) of a circle of hashes; a key belongs to the next point
 *            (Karger et al. 1997). Nobody else's keys move. Shares differ by some 8 %; a look-up is a binary search.
 *   maglev   a table of 65 537 places that servers fill in turn, each in an order of its own (Eisenbud et al., "Maglev", NSDI
 *            2016, section 3.4). Shares are even to a percent and a look-up is one read; a change moves a few keys of others too.
 *
 * Both depend on nothing but the servers' ids and weights: every thread, restart and node agrees.
 */
import { mix32 } from '../client-key.ts';

export interface HashTable {
  /** @param hashes one a server, 32 bits. @param weights above 0, aligned. */
  rebuild(hashes: Uint32Array, weights: readonly number[]): void;
  /** The place of a key (32 bits); the table must not be empty. */
  find(key: number): number;
  /** Index of the server at a place, -1 in an empty table. */
  serverAt(place: number): number;
  /** The place to look at when the server of this one cannot take the key. */
  next(place: number, key: number, step: number): number;
}

export const HASH_TABLES = ['ring', 'maglev'] as const;
export type HashTableName = (typeof HASH_TABLES)[number];

export function makeHashTable(name: HashTableName): HashTable {
  return name === 'ring' ? new Ring() : new Maglev();
}

/** Points of a server of average weight. */
const POINTS = 160;
/** Splits a number into its hash and its index: 2^32 × 2^20 is exact in a double. */
const INDEX_SPAN = 2 ** 20;

export class Ring implements HashTable {
  #points = new Uint32Array(0);
  #servers = new Uint32Array(0);

  rebuild(hashes: Uint32Array, weights: readonly number[]): void {
    const mean = weights.reduce((sum, weight) => sum + weight, 0) / Math.max(1, weights.length);
    const counts = weights.map((weight) => Math.max(1, Math.round((POINTS * weight) / mean)));
    const both = new Float64Array(counts.reduce((sum, count) => sum + count, 0));
    let at = 0;
    counts.forEach((count, index) => {
      const hash = hashes[index] ?? 0;
      for (let point = 0; point < count; point++)
        both[at++] = mix32(hash ^ Math.imul(point + 1, 0x9e3779b1)) * INDEX_SPAN + index;
    });
    both.sort();
    this.#points = Uint32Array.from(both, (value) => Math.floor(value / INDEX_SPAN));
    this.#servers = Uint32Array.from(both, (value) => value % INDEX_SPAN);
  }

  find(key: number): number {
    const points = this.#points;
    let low = 0;
    let high = points.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((points[middle] ?? 0) < key) low = middle + 1;
      else high = middle;
    }
    return low === points.length ? 0 : low;
  }

  serverAt(place: number): number {
    return this.#servers[place] ?? -1;
  }

  /** Onwards around the circle: what a full or failed server cannot take goes to those behind its points. */
  next(place: number): number {
    return place + 1 === this.#points.length ? 0 : place + 1;
  }
}

/** A prime, more than a hundred times as many as servers in all but the largest pools. */
const PLACES = 65_537;

export class Maglev implements HashTable {
  #places = new Int32Array(0);

  rebuild(hashes: Uint32Array, weights: readonly number[]): void {
    const n = hashes.length;
    const places = new Int32Array(n === 0 ? 0 : PLACES).fill(-1);
    const heaviest = weights.reduce((most, weight) => Math.max(most, weight), 1);
    const skips = Uint32Array.from(hashes, (hash) => (mix32(hash ^ 0x5bd1e995) % (PLACES - 1)) + 1);
    /** Where each server looks next. */
    const wanted = Uint32Array.from(hashes, (hash) => hash % PLACES);
    const earned = new Float64Array(n);
    for (let filled = 0; filled < places.length; ) {
      for (let index = 0; index < n && filled < places.length; index++) {
        // A server of half the weight takes every second turn.
        earned[index] = (earned[index] ?? 0) + (weights[index] ?? 1) / heaviest;
        if ((earned[index] ?? 0) < 1 - 1e-9) continue;
        earned[index] = (earned[index] ?? 0) - 1;
        let place = wanted[index] ?? 0;
        const skip = skips[index] ?? 1;
        while ((places[place] ?? 0) >= 0) place = (place + skip) % PLACES;
        places[place] = index;
        wanted[index] = (place + skip) % PLACES;
        filled++;
      }
    }
    this.#places = places;
  }

  find(key: number): number {
    return key % PLACES;
  }

  serverAt(place: number): number {
    return this.#places[place] ?? -1;
  }

  /** Anywhere else, for each key by itself: so that what a server cannot take is spread over all. */
  next(_place: number, key: number, step: number): number {
    return mix32(key ^ Math.imul(step + 1, 0x9e3779b1)) % PLACES;
  }
}
