/** `sluice config show` and `sluice config schema`. */
import { readFileSync } from 'node:fs';
import { showConfig } from '../config/index.ts';
import { chooseSource, diagnosticsText, load } from './configuration.ts';
import { type Context, EXIT, type ExitCode } from './context.ts';

/** The configuration in full: every default filled in, each value with the line that it comes from. */
export function configShow(file: string | undefined, context: Context): ExitCode {
  const { stdout, stderr } = context;
  const loaded = load(chooseSource({ config: file }, context), context);
  if (!loaded.ok) {
    stderr.write(diagnosticsText(loaded.diagnostics, loaded.frameText, stderr));
    return EXIT.usage;
  }
  stdout.write(`# ${loaded.config.file}\n${showConfig(loaded)}`);
  if (loaded.warnings.length > 0) stderr.write(diagnosticsText(loaded.warnings, loaded.frameText, stderr));
  return EXIT.ok;
}

/** The JSON Schema of the file, for editors. It is made of the one schema, and a test holds it to that. */
export function configSchema(context: Context): ExitCode {
  context.stdout.write(readFileSync(new URL('../../config/sluice.schema.json', import.meta.url), 'utf8'));
  return EXIT.ok;
}
