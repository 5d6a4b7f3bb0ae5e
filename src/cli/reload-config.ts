/** Puts the file in force again: on SIGHUP, in `run` and in `demo`. */
import { needsRestart } from '../assembly/admin.ts';
import type { Diagnostic, LoadResult, ResolvedConfig } from '../config/index.ts';
import type { Daemon, ReloadReport } from '../daemon.ts';
import { diagnosticLine, diagnosticsText } from './configuration.ts';
import { failureFields } from './failure.ts';
import { reloadFields } from './state.ts';

export type Reloaded =
  | { readonly ok: true; readonly report: ReloadReport }
  /** `why` is for people, perhaps of several lines. */
  | { readonly ok: false; readonly why: string };

/**
 * A bad file changes nothing and says so in the log.
 * @param adapt what the caller changes of each configuration before it is put in force
 */
export async function reloadConfig(
  daemon: Daemon,
  read: () => LoadResult,
  adapt: (config: ResolvedConfig) => Promise<ResolvedConfig> = async (config) => config,
): Promise<Reloaded> {
  const { log } = daemon.logs;
  const loaded = read();
  if (!loaded.ok) {
    const closing = 'The running configuration was not changed.';
    const why = diagnosticsText(
      loaded.diagnostics,
      loaded.frameText,
      { hasColour: false },
      closing,
    ).trimEnd();
    log.error(`the new configuration was refused\n${why}`);
    const errors = loaded.diagnostics.filter((it) => it.severity === 'error').map(diagnosticLine);
    daemon.events.emit('config_error', { file: daemon.config.file, errors });
    return { ok: false, why };
  }
  logWarnings(daemon, loaded.warnings);
  try {
    const report = await daemon.reload(await adapt(loaded.config));
    const { diff, generation } = report;
    log.info(diff.same ? 'reloaded: nothing has changed' : 'reloaded', { generation, ...reloadFields(diff) });
    const late = diff.settings.filter(needsRestart);
    if (late.length > 0) log.warn('takes effect after a restart', { settings: late });
    return { ok: true, report };
  } catch (error) {
    const { message, fields } = failureFields(error);
    log.error(`the new configuration was refused: ${message}`, fields);
    return { ok: false, why: message };
  }
}

export function logWarnings(daemon: Daemon, warnings: readonly Diagnostic[]): void {
  for (const warning of warnings) daemon.logs.log.warn(diagnosticLine(warning));
}
