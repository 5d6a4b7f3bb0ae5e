import type { Clock } from '../../kernel/clock.ts';
import { BLOCK_KINDS, type BlockKind } from '../cells/blocks.ts';
import { CellTable } from '../cells/table.ts';

/**
 * Main's side of the cells: which block belongs to what. The table is cut once into a region a kind, with
 * room for a fixed number of blocks; block 0 of each region is shared by all that found no room. That bounds both
 * the memory and the number of label values that Prometheus ever sees.
 *
 *   | route: _other | route 1 | route 2 | … | listener: _other | listener 1 | … | server: _other | …
 *
 * A block belongs to its labels for as long as they are in use, over any number of reloads. What is retired keeps
 * its counts until the room is needed: then the longest retired goes first, and not before a grace period, since
 * exchanges that began before the reload still count into it.
 */
export interface CellBlock {
  readonly kind: BlockKind;
  /** route: [route]; listener: [listener]; pool: [pool]; server: [pool, server]; thread: [thread]. */
  readonly labels: readonly string[];
  /** Of its first cell in every row; what is posted to the threads. */
  readonly offset: number;
}

/** How many blocks of each kind there is room for. */
export type BlockCaps = Readonly<Record<BlockKind, number>>;

export const DEFAULT_CAPS: BlockCaps = { route: 2000, listener: 100, pool: 1000, server: 5000, thread: 256 };

/** The label of the shared block. */
export const OTHER = '_other';

const KINDS = Object.keys(BLOCK_KINDS) as readonly BlockKind[];

interface Region {
  readonly kind: BlockKind;
  readonly start: number;
  readonly size: number;
  readonly cap: number;
  readonly other: CellBlock;
  /** Blocks handed out so far, counted from 1; never falls. */
  used: number;
  readonly live: Map<string, CellBlock>;
  /** In the order of retirement. */
  readonly retired: Map<string, { readonly block: CellBlock; readonly sinceMs: number }>;
  overflowed: number;
}

export interface CellAllocatorOptions {
  readonly threads: number;
  readonly caps?: BlockCaps;
  /** A retired block is not given to another name within this time. */
  readonly graceMs?: number;
}

export class CellAllocator {
  readonly table: CellTable;
  readonly #clock: Clock;
  readonly #graceMs: number;
  readonly #regions: Readonly<Record<BlockKind, Region>>;

  constructor(options: CellAllocatorOptions, clock: Clock) {
    const caps = options.caps ?? DEFAULT_CAPS;
    this.#clock = clock;
    this.#graceMs = options.graceMs ?? 60_000;
    let cells = 0;
    const regions: Partial<Record<BlockKind, Region>> = {};
    for (const kind of KINDS) {
      const size = BLOCK_KINDS[kind].size;
      const labels = kind === 'server' ? [OTHER, OTHER] : [OTHER];
      const other: CellBlock = { kind, labels, offset: cells };
      regions[kind] = {
        kind,
        start: cells,
        size,
        cap: caps[kind],
        other,
        used: 0,
        live: new Map(),
        retired: new Map(),
        overflowed: 0,
      };
      cells += size * (caps[kind] + 1);
    }
    this.#regions = regions as Record<BlockKind, Region>;
    this.table = new CellTable({ threads: options.threads, cells });
  }

  /** The block of these labels: the one they had, or a new one, or the shared `_other` when there is no room. */
  block(kind: BlockKind, ...labels: readonly string[]): CellBlock {
    const region = this.#regions[kind];
    const key = keyOf(labels);
    const live = region.live.get(key);
    if (live) return live;
    const retired = region.retired.get(key);
    if (retired) {
      region.retired.delete(key);
      region.live.set(key, retired.block);
      return retired.block;
    }
    const offset = this.#freeOffset(region);
    if (offset === undefined) {
      region.overflowed++;
      return region.other;
    }
    const block: CellBlock = { kind, labels, offset };
    region.live.set(key, block);
    return block;
  }

  /** Keeps the blocks of a kind whose labels are listed and retires the others: call it once a reload has drained. */
  retain(kind: BlockKind, labels: Iterable<readonly string[]>): void {
    const region = this.#regions[kind];
    const keep = new Set<string>();
    for (const one of labels) keep.add(keyOf(one));
    for (const [key, block] of region.live) {
      if (keep.has(key)) continue;
      region.live.delete(key);
      region.retired.set(key, { block, sinceMs: this.#clock.nowMs() });
    }
  }

  /** The blocks in use, the shared one last if anything ever went there. */
  blocks(kind: BlockKind): readonly CellBlock[] {
    const region = this.#regions[kind];
    const blocks = [...region.live.values()];
    if (region.overflowed > 0) blocks.push(region.other);
    return blocks;
  }

  /** How often a kind had no room; not 0 means that its label `_other` stands for several things. */
  overflowed(kind: BlockKind): number {
    return this.#regions[kind].overflowed;
  }

  /** Sums a block over all threads. */
  sums(block: CellBlock): Float64Array {
    return this.table.sums(block.offset, BLOCK_KINDS[block.kind].size);
  }

  /** A thread died: its counts stay, its levels (active connections, waiting requests) go to zero. */
  clearLevels(thread: number): void {
    const row = this.table.row(thread);
    for (const kind of KINDS) {
      const region = this.#regions[kind];
      for (let at = 0; at <= region.used; at++)
        for (const level of BLOCK_KINDS[kind].levels) row[region.start + at * region.size + level] = 0;
    }
  }

  #freeOffset(region: Region): number | undefined {
    if (region.used < region.cap) {
      region.used++;
      return region.start + region.used * region.size;
    }
    for (const [key, { block, sinceMs }] of region.retired) {
      if (this.#clock.nowMs() - sinceMs < this.#graceMs) return undefined;
      region.retired.delete(key);
      this.table.clear(block.offset, region.size);
      return block.offset;
    }
    return undefined;
  }
}

/** NUL cannot stand in a name of the configuration. */
function keyOf(labels: readonly string[]): string {
  return labels.join('\0');
}
