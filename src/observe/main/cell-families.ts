import type { MetricType, Registry } from '@prometheus-io/client';
import { HISTOGRAM, LATENCY_BOUNDS_MS } from '../cells/blocks.ts';
import type { CellAllocator, CellBlock } from './cell-allocator.ts';
import { histogramValues, ReadFamily, type Value } from './metric-family.ts';

/** Makes families of the cells: each has values for all blocks of a kind. */
export class CellFamilies {
  readonly #registry: Registry;
  readonly #allocator: CellAllocator;

  constructor(registry: Registry, allocator: CellAllocator) {
    this.#registry = registry;
    this.#allocator = allocator;
  }

  family(
    name: string,
    help: string,
    type: MetricType,
    kind: CellBlock['kind'],
    values: (cells: Float64Array, labels: Readonly<Record<string, string>>) => Value[],
  ): void {
    new ReadFamily(this.#registry, name, help, type, () =>
      this.#allocator.blocks(kind).flatMap((block) => values(this.#allocator.sums(block), labelsOf(block))),
    );
  }

  /** One cell as it is. */
  cell(
    name: string,
    help: string,
    kind: CellBlock['kind'],
    cell: number,
    type: MetricType = 'counter',
  ): void {
    this.family(name, help, type, kind, (cells, labels) => [
      { labels: { ...labels }, value: cellAt(cells, cell) },
    ]);
  }

  histogram(name: string, help: string, kind: CellBlock['kind'], offset: number): void {
    this.family(name, help, 'histogram', kind, (cells, labels) =>
      histogramValues(
        name,
        labels,
        cells.subarray(offset, offset + HISTOGRAM.buckets),
        LATENCY_BOUNDS_MS,
        cellAt(cells, offset + HISTOGRAM.sumMs),
      ),
    );
  }
}

export function cellAt(cells: Float64Array, index: number): number {
  return cells[index] ?? 0;
}

function labelsOf(block: CellBlock): Record<string, string> {
  const [first = '', second = ''] = block.labels;
  return block.kind === 'server' ? { pool: first, server: second } : { [block.kind]: first };
}
