/**
 * The checks before the tests: types (tsc), lint and format (biome), nothing orphaned (knip). Each is a program of its
 * own in node_modules; the runner counts each as one assertion.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export interface Check {
  readonly name: string;
  readonly packageName: string;
  readonly command: string;
  readonly args: readonly string[];
}

export interface CheckResult {
  readonly name: string;
  readonly ok: boolean;
  readonly output: string;
  readonly durationMs: number;
}

export const CHECKS: readonly Check[] = [
  { name: 'types (tsc)', packageName: 'typescript', command: 'tsc', args: ['-p', '.', '--noEmit'] },
  {
    name: 'lint and format (biome)',
    packageName: '@biomejs/biome',
    command: 'biome',
    args: ['check', '--error-on-warnings', '.'],
  },
  { name: 'nothing orphaned (knip)', packageName: 'knip', command: 'knip', args: ['--no-progress'] },
];

/** The script behind a package's command. `node_modules/.bin` holds shell scripts on Windows, so it is not used. */
function scriptOf(root: string, packageName: string, command: string): string {
  const manifest = join(root, 'node_modules', packageName, 'package.json');
  const { bin } = JSON.parse(readFileSync(manifest, 'utf8')) as { bin: string | Record<string, string> };
  const path = typeof bin === 'string' ? bin : bin[command];
  if (path === undefined) throw new Error(`${packageName} has no command ${command}`);
  return join(dirname(manifest), path);
}

export function runCheck(root: string, check: Check): Promise<CheckResult> {
  const started = performance.now();
  return new Promise((done) => {
    const script = scriptOf(root, check.packageName, check.command);
    const child = spawn(process.execPath, [script, ...check.args], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const keep = (text: string): void => {
      output += text;
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    const finish = (ok: boolean): void =>
      done({ name: check.name, ok, output, durationMs: performance.now() - started });
    child.on('error', (error) => {
      keep(error.message);
      finish(false);
    });
    child.on('close', (code) => finish(code === 0));
  });
}

/**
 * tap's `Test` class is generated code that its package ships ready. An install that left it out is completed here by
 * `tap build`, which must not see .taprc: it names options that only the built class knows.
 */
export async function ensureTapBuilt(root: string): Promise<CheckResult | undefined> {
  const require = createRequire(join(root, 'package.json'));
  try {
    require.resolve('tap');
    createRequire(require.resolve('tap')).resolve('@tapjs/test/built');
    return undefined;
  } catch {
    process.env['TAP_RCFILE'] = join(root, 'node_modules', '.no-taprc');
    const check = { name: 'tap’s plugins (tap build)', packageName: 'tap', command: 'tap', args: ['build'] };
    const result = await runCheck(root, check);
    delete process.env['TAP_RCFILE'];
    return result;
  }
}
