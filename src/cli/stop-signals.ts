/** What a stop signal means, given the ones before it. Pure. */
export type StopVerdict =
  /** The first: finish what there is, then end. */
  | 'drain'
  /** The same request over another way. */
  | 'echo'
  /** Asked again: end at once. */
  | 'now';

/**
 * A terminal signals the whole process group and the launcher passes its copy on; a service manager signals every process
 * of the unit. So one request may come several times, but never this long apart.
 */
export const ECHO_MS = 300;

export class StopSignals {
  #firstMs: number | undefined;

  /** @param nowMs monotonic */
  next(nowMs: number): StopVerdict {
    if (this.#firstMs === undefined) {
      this.#firstMs = nowMs;
      return 'drain';
    }
    return nowMs - this.#firstMs < ECHO_MS ? 'echo' : 'now';
  }
}
