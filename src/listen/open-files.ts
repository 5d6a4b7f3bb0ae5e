/**
 * What is done when the process runs out of files it may open (EMFILE) or the system does (ENFILE). libuv then accepts a
 * connection and closes it, without a word and for as long as it lasts, and connections to servers fail as if the servers
 * were down. So listeners stop a little before: the number of an accepted socket is the lowest that was free, which says
 * how few are left. What is kept back serves connections to servers, the admin API and the log.
 *
 * One for all listeners of a thread. An outage is told once when it begins and once when it has ended.
 */
import type { Clock } from '../kernel/clock.ts';
import type { Deadlines, Expiring } from '../kernel/deadlines.ts';
import type { Log } from '../observe/index.ts';

/** An outage has ended when nobody was refused for so long. */
const CALM_MS = 5000;

/** How many files listeners leave free. */
export function reservedFiles(limit: number): number {
  return Math.min(1024, Math.max(16, Math.floor(limit / 8)));
}

export class OpenFiles implements Expiring {
  deadlineMs = Number.POSITIVE_INFINITY;
  deadlineIndex = -1;
  readonly #limit: number;
  readonly #firstReserved: number;
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #log: Log;
  #refused = 0;

  /** @param limit of open files; Infinity = unknown, then only the system's errors count */
  constructor(limit: number, deps: { clock: Clock; deadlines: Deadlines; log: Log }) {
    this.#limit = limit;
    this.#firstReserved = limit - reservedFiles(limit);
    this.#clock = deps.clock;
    this.#deadlines = deps.deadlines;
    this.#log = deps.log;
  }

  /** Whether a connection with this file number leaves enough free. */
  hasRoom(fileNumber: number): boolean {
    return fileNumber < this.#firstReserved;
  }

  /** A connection was closed, or could not be accepted, for want of files. */
  refuse(listener: string, error = ''): void {
    this.deadlineMs = this.#clock.nowMs() + CALM_MS;
    if (this.#refused++ > 0) return;
    this.#deadlines.add(this);
    this.#log.warn(
      'too many open files: new connections are closed; raise the limit (ulimit -n, LimitNOFILE)',
      {
        listener,
        ...(Number.isFinite(this.#limit) ? { limit: this.#limit } : {}),
        ...(error === '' ? {} : { error }),
      },
    );
  }

  onDeadline(): void {
    this.#log.info('open files suffice again', { refused: this.#refused });
    this.#refused = 0;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#deadlines.remove(this);
  }
}
