/** The source holds to its own rules: import table, banned globals, file length, names, the top level. */
import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import {
  checkCycles,
  checkDataThread,
  checkGlobals,
  checkImports,
  checkLength,
  checkNames,
  MAY_IMPORT,
  type Sources,
  type Violation,
} from '../support/architecture.ts';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

function read(...patterns: string[]): Sources {
  const files = patterns.flatMap((pattern) => globSync(pattern, { cwd: ROOT })).sort();
  return new Map(files.map((file) => [file.split(sep).join('/'), readFileSync(join(ROOT, file), 'utf8')]));
}

const describe = ({ file, line, message }: Violation): string => `${file}:${line} ${message}`;

const source = read('src/**/*.{ts,mjs}');
const everything = new Map([...source, ...read('test/**/*.ts', 'bench/**/*.ts')]);

t.test('imports point downwards, through the front door', async (t) => {
  t.same(checkImports(source).map(describe), []);
});

t.test('every folder and file of src/ is in the import table', async (t) => {
  const units = new Set([...source.keys()].map((file) => file.split('/')[1] ?? ''));
  t.same(
    [...units].filter((unit) => MAY_IMPORT[unit] === undefined),
    [],
  );
});

t.test('no modules load each other in a circle', async (t) => {
  t.same(checkCycles(source).map(describe), []);
});

t.test('a data thread loads no heavy package', async (t) => {
  t.same(checkDataThread(source, 'src/thread.ts').map(describe), []);
});

t.test('clocks, chance, environment, exit and console only at the edges', async (t) => {
  t.same(checkGlobals(source).map(describe), []);
});

t.test('files are short', async (t) => {
  t.same(checkLength(everything).map(describe), []);
});

t.test('names say something, and no error is silenced', async (t) => {
  t.same(checkNames(everything).map(describe), []);
});

t.test('the top level holds what it should and nothing else', async (t) => {
  const allowed = [
    'package.json',
    'package-lock.json',
    'tsconfig.json',
    'src',
    'config',
    'certs',
    'bench',
    'test',
  ];
  allowed.push('Dockerfile', 'README.md', 'LICENSE', 'CHANGELOG.md');
  const tracked = execFileSync('git', ['ls-files'], { cwd: ROOT, encoding: 'utf8' }).trim().split('\n');
  const top = new Set(tracked.map((file) => file.split('/')[0] ?? ''));
  t.same(
    [...top].filter((name) => !allowed.includes(name) && !name.startsWith('.')),
    [],
  );
});

t.test('the lockfile names every platform build, so that npm ci accepts it everywhere', async (t) => {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<
      string,
      {
        optionalDependencies?: Record<string, string>;
        resolved?: string;
        hasInstallScript?: boolean;
        dev?: boolean;
      }
    >;
  };
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !packages[`${path}/node_modules/${name}`] && !packages[`node_modules/${name}`],
    ),
  );
  t.same(missing, [], 'else: node .ci/complete-lockfile.mjs');
  t.same(
    Object.keys(packages).filter((path) => packages[path]?.resolved !== undefined),
    [],
    'no download addresses',
  );
  // .npmrc cannot switch scripts off, since `npm pack` needs ours: so no dependency may bring one.
  t.same(
    Object.entries(packages)
      .filter(([, { hasInstallScript, dev }]) => hasInstallScript === true && dev !== true)
      .map(([path]) => path),
    [],
    'no package that users get runs a script when it is installed',
  );
});
