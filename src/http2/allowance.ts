/**
 * What a client may do without a purpose: a bucket that fills with time, is drained by what serves nothing, and is given
 * back some by what does. Two of them guard an HTTP/2 connection (limits.ts): one counts bytes that carry neither a
 * request nor a body (pings, settings, priorities, window updates, empty and unknown frames, fields that are refused),
 * the other requests that end before their answer. So a flood is seen by what all floods have in common, and not only
 * in the frames that somebody thought of.
 */
export class Allowance {
  readonly #burst: number;
  readonly #perSecond: number;
  #left: number;
  #lastMs: number;

  /** @param burst how much is there at most and at first */
  constructor(burst: number, perSecond: number, nowMs: number) {
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#left = burst;
    this.#lastMs = nowMs;
  }

  /** @returns false when more was spent than there was */
  spend(amount: number, nowMs: number): boolean {
    const filled = this.#left + ((nowMs - this.#lastMs) / 1000) * this.#perSecond;
    this.#lastMs = nowMs;
    this.#left = Math.min(this.#burst, filled) - amount;
    return this.#left >= 0;
  }
}

const MAX_EXCUSED_BYTES = 8 * 1024 * 1024;

/**
 * The bytes of a connection that carry nothing. What carries something is told as it is seen; the rest of what was read
 * is noise. Useful bytes are rather overrated (fields count as if nothing compressed them), and what they are overrated
 * by is not kept: it would be a licence for the flood after it.
 */
export class Noise {
  readonly #allowance: Allowance;
  #read = 0;
  #useful = 0;
  #excused = 0;

  constructor(burstBytes: number, bytesPerSecond: number, nowMs: number) {
    this.#allowance = new Allowance(burstBytes, bytesPerSecond, nowMs);
  }

  useful(bytes: number): void {
    this.#useful += bytes;
  }

  /** So many bytes may still come of a body that we have no use for any more; they count as useful when they do. */
  excuse(bytes: number): void {
    this.#excused = Math.min(MAX_EXCUSED_BYTES, this.#excused + bytes);
  }

  /**
   * @param readBytes all that was read of the connection so far
   * @param heldBytes what lies in buffers and was not seen yet: bodies that nobody takes for now
   * @returns false when it was too much noise
   */
  look(readBytes: number, heldBytes: number, nowMs: number): boolean {
    const came = readBytes - this.#read;
    const unasked = Math.max(0, came - this.#useful - heldBytes);
    const noise = Math.max(0, unasked - this.#excused);
    this.#excused -= unasked - noise;
    this.#read = readBytes - heldBytes;
    this.#useful = 0;
    return this.#allowance.spend(noise, nowMs);
  }
}
