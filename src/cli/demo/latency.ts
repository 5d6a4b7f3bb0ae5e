/** Response times in bounded memory: counts in buckets that grow by 2 %, so a quantile is off by 1 % at most. */
const GROWTH = Math.log(1.02);
/** 0.01 ms is the lowest bucket; what is longer than half an hour lands in the last. */
const LOWEST_MS = 0.01;
const BUCKETS = 960;

export class Latency {
  readonly #counts = new Uint32Array(BUCKETS);
  #total = 0;

  add(ms: number): void {
    const bucket = Math.floor(Math.log(Math.max(ms, LOWEST_MS) / LOWEST_MS) / GROWTH);
    const at = Math.min(bucket, BUCKETS - 1);
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#total++;
  }

  /** Milliseconds that a fraction of all stays below; 0 when there is nothing. */
  quantile(fraction: number): number {
    if (this.#total === 0) return 0;
    const wanted = Math.max(1, Math.ceil(this.#total * fraction));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket] ?? 0;
      if (seen >= wanted) return round(LOWEST_MS * Math.exp((bucket + 0.5) * GROWTH));
    }
    return round(LOWEST_MS * Math.exp(BUCKETS * GROWTH));
  }
}

/** Three digits say enough. */
function round(ms: number): number {
  return Number(ms.toPrecision(3));
}
