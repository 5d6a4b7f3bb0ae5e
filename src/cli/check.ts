/** `sluice check [FILE]`: everything that can be known of a configuration without starting it. */
import { checkReport } from '../config/index.ts';
import { chooseSource, diagnosticsText, load } from './configuration.ts';
import { type Context, EXIT, type ExitCode } from './context.ts';

export interface CheckOptions {
  readonly format: 'text' | 'json';
}

export function check(file: string | undefined, options: CheckOptions, context: Context): ExitCode {
  const loaded = load(chooseSource({ config: file }, context), context);
  const diagnostics = loaded.ok ? loaded.warnings : loaded.diagnostics;
  const { stdout } = context;
  if (options.format === 'json') stdout.write(`${JSON.stringify(checkReport(diagnostics), null, 2)}\n`);
  else {
    const closing = loaded.ok ? `${loaded.config.file} can be used.` : undefined;
    stdout.write(diagnosticsText(diagnostics, loaded.frameText, stdout, closing));
  }
  return loaded.ok ? EXIT.ok : EXIT.usage;
}
