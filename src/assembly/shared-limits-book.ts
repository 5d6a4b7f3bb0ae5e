import { SharedLimits, type SharedLimitsDeps, type SharedLimitsOptions } from '../limit/index.ts';
import type { Log, ThreadCells } from '../observe/index.ts';

type Tools = Pick<SharedLimitsDeps, 'clock' | 'deadlines'> & {
  readonly log: Log;
  readonly cells: ThreadCells;
};

/** A data thread's connection to where limits are shared; a snapshot that leaves its settings as they were keeps it. */
export class SharedLimitsBook {
  readonly #tools: Tools;
  readonly #open = new Map<string, SharedLimits>();

  constructor(tools: Tools) {
    this.#tools = tools;
  }

  of(options: SharedLimitsOptions): SharedLimits {
    const key = JSON.stringify(options);
    const known = this.#open.get(key);
    if (known) return known;
    const { clock, deadlines, log, cells } = this.#tools;
    const shared = new SharedLimits(options, {
      clock,
      deadlines,
      onShared: (localMs) => {
        cells.setSharedLimits(true);
        if (localMs > 0)
          log.info('limits are shared again', { url: options.url, local_ms: Math.round(localMs) });
      },
      onLocal: (why) => {
        cells.setSharedLimits(false);
        log.warn('limits go on locally: what they are shared in cannot be asked', { url: options.url, why });
      },
      onLocalRequest: () => cells.countLocalLimit(),
    });
    // Until it is connected.
    cells.setSharedLimits(false);
    this.#open.set(key, shared);
    return shared;
  }

  /** Closes all others. @param options of the snapshot in force; null = it shares none */
  keepOnly(options: SharedLimitsOptions | null): void {
    const kept = options === null ? '' : JSON.stringify(options);
    for (const [key, shared] of this.#open) {
      if (key === kept) continue;
      shared.close();
      this.#open.delete(key);
    }
    if (this.#open.size === 0) this.#tools.cells.setSharedLimits(true);
  }

  closeAll(): void {
    this.keepOnly(null);
  }
}
