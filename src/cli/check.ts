/** `sluice check [FILE]`: everything that can be known of a configuration without starting it. */
import { checkReport, type Diagnostic } from '../config/index.ts';
import { nodeWarning } from '../kernel/node-holes.ts';
import { chooseSource, diagnosticsText, load } from './configuration.ts';
import { type Context, EXIT, type ExitCode } from './context.ts';

export interface CheckOptions {
  readonly format: 'text' | 'json';
}

export function check(file: string | undefined, options: CheckOptions, context: Context): ExitCode {
  const loaded = load(chooseSource({ config: file }, context), context);
  const diagnostics = [...aboutNode(context), ...(loaded.ok ? loaded.warnings : loaded.diagnostics)];
  const { stdout } = context;
  if (options.format === 'json') stdout.write(`${JSON.stringify(checkReport(diagnostics), null, 2)}\n`);
  else {
    const closing = loaded.ok ? `${loaded.config.file} can be used.` : undefined;
    stdout.write(diagnosticsText(diagnostics, loaded.frameText, stdout, closing));
  }
  return loaded.ok ? EXIT.ok : EXIT.usage;
}

/** The file may be right and what reads it wrong. */
function aboutNode({ nodeVersion }: Context): Diagnostic[] {
  const message = nodeWarning(nodeVersion);
  const nowhere = { line: 0, column: 0, endColumn: 0, path: '' };
  return message === undefined ? [] : [{ severity: 'warning', file: 'node', ...nowhere, message }];
}
