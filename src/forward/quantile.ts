/** Before so many values it says nothing. */
const MIN_VALUES = 20;
/** How much of itself an estimate moves by a value, times the chance of its side. */
const GAIN = 0.05;

/**
 * Estimates a quantile of what is observed in one number: up by values above it, down by those below, each as much as the other
 * side is likely; it rests where the two balance (stochastic approximation; compare Ma, Muthukrishnan and Sandler, Frugal
 * Streaming, 2013). Follows a change within some hundreds of values.
 */
export class QuantileEstimate {
  readonly #quantile: number;
  #value = 0;
  #count = 0;

  /** @param quantile 0 to 1 */
  constructor(quantile: number) {
    this.#quantile = quantile;
  }

  /** Infinity = too little was seen. */
  get value(): number {
    return this.#count < MIN_VALUES ? Number.POSITIVE_INFINITY : this.#value;
  }

  /** @param value above 0 */
  observe(value: number): void {
    this.#count++;
    if (this.#count === 1) {
      this.#value = value;
      return;
    }
    // At first in greater steps, so that a first value that is far off is soon left.
    const gain = this.#count < 10 * MIN_VALUES ? 4 * GAIN : GAIN;
    this.#value *= value > this.#value ? 1 + gain * this.#quantile : 1 - gain * (1 - this.#quantile);
  }
}
