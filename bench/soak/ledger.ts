/**
 * What came of everything that was tried, and which of it is explained: pure. A failure is explained when the one who
 * tried was meant to fail so, or when a server was killed under it and nothing of Sluice could have saved it.
 */

/** What a client makes of one try: `ok`, or a word that says what came instead. */
export interface Outcome {
  readonly kind: string;
  /** Of client: `small`, `upload`, `websocket` … */
  readonly client: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly detail?: string;
}

/** A line of the access log, as far as it is looked at. */
export interface LoggedExchange {
  readonly target: string;
  readonly status: number;
  readonly reason: string;
}

export interface Explanation {
  readonly client: string;
  readonly kind: RegExp;
  readonly why: string;
  /** Only when a server was killed while it ran. */
  readonly isByKill?: boolean;
}

/** How long after a kill its effects may be seen: until health checks know, and connections of before are used up. */
const KILL_AFTERMATH_MS = 3000;

export class Ledger {
  readonly #explanations: readonly Explanation[];
  readonly #kills: number[] = [];
  readonly #counts = new Map<string, number>();
  readonly #why = new Map<string, string>();
  readonly #unexplained: Outcome[] = [];
  readonly #waiting: Outcome[] = [];
  #total = 0;

  constructor(explanations: readonly Explanation[]) {
    this.#explanations = explanations;
  }

  /** A server is killed at this time. */
  killed(atMs: number): void {
    this.#kills.push(atMs);
  }

  add(outcome: Outcome): void {
    this.#total++;
    const key = `${outcome.client} ${outcome.kind}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    if (outcome.kind !== 'ok') this.#waiting.push(outcome);
  }

  /** Judges what has come so far. A kill may be told after what it caused, so it is not done at once. */
  settle(): void {
    for (const outcome of this.#waiting.splice(0)) {
      const found = this.#explanations.find((it) => this.#explains(it, outcome));
      if (found === undefined) this.#unexplained.push(outcome);
      else this.#why.set(`${outcome.client} ${outcome.kind}`, found.why);
    }
  }

  #explains({ client, kind, isByKill }: Explanation, outcome: Outcome): boolean {
    if (client !== outcome.client || !kind.test(outcome.kind)) return false;
    if (isByKill !== true) return true;
    return this.#kills.some((at) => at <= outcome.endMs && at + KILL_AFTERMATH_MS >= outcome.startMs);
  }

  get total(): number {
    return this.#total;
  }
  get unexplained(): readonly Outcome[] {
    return this.#unexplained;
  }
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Client and outcome, how often, and why where it is not `ok`; sorted. */
  rows(): readonly (readonly [what: string, count: number, why: string])[] {
    return [...this.#counts]
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([key, count]) => [key, count, this.#why.get(key) ?? '']);
  }
}
