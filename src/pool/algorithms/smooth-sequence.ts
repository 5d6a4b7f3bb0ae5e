/**
 * Smooth weighted order as a pure function of a turn number: over every cycle (sum of the weights, reduced) each index comes
 * exactly as often as its weight says, spread out, never in a burst: 5:1:1 is a a b a c a a. Since nothing but the turn
 * counter has state, threads that share the counter share the order.
 *
 *   all weights equal       turn mod n                                          no table
 *   n × cycle <= 131 072    nginx's smooth weighted round robin, run once       Uint32Array[cycle]
 *   larger                  turn × stride mod cycle, stride ≈ cycle / golden ratio and coprime to it, looked up in
 *                           the running sum of the weights: a permutation of the cycle whose neighbours lie far apart; O(log n)
 *
 * Rejected: each thread runs nginx's algorithm by itself (all threads would send their first request to the same server);
 * the table for all sizes (1 000 servers of weights up to 1 000: a second of work at each change of a weight).
 */
const MAX_TABLE_WORK = 2 ** 17;
const GOLDEN = 0.6180339887498949;

export class SmoothSequence {
  #count = 0;
  #cycle = 0;
  #table: Uint32Array | undefined;
  #stride = 1;
  #ends: Float64Array | undefined;

  /** @param weights whole numbers above 0. */
  rebuild(weights: readonly number[]): void {
    const divisor = weights.reduce(gcd, 0) || 1;
    const reduced = weights.map((weight) => weight / divisor);
    this.#count = weights.length;
    this.#cycle = reduced.reduce((sum, weight) => sum + weight, 0);
    this.#table = undefined;
    this.#ends = undefined;
    if (this.#cycle === this.#count) return;
    if (this.#count * this.#cycle <= MAX_TABLE_WORK) this.#table = smoothTable(reduced, this.#cycle);
    else {
      this.#ends = new Float64Array(reduced.length);
      reduced.reduce((sum, weight, i) => {
        (this.#ends as Float64Array)[i] = sum + weight;
        return sum + weight;
      }, 0);
      this.#stride = Math.round(this.#cycle * GOLDEN);
      while (gcd(this.#stride, this.#cycle) !== 1) this.#stride++;
    }
  }

  /** Index into the weights for a turn (any whole number >= 0); -1 when there are none. */
  indexAt(turn: number): number {
    if (this.#count === 0) return -1;
    const place = turn % this.#cycle;
    if (this.#table) return this.#table[place] ?? 0;
    if (!this.#ends) return place;
    return firstAbove(this.#ends, (place * this.#stride) % this.#cycle);
  }
}

function gcd(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return x;
}

/** Nginx's ngx_http_upstream_get_peer: everyone gains its weight, the richest is taken and pays the sum. */
function smoothTable(weights: readonly number[], cycle: number): Uint32Array {
  const gained = new Float64Array(weights.length);
  const table = new Uint32Array(cycle);
  for (let place = 0; place < cycle; place++) {
    let best = 0;
    for (let i = 0; i < weights.length; i++) {
      gained[i] = (gained[i] ?? 0) + (weights[i] ?? 0);
      if ((gained[i] ?? 0) > (gained[best] ?? 0)) best = i;
    }
    gained[best] = (gained[best] ?? 0) - cycle;
    table[place] = best;
  }
  return table;
}

function firstAbove(ends: Float64Array, value: number): number {
  let low = 0;
  let high = ends.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ends[middle] ?? 0) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
