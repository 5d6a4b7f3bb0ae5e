import t from 'tap';
import { aggregate, type CpuProfile, groupOf } from '../../../bench/profile/aggregate.ts';

function frame(functionName: string, url = '', lineNumber = -1): CpuProfile['nodes'][number]['callFrame'] {
  return { functionName, url, lineNumber };
}

/** root -> onData (src/http) -> { parse -> parse (itself), writev (native) }; root -> idle, gc */
const profile: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame('(root)'), children: [2, 3, 7] },
    { id: 2, callFrame: frame('(idle)') },
    { id: 3, callFrame: frame('onData', 'file:///home/me/sluice/src/http/codec.ts', 9), children: [4, 6] },
    { id: 4, callFrame: frame('parse', 'file:///home/me/sluice/src/http/parse.ts', 19), children: [5] },
    { id: 5, callFrame: frame('parse', 'file:///home/me/sluice/src/http/parse.ts', 19) },
    { id: 6, callFrame: frame('writev') },
    { id: 7, callFrame: frame('(garbage collector)') },
  ],
  startTime: 1_000,
  endTime: 1_700,
  timeDeltas: [100, 100, 100, 100, 100, 100, 100],
  samples: [2, 3, 4, 5, 6, 7, 2],
};

t.test('self and total times; a sample lasts until the next; a function in itself counts once', (t) => {
  const { sampledUs, busyUs, functions } = aggregate(profile);
  t.equal(sampledUs, 600, 'what comes after the last sample is not known');
  t.equal(busyUs, 500);
  t.same(
    [...functions].sort((a, b) => a.name.localeCompare(b.name)),
    [
      { name: '(garbage collector)', where: '', selfUs: 100, totalUs: 100 },
      { name: 'onData', where: 'src/http/codec.ts:10', selfUs: 100, totalUs: 400 },
      { name: 'parse', where: 'src/http/parse.ts:20', selfUs: 200, totalUs: 200 },
      { name: 'writev', where: '', selfUs: 100, totalUs: 100 },
    ],
  );
  t.equal(functions[0]?.name, 'parse', 'the most self time first');
  t.end();
});

t.test('groups', (t) => {
  t.same(aggregate(profile).groups, [
    { name: 'src/http', selfUs: 300 },
    { name: 'native: writev', selfUs: 100 },
    { name: '(garbage collector)', selfUs: 100 },
  ]);
  for (const [name, url, expected] of [
    ['afterWrite', 'node:net', 'node:net'],
    ['run', 'file:///x/src/thread.ts', 'src/thread.ts'],
    ['x', 'file:///x/node_modules/undici/lib/pool.js', 'node_modules/undici'],
    ['x', 'file:///x/node_modules/@scope/a/b.js', 'node_modules/@scope/a'],
    ['(program)', '', '(program)'],
    ['(anonymous)', '', 'native: (anonymous)'],
  ] as const) {
    t.equal(groupOf(name, url), expected, url);
  }
  t.end();
});

t.test('a window cuts samples at its edges', (t) => {
  const { sampledUs, functions } = aggregate(profile, { fromUs: 1_250, toUs: 1_550 });
  t.equal(sampledUs, 300);
  t.same(
    functions.map(({ name, selfUs }) => [name, selfUs]).filter(([, selfUs]) => selfUs !== 0),
    [
      ['parse', 200],
      ['onData', 50],
      ['writev', 50],
    ],
  );
  t.same(aggregate(profile, { fromUs: 9_000, toUs: 9_999 }).sampledUs, 0);
  t.end();
});

t.test('an empty profile', (t) => {
  const empty = aggregate({ nodes: [], samples: [], timeDeltas: [], startTime: 0, endTime: 0 });
  t.match(empty, { sampledUs: 0, busyUs: 0, functions: [], groups: [] });
  t.end();
});
