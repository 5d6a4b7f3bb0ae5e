import type { Random } from '../../kernel/random.ts';

/**
 * Weighted random index in O(1): Vose's alias method (A Linear Algorithm for Generating Random Numbers with a
 * Given Distribution, 1991). Each of n equal columns holds at most two indices; one number picks column and half.
 */
export class AliasTable {
  #keep = new Float64Array(0);
  #alias = new Uint32Array(0);

  /** @param weights above 0. */
  rebuild(weights: readonly number[]): void {
    const n = weights.length;
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const scaled = weights.map((weight) => (weight * n) / total);
    const keep = new Float64Array(n).fill(1);
    const alias = new Uint32Array(n);
    const small: number[] = [];
    const large: number[] = [];
    for (let i = 0; i < n; i++) ((scaled[i] ?? 0) < 1 ? small : large).push(i);
    while (small.length > 0 && large.length > 0) {
      const less = small.pop() as number;
      const more = large.at(-1) as number;
      keep[less] = scaled[less] ?? 0;
      alias[less] = more;
      scaled[more] = (scaled[more] ?? 0) - (1 - (scaled[less] ?? 0));
      if ((scaled[more] ?? 0) < 1) small.push(large.pop() as number);
    }
    // What is left on either side is 1 but for rounding: `keep` says so already.
    this.#keep = keep;
    this.#alias = alias;
  }

  /** An index by weight. The table must not be empty. */
  draw(random: Random): number {
    const at = random.next() * this.#keep.length;
    const column = Math.floor(at);
    return at - column < (this.#keep[column] ?? 1) ? column : (this.#alias[column] ?? 0);
  }
}
