/** The checker itself: given bad sources it reports them, given good ones it is silent. */
import t from 'tap';
import {
  checkCycles,
  checkDataThread,
  checkGlobals,
  checkImports,
  checkLength,
  checkNames,
  loadedModules,
  MAY_IMPORT,
  type Sources,
} from '../../support/architecture.ts';
import { blank, importsOf } from '../../support/source-text.ts';

const sources = (files: Record<string, string>): Sources => new Map(Object.entries(files));
const messages = (found: ReadonlyArray<{ file: string; line: number; message: string }>): string[] =>
  found.map(({ file, line, message }) => `${file}:${line} ${message}`);

t.test('imports are read with their kind and line', async (t) => {
  const text = `import type { A } from './a.ts';
import { type B, c } from './b.ts';
import def, * as all from "./c.ts";
import {
  d,
  e,
} from './d.ts';
import './e.ts';
export * from './f.ts';
export type { G } from './g.ts';
export { h } from './h.ts';
const i = await import('./i.ts');
type J = import('./j.ts').J;
const k: typeof import('./k.ts') = i;
new Worker(new URL('./l.ts', import.meta.url));
import type from './m.ts';
// import './no.ts';
/* import './no.ts'; */
const text = "import './no.ts'";
const template = \`import './no.ts' \${await import('./n.ts')} import './no.ts'\`;
export const from = './no.ts';
`;
  t.same(
    importsOf(text).map(({ kind, specifier, line }) => `${line} ${kind} ${specifier}`),
    [
      '1 type ./a.ts',
      '2 static ./b.ts',
      '3 static ./c.ts',
      '4 static ./d.ts',
      '8 static ./e.ts',
      '9 static ./f.ts',
      '10 type ./g.ts',
      '11 static ./h.ts',
      '12 dynamic ./i.ts',
      '13 type ./j.ts',
      '14 type ./k.ts',
      '15 entry ./l.ts',
      '16 static ./m.ts',
      '20 dynamic ./n.ts',
    ],
  );
});

t.test('comments, strings, templates and regular expressions are blanked in place', async (t) => {
  const cases: ReadonlyArray<[string, string]> = [
    ["a('x') // b", "a(' ')     "],
    ['a /* b\nc */ d', 'a     \n     d'],
    ["'it\\'s' + x", "'     ' + x"],
    ['`a${b}c` + d', '`  {b} ` + d'],
    ['x = /[/"]/g; y', 'x = /     g; y'],
    ['a / b / c', 'a / b / c'],
    ['`${{ a: `x` }}` + b', '` {{ a: ` ` }}` + b'],
  ];
  for (const [text, expected] of cases) t.equal(blank(text).code, expected, text);
  const nested = 'const x = `a ${f({ b: `c ${Math.random()} d` })} e`; Date.now();';
  t.match(blank(nested).code, /Math\.random\(\)/, 'code inside a template is code');
  t.equal(blank(nested).code.length, nested.length);
});

t.test('imports against the table are reported', async (t) => {
  const good = sources({
    'src/kernel/clock.ts': '',
    'src/pool/index.ts': `import { c } from './pick.ts'; import { k } from '../kernel/clock.ts'; import fs from 'node:fs';`,
    'src/pool/pick.ts': '',
    'src/forward/index.ts': `import { p } from '../pool/index.ts';`,
    'src/daemon.ts': `new Worker(new URL('./thread.ts', import.meta.url)); import './config/index.ts';`,
    'src/config/index.ts': '',
    'src/thread.ts': `import './assembly/plane.ts';`,
    'src/assembly/plane.ts': `import '../forward/index.ts';`,
    'src/cli/demo.ts': `new URL('../bookstore/server.ts', import.meta.url);`,
    'src/bookstore/server.ts': '',
  });
  t.same(checkImports(good), []);
  const bad = sources({
    ...Object.fromEntries(good),
    'src/pool/index.ts': `import type { C } from '../config/index.ts';\nimport '../forward/index.ts';`,
    'src/forward/index.ts': `import { p } from '../pool/pick.ts';`,
    'src/kernel/clock.ts': `import '../pool/index.ts';`,
    'src/thread.ts': `import './config/index.ts';`,
    'src/bookstore/server.ts': `import '../http/missing.ts';`,
    'src/extra/index.ts': `import '../pool/index.ts';`,
    'src/http/index.ts': `import { setTimeout } from 'node:timers/promises';`,
  });
  t.same(messages(checkImports(bad)), [
    'src/kernel/clock.ts:1 kernel must not import pool (it may: nothing)',
    'src/pool/index.ts:1 pool must not import config (it may: kernel, observe)',
    'src/pool/index.ts:2 pool must not import forward (it may: kernel, observe)',
    'src/forward/index.ts:1 enters pool through src/pool/pick.ts; import its index.ts',
    `src/thread.ts:1 thread.ts must not import config (it may: ${MAY_IMPORT['thread.ts']?.join(', ')})`,
    'src/bookstore/server.ts:1 imports ../http/missing.ts, which does not exist',
    'src/extra/index.ts:1 extra is not in the import table',
    'src/http/index.ts:1 imports node:timers/promises; take a Clock (kernel/clock.ts)',
  ]);
});

t.test('heavy packages are found through any chain of loads, and only through loads', async (t) => {
  const files = {
    'src/thread.ts': `import './a/index.ts'; import type { Z } from './types.ts'; new URL('./heavy.ts', import.meta.url);`,
    'src/a/index.ts': `export * from './b.ts';`,
    'src/a/b.ts': `export const load = () => import('zod/v4');\nimport '@fastify/swagger';`,
    'src/types.ts': `import 'yaml';`,
    'src/heavy.ts': `import 'pino';`,
  };
  t.same(
    messages(checkDataThread(sources(files), 'src/thread.ts')).sort(),
    [
      'src/a/b.ts:1 a data thread would load zod/v4: src/thread.ts -> src/a/index.ts -> src/a/b.ts -> zod/v4',
      'src/a/b.ts:1 a data thread would load @fastify/swagger: src/thread.ts -> src/a/index.ts -> src/a/b.ts -> @fastify/swagger',
    ].sort(),
  );
  t.same(checkDataThread(sources({}), 'src/thread.ts'), []);
  t.ok(loadedModules(sources(files), 'src/thread.ts').has('src/a/b.ts'));
});

t.test('circles of modules are found', async (t) => {
  const circle = {
    'src/a.ts': `import './b.ts';`,
    'src/b.ts': `import './c.ts';`,
    'src/c.ts': `import './a.ts';`,
  };
  t.same(messages(checkCycles(sources(circle))), [
    'src/a.ts:1 modules load each other: src/a.ts -> src/b.ts -> src/c.ts -> src/a.ts',
  ]);
  const types = { ...circle, 'src/c.ts': `import type { A } from './a.ts';` };
  t.same(checkCycles(sources(types)), []);
});

t.test('globals are reported where they are banned', async (t) => {
  const text = `const a = Date.now();
new Date();
new Date(5);
performance.now();
process.hrtime.bigint();
Math.random();
setTimeout(f, 1);
globalThis.setInterval(f, 1);
socket.setTimeout(5);
setImmediate(f);
AbortSignal.timeout(5);
process.env.HOME;
process.exit(1);
console.log('Date.now()');
// Math.random()
`;
  const lines = (file: string) => checkGlobals(sources({ [file]: text })).map(({ line }) => line);
  const all = [1, 2, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14];
  t.same(
    lines('src/pool/pick.ts').sort((a, b) => a - b),
    all,
  );
  t.same(lines('src/kernel/clock.ts'), [13], 'the kernel may all but exit');
  t.same(lines('src/cli/run.ts'), [13]);
  t.same(lines('src/main.ts'), []);
  t.same(lines('src/launch.mjs'), []);
  t.same(lines('src/bookstore/server.ts'), []);
});

t.test('long files, empty names and silenced errors are reported', async (t) => {
  t.same(messages(checkLength(sources({ 'src/a.ts': 'x\n'.repeat(400), 'src/b.ts': 'x\n'.repeat(401) }))), [
    'src/b.ts:401 has 401 lines, more than 400',
  ]);
  const named = sources({
    'src/pool/string-utils.ts':
      'export class PoolManager {}\nfunction helper() {}\nconst utility = 1; const community = 2;',
    'src/common/x.ts': '// @ts-ignore\n',
    'src/pool/fine.ts': 'class Helping {} // a manager\nconst s = "class FooManager";',
  });
  t.same(messages(checkNames(named)), [
    'src/pool/string-utils.ts:1 "string-utils.ts" says nothing about what is inside',
    'src/pool/string-utils.ts:1 "PoolManager" says nothing about what it does',
    'src/pool/string-utils.ts:2 "helper" says nothing about what it does',
    'src/common/x.ts:1 "common" says nothing about what is inside',
    'src/common/x.ts:1 @ts-ignore hides an error; fix the type',
  ]);
});
