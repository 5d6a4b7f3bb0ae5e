/**
 * HalfSipHash-2-4 with 64 bits out (Aumasson, https://github.com/veorq/SipHash, halfsiphash.c): a keyed hash made of
 * 32-bit operations, which is what JavaScript does fast. The key is random per process and shared by all data
 * threads, so that nobody outside can choose addresses that fall into one set of the limiter's table and push
 * each other out. Rejected: SipHash proper (64-bit words: BigInt), Murmur and FNV with a seed (collisions that
 * hold for every seed are known).
 */

/** Hashes whole words, or text; a message of n words is the same as its 4n bytes, little-endian. */
export class WordHasher {
  readonly #key0: number;
  readonly #key1: number;
  /** First and second 32 bits of the last hash, signed. */
  lo = 0;
  hi = 0;
  /** Whole words of a text; grows to the longest. */
  #words = new Int32Array(16);

  constructor(key0: number, key1: number) {
    this.#key0 = key0 | 0;
    this.#key1 = key1 | 0;
  }

  /** Hashes `words` into `lo` and `hi`. Allocates nothing. */
  hash(words: Int32Array): void {
    // hot path: bench/micro/limiter.ts
    this.#run(words, words.length, words.length << 26);
  }

  /**
   * Hashes a text into `lo` and `hi`: what came over a wire, whose characters are bytes (latin1). Of others only the low
   * byte counts.
   */
  hashText(text: string): void {
    const { length } = text;
    const count = length >>> 2;
    if (count > this.#words.length) this.#words = new Int32Array(2 ** Math.ceil(Math.log2(count)));
    const words = this.#words;
    for (let word = 0, at = 0; word < count; word++, at += 4) {
      words[word] =
        (text.charCodeAt(at) & 255) |
        ((text.charCodeAt(at + 1) & 255) << 8) |
        ((text.charCodeAt(at + 2) & 255) << 16) |
        (text.charCodeAt(at + 3) << 24);
    }
    let last = length << 24;
    for (let at = count * 4; at < length; at++) last |= (text.charCodeAt(at) & 255) << ((at & 3) * 8);
    this.#run(words, count, last);
  }

  /** @param last the bytes that fill no word, below the number of all of them (modulo 256) */
  #run(words: Int32Array, count: number, last: number): void {
    let v0 = this.#key0;
    let v1 = this.#key1 ^ 0xee;
    let v2 = this.#key0 ^ 0x6c796765;
    let v3 = this.#key1 ^ 0x74656462;
    // One block a word, one for the length, two to finish.
    for (let block = 0; block < count + 3; block++) {
      const message = block < count ? (words[block] ?? 0) : block === count ? last : 0;
      if (block === count + 1) {
        v2 ^= 0xee;
      } else if (block === count + 2) {
        this.lo = v1 ^ v3;
        v1 ^= 0xdd;
      }
      v3 ^= message;
      for (let rounds = block > count ? 4 : 2; rounds > 0; rounds--) {
        v0 = (v0 + v1) | 0;
        v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
        v0 = (v0 << 16) | (v0 >>> 16);
        v2 = (v2 + v3) | 0;
        v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
        v0 = (v0 + v3) | 0;
        v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
        v2 = (v2 + v1) | 0;
        v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
        v2 = (v2 << 16) | (v2 >>> 16);
      }
      v0 ^= message;
    }
    this.hi = v1 ^ v3;
  }
}
