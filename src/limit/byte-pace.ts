/**
 * How fast bytes may flow: a token bucket that may be overdrawn, since what has come has come. Kept as one number, the time
 * until which all that flowed is paid for; who has overdrawn waits until then. So however large the pieces and however
 * late the waker, what flows in a time t is at most rate × (t + 1 s) and one piece, and on the long run exactly the rate.
 */

/** Time that was not used is saved up to this. */
const CREDIT_MS = 1000;

export class BytePace {
  readonly #msPerByte: number;
  #paidUntilMs: number;

  /** @param bytesPerS above 0 @param nowMs monotonic, as all times here */
  constructor(bytesPerS: number, nowMs: number) {
    this.#msPerByte = 1000 / bytesPerS;
    this.#paidUntilMs = nowMs - CREDIT_MS;
  }

  /** Bytes have flowed. @returns when the next may; a time that is over = at once */
  moved(bytes: number, nowMs: number): number {
    const fromMs = Math.max(this.#paidUntilMs, nowMs - CREDIT_MS);
    this.#paidUntilMs = fromMs + bytes * this.#msPerByte;
    return this.#paidUntilMs;
  }
}
