/**
 * Moves the limits of pools with adaptive concurrency (gradient.ts), on the main thread: data threads count answers and their
 * times on the slot of the pool's places and keep to the limit that stands there.
 */
import type { Clock, Timer } from '../kernel/clock.ts';
import { COUNTER } from '../kernel/slot-counters.ts';
import type { SlotTable } from '../kernel/slots.ts';
import {
  type GradientOptions,
  type GradientState,
  MIN_ANSWERS,
  startGradient,
  stepGradient,
  WINDOW_MS,
} from './gradient.ts';

/** In flight is looked at so often in a window. */
const LOOKS = 5;

export interface AdaptivePool {
  readonly slot: number;
  readonly generation: number;
  readonly options: GradientOptions;
}

export interface ConcurrencyDeps {
  readonly clock: Clock;
  readonly slots: SlotTable;
  /** In the configuration in force. */
  pools(): readonly AdaptivePool[];
}

interface Memory {
  readonly generation: number;
  state: GradientState;
  answers: number;
  tookMs: number;
  inFlight: number;
}

export class ConcurrencyWatch {
  readonly #deps: ConcurrencyDeps;
  /** By slot: a reload that keeps the pool keeps what was learned. */
  readonly #memories = new Map<number, Memory>();
  #ticker: Timer | undefined;
  #looks = 0;

  constructor(deps: ConcurrencyDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#ticker = this.#deps.clock.setTicker(WINDOW_MS / LOOKS, () => this.look());
  }

  stop(): void {
    this.#ticker?.cancel();
  }

  /** One look at all pools; every fifth ends a window. */
  look(): void {
    const pools = this.#deps.pools();
    const isEnd = ++this.#looks % LOOKS === 0;
    for (const pool of pools) this.#lookAt(pool, isEnd);
    if (this.#memories.size > pools.length)
      for (const slot of this.#memories.keys())
        if (!pools.some((it) => it.slot === slot)) this.#memories.delete(slot);
  }

  #lookAt({ slot, generation, options }: AdaptivePool, isEnd: boolean): void {
    const { slots } = this.#deps;
    const { answers, tookMs } = this.#counted(slot);
    let memory = this.#memories.get(slot);
    if (memory?.generation !== generation) {
      memory = { generation, state: startGradient(options), answers, tookMs, inFlight: 0 };
      this.#memories.set(slot, memory);
      slots.setMaxConnections(slot, memory.state.limit);
    }
    memory.inFlight = Math.max(memory.inFlight, slots.inFlight(slot));
    const count = answers - memory.answers;
    if (!isEnd || count < MIN_ANSWERS) return;
    const window = { tookMs: (tookMs - memory.tookMs) / count, inFlight: memory.inFlight };
    memory.state = stepGradient(memory.state, window, options);
    memory.answers = answers;
    memory.tookMs = tookMs;
    memory.inFlight = 0;
    slots.setMaxConnections(slot, memory.state.limit);
  }

  #counted(slot: number): { answers: number; tookMs: number } {
    const { counters, threads } = this.#deps.slots;
    let answers = 0;
    let tookMs = 0;
    for (let thread = 0; thread < threads; thread++) {
      answers += counters.of(slot, thread, COUNTER.ended);
      tookMs += counters.of(slot, thread, COUNTER.responseMs);
    }
    return { answers, tookMs };
  }
}
