/**
 * Looks at what requests have shown of the servers and takes outliers out (decide.ts). On the main thread, which alone
 * writes states: data threads count errors in the slots, here they are read ten times a second.
 */
import type { Clock, Timer } from '../../kernel/clock.ts';
import { type SlotTable, STATE } from '../../kernel/slots.ts';
import type { ServerRef } from '../live-server.ts';
import { decideOutliers, type OutlierChange, type OutlierOptions, type OutlierServer } from './decide.ts';

const LOOK_MS = 100;
/** An ejection is forgotten so many ejection times after the server came back. */
const FORGIVEN_AFTER = 5;

/** The registry, as far as it is needed. */
export interface OutlierRegistry {
  poolNames(): readonly string[];
  refs(pool: string): readonly ServerRef[];
  /** Takes a server out for what requests have shown, or lets it back. */
  setEjected(pool: string, id: string, isEjected: boolean, why: string): void;
}

export interface OutlierDeps {
  readonly clock: Clock;
  readonly slots: SlotTable;
  readonly registry: OutlierRegistry;
  /** Of a pool in the configuration in force; undefined = nobody is taken out. */
  optionsOf(pool: string): OutlierOptions | undefined;
  onChange(pool: string, change: OutlierChange): void;
}

/** What is remembered of a server, by its slot and generation. */
interface Memory {
  outUntilMs: number | undefined;
  timesOut: number;
  /** Since when it has been in again. */
  backMs: number;
  requests: number;
  failures: number;
  /** It has been said that it would go but for the others. */
  isSpared: boolean;
}

export class OutlierWatch {
  readonly #deps: OutlierDeps;
  readonly #memories = new Map<string, Memory>();
  readonly #intervals = new Map<string, { readonly ms: number; readonly endMs: number }>();
  #ticker: Timer | undefined;

  constructor(deps: OutlierDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#ticker = this.#deps.clock.setTicker(LOOK_MS, () => this.look());
  }

  stop(): void {
    this.#ticker?.cancel();
  }

  /** One look at all pools. */
  look(): void {
    const { registry, optionsOf } = this.#deps;
    const seen = new Set<string>();
    for (const pool of registry.poolNames()) {
      const servers = registry.refs(pool);
      for (const server of servers) {
        seen.add(keyOf(server));
        this.#deps.slots.endRamp(server.slot.slot, this.#deps.clock.nowMs());
      }
      const options = optionsOf(pool);
      if (options === undefined) this.#letAllBack(pool, servers);
      else this.#lookAt(pool, servers, options);
    }
    for (const key of this.#memories.keys()) if (!seen.has(key)) this.#memories.delete(key);
  }

  #lookAt(pool: string, servers: readonly ServerRef[], options: OutlierOptions): void {
    const nowMs = this.#deps.clock.nowMs();
    const interval = this.#intervals.get(pool);
    const isFirst = interval?.ms !== options.intervalMs;
    const isEnd = !isFirst && nowMs >= interval.endMs;
    if (isFirst || isEnd)
      this.#intervals.set(pool, { ms: options.intervalMs, endMs: nowMs + options.intervalMs });
    if (!isEnd && !isFirst && servers.every((it) => this.#isQuiet(it))) return;
    const seen = servers.map((server) => {
      const memory = this.#memoryOf(server);
      if (nowMs - memory.backMs > FORGIVEN_AFTER * options.ejectionMs) memory.timesOut = 0;
      return this.#seen(server, memory, isEnd, isFirst);
    });
    for (const change of decideOutliers(seen, options, nowMs)) {
      const server = servers.find((it) => it.id === change.id) as ServerRef;
      this.#apply(pool, server, change, nowMs);
    }
  }

  /** Nothing of it can have an effect at the moment. */
  #isQuiet(server: ServerRef): boolean {
    const memory = this.#memories.get(keyOf(server));
    return memory?.outUntilMs === undefined && this.#deps.slots.errorsInARow(server.slot.slot) === 0;
  }

  #seen(server: ServerRef, memory: Memory, isIntervalEnd: boolean, isFirst: boolean): OutlierServer {
    const { slots } = this.#deps;
    const { slot } = server.slot;
    const state = slots.state(slot);
    if (slots.errorsInARow(slot) === 0) memory.isSpared = false;
    // Its checks had it down and up again: it begins anew.
    if ((state & STATE.ejected) === 0) memory.outUntilMs = undefined;
    let interval: { requests: number; failures: number } | undefined;
    if (isIntervalEnd || isFirst) {
      const { requests, failures } = slots.counters.outcomes(slot);
      if (isIntervalEnd)
        interval = { requests: requests - memory.requests, failures: failures - memory.failures };
      memory.requests = requests;
      memory.failures = failures;
    }
    const outside = STATE.draining | STATE.maintenance;
    return {
      id: server.id,
      isInUse: (state & STATE.healthy) !== 0 && (state & outside) === 0 && slots.weight(slot) > 0,
      errorsInARow: slots.errorsInARow(slot),
      interval,
      outUntilMs: memory.outUntilMs,
      timesOut: memory.timesOut,
    };
  }

  #apply(pool: string, server: ServerRef, change: OutlierChange, nowMs: number): void {
    const { registry, slots, onChange } = this.#deps;
    const memory = this.#memoryOf(server);
    const { slot } = server.slot;
    if (change.kind === 'spare') {
      if (!memory.isSpared) onChange(pool, change);
      memory.isSpared = true;
      return;
    }
    memory.isSpared = false;
    slots.clearErrors(slot);
    if (change.kind === 'eject') {
      memory.timesOut++;
      memory.outUntilMs = nowMs + change.forMs;
      registry.setEjected(pool, change.id, true, change.why);
    } else {
      memory.outUntilMs = undefined;
      memory.backMs = nowMs;
      // One request tries it, and the others come when that was answered.
      slots.markSuspect(slot, nowMs);
      registry.setEjected(pool, change.id, false, 'its time is over');
    }
    onChange(pool, change);
  }

  #letAllBack(pool: string, servers: readonly ServerRef[]): void {
    this.#intervals.delete(pool);
    for (const server of servers) {
      const memory = this.#memories.get(keyOf(server));
      if (memory?.outUntilMs === undefined) continue;
      memory.outUntilMs = undefined;
      this.#deps.registry.setEjected(pool, server.id, false, 'the pool looks for outliers no more');
    }
  }

  #memoryOf(server: ServerRef): Memory {
    const key = keyOf(server);
    let memory = this.#memories.get(key);
    if (!memory) {
      const { requests, failures } = this.#deps.slots.counters.outcomes(server.slot.slot);
      memory = { outUntilMs: undefined, timesOut: 0, backMs: 0, requests, failures, isSpared: false };
      this.#memories.set(key, memory);
    }
    return memory;
  }
}

const keyOf = ({ slot: { slot, generation } }: ServerRef): string => `${slot} ${generation}`;
