import type { QuantileEstimate } from '../forward/index.ts';

/** When a pool's slow requests are asked of a second server. */
export class HedgeRule {
  readonly #delayMs: number;
  readonly #estimate: QuantileEstimate | null;

  /** @param estimate of the times of the pool, where the delay goes by it; kept by reloads */
  constructor(delayMs: number, estimate: QuantileEstimate | null) {
    this.#delayMs = delayMs;
    this.#estimate = estimate;
  }

  /** Infinity = not yet. */
  get delayMs(): number {
    return this.#estimate?.value ?? this.#delayMs;
  }

  /** A server took so long to the head of its answer, or longer. */
  observe(tookMs: number): void {
    this.#estimate?.observe(Math.max(0.01, tookMs));
  }
}
