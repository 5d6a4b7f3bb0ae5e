/**
 * `npm run build`: src/ -> dist/, as `npm pack` needs it, since Node strips no types below node_modules.
 *
 * The compiler turns `./x.ts` in imports into `./x.js`; this script does the same for the entries of threads and
 * processes (`new URL('./x.ts', import.meta.url)`), copies what is not TypeScript, and fails when an entry leads nowhere.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ROOT = dirname(import.meta.dirname);
const DIST = join(ROOT, 'dist');
const ENTRY = /\bnew URL\(\s*(['"])(\.[^'"]+)\.ts\1\s*,\s*import\.meta\.url\s*\)/g;

function compile(): void {
  const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status } = spawnSync(process.execPath, [compiler, '-p', '.tsconfig.build.json'], {
    cwd: ROOT,
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('the sources do not compile (see above); nothing was built');
}

/** Points thread and process entries at the compiled files. */
function rewriteEntries(): void {
  for (const name of globSync('**/*.js', { cwd: DIST })) {
    const file = join(DIST, name);
    const text = readFileSync(file, 'utf8');
    const rewritten = text.replace(ENTRY, (_, quote: string, path: string) => {
      if (!existsSync(join(dirname(file), `${path}.js`)))
        throw new Error(`${name} starts ${path}.ts, which does not exist`);
      return `new URL(${quote}${path}.js${quote}, import.meta.url)`;
    });
    if (rewritten !== text) writeFileSync(file, rewritten);
  }
}

function copyAssets(): void {
  for (const entry of globSync('src/**/*', { cwd: ROOT, withFileTypes: true })) {
    if (!entry.isFile() || /\.(?:ts|mjs)$/.test(entry.name)) continue;
    const from = join(entry.parentPath, entry.name);
    const to = join(DIST, from.slice(join(ROOT, 'src').length));
    mkdirSync(dirname(to), { recursive: true });
    cpSync(from, to);
  }
}

rmSync(DIST, { recursive: true, force: true });
compile();
rewriteEntries();
copyAssets();
process.stdout.write(`built ${globSync('**/*', { cwd: DIST }).length} files in ${DIST}\n`);
