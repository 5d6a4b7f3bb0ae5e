/** What the tests of this folder share: loading a text without touching the machine. */
import type { Test } from 'tap';
import {
  type LoadedConfig,
  type LoadOptions,
  type LoadResult,
  loadConfig,
} from '../../../src/config/index.ts';

export function load(text: string, options: Partial<LoadOptions> = {}): LoadResult {
  return loadConfig(
    { text, name: 'sluice.yaml', baseDir: '/etc/sluice' },
    { env: {}, wallMs: Date.UTC(2026, 10, 21), checkFiles: false, ...options },
  );
}

/** Loads what has to be right. */
export function loadFine(t: Test, text: string, options: Partial<LoadOptions> = {}): LoadedConfig {
  const result = load(text, options);
  if (!result.ok) {
    t.fail('the configuration was refused', { found: report(result) });
    throw new Error('refused');
  }
  return result;
}

/** Every finding as `line:column-endColumn severity path: message`. */
export function report(result: LoadResult): string[] {
  return (result.ok ? result.warnings : result.diagnostics).map(
    (each) => `${each.line}:${each.column}-${each.endColumn} ${each.severity} ${each.path}: ${each.message}`,
  );
}

/** A complete file around some settings of the pool `web`, one in each line from line 6 on. */
export function aroundPool(...lines: readonly string[]): string {
  return [
    'listeners: { http: { port: 80 } }',
    'routes: [{ pool: web }]',
    'pools:',
    '  web:',
    '    servers: [10.0.0.1:80]',
  ]
    .concat(lines.map((line) => `    ${line}`))
    .join('\n');
}
