/**
 * Keeps what connections hold under `max_memory`, over all data threads.
 *
 *   up to 90 %   nothing happens
 *   from 90 %    new bodies of requests are not read until it is less (`MemoryPressure`)
 *   over 100 %   the connections that hold most are ended, until it is 90 %: 503 `overloaded`, or cut off in an answer
 *
 * Who has its last answer and only waits for its client to go is ended first. Who began within the last second counts less, by
 * its time: an honest request is over by then, and among hundreds that hold the same it should not be the one that goes.
 *
 * Held bytes are not counted as they come and go: a request would pay for that. Instead all connections are asked at each
 * look, which costs a thread with 20 000 of them some 2 ms; while they hold little it looks the less often the more there are.
 * Each thread writes its sum into the shared cells of its
 * listeners, reads the sum over all threads there, and ends its own share of what is too much: no thread waits for
 * another, and none ends connections for bytes that it does not hold.
 */
import type { Clock, Timer } from '../kernel/clock.ts';
import type { MemoryPressure } from '../kernel/memory.ts';
import type { OpenConnection } from '../listen/index.ts';
import type { Log } from '../observe/index.ts';

const LOOK_MS = 100;
/** From here on new bodies wait; to here the largest holders are ended. */
const TIGHT = 0.9;
/** While this thread holds less than that of the limit it skips a look for each so many connections, up to so many looks. */
const CALM = 0.1;
const CONNECTIONS_A_SKIP = 500;
const MAX_SKIPS = 9;
/** From this age on all that an exchange holds counts. */
const FULL_AGE_MS = 1000;
/** And this much counts at once: who holds next to nothing for long must not go before who holds much. */
const LEAST_AGE_MS = 250;
/** An outage has ended when nothing had to be ended for so long. */
const OUTAGE_END_MS = 5000;

/** What is looked at: one listener of this thread. */
export interface HolderGroup {
  readonly holders: Iterable<OpenConnection>;
  /** Held by what has no connection yet (handshakes). */
  readonly unboundBytes: number;
  /** Takes down what this thread's connections of the listener hold. @returns what those of all threads hold */
  publish(bytes: number): number;
  /** Counts and ends one of its connections. */
  overload(holder: OpenConnection): void;
}

export interface MemoryGuardDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly pressure: MemoryPressure;
  groups(): Iterable<HolderGroup>;
}

/** What one connection holds. */
export interface Holding {
  readonly bytes: number;
  /** How long it has held it; Infinity: it has its last answer. */
  readonly ageMs: number;
}

export class MemoryGuard {
  readonly #deps: MemoryGuardDeps;
  #limitBytes = Number.POSITIVE_INFINITY;
  #ticker: Timer | undefined;
  #looksToSkip = 0;
  /** Of all groups, as the last look found them. */
  #holders = 0;
  /** Since the outage began; 0 = there is none. */
  #ended = 0;
  #lastEndedMs = 0;

  constructor(deps: MemoryGuardDeps) {
    this.#deps = deps;
  }

  setLimit(bytes: number): void {
    this.#limitBytes = bytes;
  }

  start(): void {
    this.#ticker ??= this.#deps.clock.setTicker(LOOK_MS, () => this.#tick());
  }

  stop(): void {
    this.#ticker?.cancel();
    this.#ticker = undefined;
  }

  #tick(): void {
    if (this.#looksToSkip > 0) {
      this.#looksToSkip--;
      return;
    }
    const ownBytes = this.look();
    if (ownBytes < this.#limitBytes * CALM && !this.#deps.pressure.isTight)
      this.#looksToSkip = Math.min(MAX_SKIPS, Math.floor(this.#holders / CONNECTIONS_A_SKIP));
  }

  /** @returns what this thread holds */
  look(): number {
    const { pressure } = this.#deps;
    let own = 0;
    let all = 0;
    this.#holders = 0;
    for (const group of this.#deps.groups()) {
      let bytes = group.unboundBytes;
      for (const holder of group.holders) {
        this.#holders++;
        bytes += holder.heldBytes?.() ?? 0;
      }
      own += bytes;
      all += group.publish(bytes);
    }
    const wasTight = pressure.isTight;
    pressure.isTight = all > this.#limitBytes * TIGHT;
    if (wasTight && !pressure.isTight) this.#relieve();
    if (all > this.#limitBytes) this.#shed(excessOf(own, all, this.#limitBytes * TIGHT), all);
    else this.#endOutage();
    return own;
  }

  #relieve(): void {
    for (const { holders } of this.#deps.groups()) for (const holder of holders) holder.relieve?.();
  }

  #shed(excessBytes: number, allBytes: number): void {
    const nowMs = this.#deps.clock.nowMs();
    const all: (Holding & { group: HolderGroup; holder: OpenConnection })[] = [];
    const left = new Map<HolderGroup, number>();
    for (const group of this.#deps.groups()) {
      let bytes = group.unboundBytes;
      for (const holder of group.holders) {
        const ageMs = nowMs - (holder.heldSinceMs?.() ?? 0);
        const one = { group, holder, bytes: holder.heldBytes?.() ?? 0, ageMs };
        bytes += one.bytes;
        all.push(one);
      }
      left.set(group, bytes);
    }
    const chosen = hungriestFirst(all, excessBytes);
    if (chosen.length === 0) return;
    if (this.#ended === 0)
      this.#deps.log.warn('max_memory is used up: the connections that hold most are ended', {
        held_bytes: allBytes,
        max_bytes: this.#limitBytes,
      });
    this.#ended += chosen.length;
    this.#lastEndedMs = nowMs;
    for (const { group, holder, bytes } of chosen) {
      group.overload(holder);
      left.set(group, (left.get(group) ?? 0) - bytes);
    }
    // Else the other threads would end some of theirs for bytes that are not held any more.
    for (const [group, bytes] of left) group.publish(bytes);
  }

  #endOutage(): void {
    if (this.#ended === 0 || this.#deps.clock.nowMs() - this.#lastEndedMs < OUTAGE_END_MS) return;
    this.#deps.log.info('max_memory suffices again', { ended: this.#ended });
    this.#ended = 0;
  }
}

/** A thread's share of what is too much: as its share of what is held. */
export function excessOf(ownBytes: number, allBytes: number, targetBytes: number): number {
  return allBytes <= targetBytes ? 0 : ((allBytes - targetBytes) * ownBytes) / allBytes;
}

/** The hungriest of `all`, until what they hold makes up `bytes`; what holds nothing is not among them. */
export function hungriestFirst<T extends Holding>(all: readonly T[], bytes: number): T[] {
  const hungerOf = ({ bytes: held, ageMs }: T): number =>
    ageMs === Number.POSITIVE_INFINITY && held > 0
      ? Number.MAX_VALUE
      : held * Math.min(Math.max(ageMs, LEAST_AGE_MS), FULL_AGE_MS);
  const chosen: T[] = [];
  let freed = 0;
  for (const one of [...all].sort((a, b) => hungerOf(b) - hungerOf(a))) {
    if (freed >= bytes || one.bytes === 0) break;
    chosen.push(one);
    freed += one.bytes;
  }
  return chosen;
}
