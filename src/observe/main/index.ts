/**
 * What only the main thread may import: it loads pino and the Prometheus client, which data threads must not pay
 * for at start-up.
 */

export type { LevelLog } from '../log.ts';
export {
  type BlockCaps,
  CellAllocator,
  type CellAllocatorOptions,
  type CellBlock,
} from './cell-allocator.ts';
export type { LogTarget } from './line-sink.ts';
export { LineWriter, type LineWriterOptions } from './line-writer.ts';
export { createLog, type LogFormat, type MainLogOptions } from './log.ts';
export { type MetricSample, type MetricSource, Metrics } from './metrics.ts';
export type { ServerSample } from './server-families.ts';
