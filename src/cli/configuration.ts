/** Which configuration a verb works on, and how its mistakes are shown. */
import { existsSync } from 'node:fs';
import {
  type ConfigSource,
  type Diagnostic,
  findConfig,
  type LoadResult,
  loadConfig,
  onePoolSource,
  renderDiagnostics,
} from '../config/index.ts';
import type { Context, Output } from './context.ts';
import { UsageError } from './failure.ts';

/** What names a configuration on the command line. */
export interface ConfigArguments {
  readonly config?: string | undefined;
  /** With `servers`: the one-pool form, without a file. */
  readonly listen?: string | undefined;
  readonly server?: readonly string[] | undefined;
}

/** @throws UsageError when nothing is named and nothing found, or two things are named at once */
export function chooseSource(args: ConfigArguments, context: Pick<Context, 'env' | 'cwd'>): ConfigSource {
  const { config, listen, server = [] } = args;
  if (listen !== undefined || server.length > 0) {
    if (config !== undefined)
      throw new UsageError('--config and --listen/--server do not go together', 'The file says both.');
    if (listen === undefined)
      throw new UsageError('--server needs --listen', 'For example: --listen :8080 --server :3001');
    if (server.length === 0)
      throw new UsageError(
        '--listen needs at least one --server',
        'For example: --listen :8080 --server :3001',
      );
    return onePoolSource(listen, server, context.cwd);
  }
  const found = findConfig({ named: config, env: context.env, cwd: context.cwd, exists: existsSync });
  if (found.found) return { file: found.file };
  throw new UsageError(
    'there is no configuration',
    [
      `Looked for: ${found.tried.join(', ')}`,
      'Name a file:        sluice run --config FILE',
      'Or do without one:  sluice run --listen :8080 --server :3001 --server :3002',
      'Or see it at work:  sluice demo',
    ].join('\n'),
  );
}

/** @param checkFiles false: look at no file but the configuration itself */
export function load(
  source: ConfigSource,
  context: Pick<Context, 'env' | 'clock'>,
  checkFiles = true,
): LoadResult {
  return loadConfig(source, { env: context.env, wallMs: context.clock.wallMs(), checkFiles });
}

/** The findings with code frames, ending with a line feed. */
export function diagnosticsText(
  diagnostics: readonly Diagnostic[],
  frameText: string,
  output: Pick<Output, 'hasColour'>,
  closing?: string,
): string {
  const text = renderDiagnostics(diagnostics, {
    colour: output.hasColour,
    text: frameText,
    ...(closing === undefined ? {} : { closing }),
  });
  return `${text}\n`;
}
