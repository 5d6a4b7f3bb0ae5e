/** What a reload did, in the words of the log and of the event. Pure but for the log that is handed in. */
import {
  type ConfigDiff,
  type Diagnostic,
  type NounDiff,
  type RefusedConfig,
  renderDiagnostics,
} from '../config/index.ts';
import { errorText, SluiceError } from '../kernel/errors.ts';
import type { EventMap, Log } from '../observe/index.ts';

/** Whether a setting is read at the start only. Log level, access log switch and tokens follow a reload. */
export function needsRestart(setting: string): boolean {
  return /^(?:threads|store\b|admin\.listen|logs\.(?:format|file|access\.file)$)/.test(setting);
}

/** Only what changed is said, and what of it has no effect yet. */
export function logReload(log: Log, generation: number, diff: ConfigDiff): void {
  log.info(diff.same ? 'reloaded: nothing has changed' : 'reloaded', { generation, ...changeFields(diff) });
  const late = diff.settings.filter(needsRestart);
  if (late.length > 0) log.warn('takes effect after a restart', { settings: late });
}

/** A file with mistakes: each with its line, as `check` shows it. */
export function logRefusedFile(log: Log, { diagnostics, frameText }: RefusedConfig): void {
  const closing = 'The running configuration was not changed.';
  const text = renderDiagnostics(diagnostics, { colour: false, text: frameText, closing });
  log.error(`the new configuration was refused\n${text}`);
}

/** A good file that could not be put in force, such as one that names a taken port. */
export function logRefusal(log: Log, error: unknown): void {
  const fields = error instanceof SluiceError ? { code: error.code, hint: error.hint } : { error };
  const text = error instanceof SluiceError ? error.message : errorText(error);
  log.error(`the new configuration was refused: ${text}`, fields);
}

export function logWarnings(log: Log, warnings: readonly Diagnostic[]): void {
  for (const warning of warnings) log.warn(diagnosticLine(warning));
}

/** `sluice.yaml:6:9 pools.web: message`. */
export function diagnosticLine({ file, line, column, path, message }: Diagnostic): string {
  const place = line === 0 ? file : `${file}:${line}:${column}`;
  return `${place} ${path === '' ? '' : `${path}: `}${message}`;
}

function nounsOf(diff: ConfigDiff): [noun: string, diff: NounDiff][] {
  return [
    ['listener', diff.listeners],
    ['route', diff.routes],
    ['pool', diff.pools],
    ['certificate', diff.certificates],
    ...[...diff.servers].map(([pool, servers]): [string, NounDiff] => [`server ${pool}`, servers]),
  ];
}

function changeFields(diff: ConfigDiff): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  const { added, changed, removed } = changesOf(diff);
  if (added.length > 0) fields['added'] = added;
  if (changed.length > 0) fields['changed'] = changed;
  if (removed.length > 0) fields['removed'] = removed;
  if (diff.routesReordered) fields['routes_reordered'] = true;
  if (diff.settings.length > 0) fields['settings'] = diff.settings;
  return fields;
}

function changesOf(diff: ConfigDiff): { added: string[]; changed: string[]; removed: string[] } {
  const nouns = nounsOf(diff);
  return {
    added: nouns.flatMap(([noun, { added }]) => added.map((name) => `${noun} ${name}`)),
    changed: nouns.flatMap(([noun, { changed }]) =>
      changed.map(({ name, what }) => `${noun} ${name}: ${what.join(', ')}`),
    ),
    removed: nouns.flatMap(([noun, { removed }]) => removed.map((name) => `${noun} ${name}`)),
  };
}

/** A part that changed is kept: what it has learned stays. */
export function reloadEvent(generation: number, diff: ConfigDiff): EventMap['reload'] {
  const { added, removed } = changesOf(diff);
  const kept = nounsOf(diff).flatMap(([noun, { kept, changed }]) =>
    [...kept, ...changed.map((it) => it.name)].map((name) => `${noun} ${name}`),
  );
  return { ok: true, generation, kept, added, removed, why: '' };
}
