/**
 * What every thread may import: light, no packages. What only main uses (pino, Prometheus, files) is behind
 * `observe/main/index.ts`, which a data thread must never import.
 */
export type { AccessRecord } from './access-line.ts';
export { AccessLog, type AccessLogDeps, type AccessLogOptions } from './access-log.ts';
export {
  type BlockKind,
  heldBytesOf,
  LATENCY_BOUNDS_MS,
  ListenerCells,
  type MirrorResult,
  PoolCells,
  RouteCells,
  ServerCells,
  ThreadCells,
} from './cells/blocks.ts';
export { CellTable, type CellTableHandle } from './cells/table.ts';
export { type AnyEvent, type EventMap, type EventName, Events } from './events.ts';
export {
  type Log,
  type LogFields,
  type LogLevel,
  type LogRecord,
  plainError,
  ThreadLog,
  writeRecord,
} from './log.ts';
export { LoopDelay } from './loop-delay.ts';
