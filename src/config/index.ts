export {
  type CheckReport,
  checkReport,
  countText,
  type RenderOptions,
  renderDiagnostics,
} from './check-text.ts';
export type { Diagnostic, Severity } from './diagnostic.ts';
export { type Changed, type ConfigDiff, diffConfig, isUnchanged, type NounDiff } from './diff.ts';
export type { Environment } from './env.ts';
export { type FindOptions, type FoundConfig, findConfig } from './find.ts';
export {
  type ConfigSource,
  type LoadedConfig,
  type LoadOptions,
  type LoadResult,
  loadConfig,
  onePoolSource,
  type RefusedConfig,
} from './load.ts';
export * from './resolved.ts';
export { MASK, Secret } from './secret.ts';
export { showConfig } from './show.ts';
export {
  formatByteRate,
  formatDuration,
  formatPercent,
  formatRate,
  formatSize,
  parseDuration,
} from './units.ts';
