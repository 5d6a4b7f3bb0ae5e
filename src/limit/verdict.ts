/** What a check says. One object a thread is enough: `check` writes into it. All numbers are integers. */
export class Verdict {
  allowed = true;
  /** Requests of the policy: `count`, or `burst` with a token bucket. */
  limit = 0;
  /** How many more would be let through right now. */
  remaining = 0;
  /** Milliseconds until `remaining` grows by itself; the wait of a refused request is the same. */
  resetMs = 0;
  /** 0 when allowed, else the milliseconds after which this request would be let through, were nothing else to come. */
  retryAfterMs = 0;
  #place = 0;

  /** Where an allowed request was counted, for `giveBack`: the number of the 32nd of a window; of a bucket 0. */
  get place(): number {
    return this.#place;
  }
  set place(value: number) {
    this.#place = value;
  }
}
