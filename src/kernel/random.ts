import { randomBytes } from 'node:crypto';

/**
 * Randomness as an argument. `fastRandom` spreads load and jitters timers; it must never make a secret
 * (those come from `secretBytes`).
 */
export interface Random {
  /** A float in [0, 1). */
  next(): number;
  /** An integer in [0, bound). */
  below(bound: number): number;
}

/** xoshiro128** 1.1 by Blackman and Vigna (https://prng.di.unimi.it/xoshiro128starstar.c), seeded by splitmix32. */
export class SeededRandom implements Random {
  readonly seed: number;
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** @param seed any 32-bit integer; print it when a test fails, to repeat the run. */
  constructor(seed: number) {
    this.seed = seed >>> 0;
    let state = this.seed;
    const split = (): number => {
      state = (state + 0x9e3779b9) | 0;
      let z = state ^ (state >>> 16);
      z = Math.imul(z, 0x21f0aaad);
      z ^= z >>> 15;
      z = Math.imul(z, 0x735a2d97);
      return z ^ (z >>> 15);
    };
    this.#a = split();
    this.#b = split();
    this.#c = split();
    this.#d = split();
  }

  #uint32(): number {
    const r = Math.imul(this.#b, 5);
    const result = Math.imul((r << 7) | (r >>> 25), 9) >>> 0;
    const t = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= t;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  next(): number {
    return this.#uint32() / 2 ** 32;
  }

  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }
}

/** A generator with a seed of its own, for one thread. Not for secrets. */
export function fastRandom(): SeededRandom {
  return new SeededRandom(randomBytes(4).readUInt32LE(0));
}

/** `count` bytes that nobody can guess: keys, tokens. */
export function secretBytes(count: number): Buffer {
  return randomBytes(count);
}
