/** `sluice version`. */
import { readFileSync } from 'node:fs';
import { nodeWarning } from '../kernel/node-holes.ts';
import { type Context, EXIT, type ExitCode } from './context.ts';

/** Of package.json, which stands beside both `src` and `dist`. */
export function sluiceVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  return version;
}

export function version(options: { readonly json?: boolean | undefined }, context: Context): ExitCode {
  const facts = {
    version: sluiceVersion(),
    node: context.nodeVersion,
    platform: process.platform,
    arch: process.arch,
    warning: nodeWarning(context.nodeVersion) ?? null,
  };
  const text = `sluice ${facts.version} (Node ${facts.node}, ${facts.platform} ${facts.arch})`;
  const warning = facts.warning === null ? '' : `\nwarning: ${facts.warning}`;
  context.stdout.write(`${options.json === true ? JSON.stringify(facts) : text + warning}\n`);
  return EXIT.ok;
}
