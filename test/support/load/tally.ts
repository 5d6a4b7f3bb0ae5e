/** What came of the requests of a load. */
import type { LoadResult } from './client-connection.ts';

export type Operation = 'list' | 'read' | 'change' | 'delete' | 'create';

export interface LoadRecord {
  readonly operation: Operation;
  readonly method: string;
  readonly path: string;
  /** Monotonic. */
  readonly startMs: number;
  readonly durationMs: number;
  /** Statuses that this request may have. */
  readonly right: readonly number[];
  readonly result: LoadResult;
}

/** A request that went wrong, in words. */
export interface Trouble {
  /** Since the start of the load. */
  readonly atMs: number;
  readonly durationMs: number;
  readonly request: string;
  readonly what: string;
}

export interface LoadSummary {
  readonly requests: number;
  readonly byOperation: Readonly<Record<Operation, number>>;
  /** Idempotent, and no answer byte had come: connection error, 5xx, no answer. */
  readonly failed: readonly Trouble[];
  /** Idempotent, and the answer broke off: the client has part of it, nobody can repair that. */
  readonly broken: readonly Trouble[];
  /** Not idempotent (POST): nobody may repeat it once it was sent. */
  readonly failedPosts: readonly Trouble[];
  /** 412 to a change, 404 to a deletion: carried out, its answer lost, sent again. */
  readonly repeated: readonly Trouble[];
  /** A status that a right proxy cannot have caused. */
  readonly wrong: readonly Trouble[];
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export class Tally {
  readonly #startMs: number;
  readonly #counts: Record<Operation, number> = { list: 0, read: 0, change: 0, delete: 0, create: 0 };
  readonly #failed: Trouble[] = [];
  readonly #broken: Trouble[] = [];
  readonly #failedPosts: Trouble[] = [];
  readonly #repeated: Trouble[] = [];
  readonly #wrong: Trouble[] = [];
  readonly #durationsMs: number[] = [];

  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  get requests(): number {
    return this.#durationsMs.length;
  }

  add(record: LoadRecord): void {
    const { operation, result, right, durationMs } = record;
    this.#counts[operation]++;
    this.#durationsMs.push(durationMs);
    const isPost = operation === 'create';
    if (result.kind === 'failure') {
      const { why, detail, answerBytes, carried } = result;
      const what = `${why} (${detail}) after ${answerBytes} bytes, request ${carried + 1} of its connection`;
      const list = isPost ? this.#failedPosts : answerBytes > 0 ? this.#broken : this.#failed;
      list.push(this.#trouble(record, what));
    } else if (result.status >= 500) {
      const what = `${result.status} ${result.body.toString('utf8', 0, 300)}`;
      (isPost ? this.#failedPosts : this.#failed).push(this.#trouble(record, what));
    } else if (!right.includes(result.status)) {
      this.#wrong.push(this.#trouble(record, `${result.status} ${result.body.toString('utf8', 0, 300)}`));
    } else if (result.status === 412 || result.status === 404) {
      this.#repeated.push(this.#trouble(record, String(result.status)));
    }
  }

  #trouble(record: LoadRecord, what: string): Trouble {
    return {
      atMs: Math.round(record.startMs - this.#startMs),
      durationMs: Math.round(record.durationMs),
      request: `${record.method} ${record.path}`,
      what: what.trim(),
    };
  }

  summary(): LoadSummary {
    const sorted = Float64Array.from(this.#durationsMs).sort();
    const at = (part: number): number =>
      Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0) * 10) / 10;
    return {
      requests: this.requests,
      byOperation: { ...this.#counts },
      failed: this.#failed,
      broken: this.#broken,
      failedPosts: this.#failedPosts,
      repeated: this.#repeated,
      wrong: this.#wrong,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      maxMs: at(1),
    };
  }
}
