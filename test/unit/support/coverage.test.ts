import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Coverage, codeLines, executedCharacters, percent } from '../../support/coverage.ts';

t.test('lines of code: no blanks, comments, brackets or types', async (t) => {
  const source = `// a comment
import type { A } from './a.ts';
import { b } from './b.ts';

/** Docs
 * more
 */
interface Shape {
  readonly size: number;
}
export function f(x: Shape): number {
  return x.size;
}
`;
  t.same(
    codeLines(source).map((line) => line.number),
    [3, 11, 12],
  );
});

t.test('the innermost range decides', async (t) => {
  const script = {
    url: 'file:///x',
    functions: [
      { ranges: [{ startOffset: 0, endOffset: 10, count: 1 }] },
      {
        ranges: [
          { startOffset: 2, endOffset: 8, count: 3 },
          { startOffset: 4, endOffset: 6, count: 0 },
        ],
      },
    ],
  };
  t.equal(executedCharacters(script, 12).join(''), '111100111100');
});

t.test('a folder without code is covered, one without a run is not', async (t) => {
  t.equal(percent({ lines: 0, covered: 0 }), 100);
  t.equal(percent({ lines: 3, covered: 0 }), 0);
  t.equal(percent({ lines: 4, covered: 3 }), 75);
});

t.test('worker threads and child processes count; what nobody loads is missed', async (t) => {
  const root = t.testdir({
    src: {
      'main.ts': `import { spawnSync } from 'node:child_process';
import { Worker } from 'node:worker_threads';
const local = import.meta.dirname;
spawnSync(process.execPath, [local + '/child.ts']);
const worker = new Worker(local + '/part/worker.ts');
worker.on('message', () => worker.terminate());
export function unused(): number {
  return 1;
}
`,
      'child.ts': `const answer: number = 42;
console.log(answer);
`,
      'types.ts': 'export interface Only { readonly types: true }\n',
      part: {
        'worker.ts': `import { parentPort } from 'node:worker_threads';
parentPort?.postMessage('up');
setInterval(() => {}, 1000);
`,
        'idle.ts': `export const idle = 1;
`,
      },
    },
  });
  const folder = join(root, 'raw');
  const { NODE_COMPILE_CACHE: _, ...environment } = process.env;
  const run = spawnSync(process.execPath, [join(root, 'src/main.ts')], {
    env: { ...environment, NODE_V8_COVERAGE: folder },
  });
  t.equal(run.status, 0, String(run.stderr));
  const coverage = new Coverage(root);
  writeFileSync(join(folder, 'cut-short.json'), '{"result": [');
  coverage.addFolder(folder);
  t.same(coverage.files(), [
    { file: 'src/child.ts', lines: 2, covered: 2, missed: [] },
    { file: 'src/main.ts', lines: 8, covered: 7, missed: [8] },
    { file: 'src/part/idle.ts', lines: 1, covered: 0, missed: [1] },
    { file: 'src/part/worker.ts', lines: 3, covered: 3, missed: [] },
    { file: 'src/types.ts', lines: 0, covered: 0, missed: [] },
  ]);
  t.same(coverage.folders(), [
    { folder: 'src', lines: 10, covered: 9 },
    { folder: 'src/part', lines: 4, covered: 3 },
  ]);
});

t.test('a run that wrote nothing changes nothing', async (t) => {
  const root = t.testdir({ src: { 'a.ts': 'export const a = 1;\n' } });
  const coverage = new Coverage(root);
  coverage.addFolder(join(root, 'missing'));
  mkdirSync(join(root, 'empty'));
  coverage.addFolder(join(root, 'empty'));
  t.same(coverage.folders(), [{ folder: 'src', lines: 1, covered: 0 }]);
});
