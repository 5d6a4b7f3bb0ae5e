import t from 'tap';
import { TapReader } from '../../support/tap-output.ts';

function read(text: string) {
  const reader = new TapReader();
  const other = text.split('\n').filter((line) => !reader.line(line));
  return { ...reader.counts, other };
}

t.test('leaves are counted, sums are not', async (t) => {
  const counts = read(`TAP version 14
ok 1 - a
# Subtest: outer
    # Subtest: inner
        ok 1 - b # time=1ms
        ok 2 - c
        1..2
    ok 1 - inner # time=3ms
    
    ok 2 - d
    1..2
ok 2 - outer # time=1.7ms

1..2
# { total: 4, pass: 4 }
# time=21.11ms`);
  t.same(counts, { passed: 4, failed: 0, skipped: [], failures: [], other: [] });
});

t.test('a failure is counted once, with its path and what tap says of it', async (t) => {
  const counts = read(`# Subtest: outer
    # Subtest: inner
        ok 1 - fine
        not ok 2 - wrong
          ---
          compare: ===
          diff: |
            ok 9 - part of the report
            -2
          ...
        1..2
    not ok 1 - inner
      ---
      at: outside
      ...
    1..1
not ok 1 - outer`);
  t.equal(counts.passed, 1);
  t.same(counts.failures, [
    {
      path: ['outer', 'inner', 'wrong'],
      details: ['compare: ===', 'diff: |', '  ok 9 - part of the report', '  -2'],
    },
  ]);
});

t.test('a subtest that failed though its children passed is a failure of its own', async (t) => {
  const counts = read(`# Subtest: planned two
    ok 1 - one
    1..2
not ok 1 - planned two
  ---
  reason: plan
  ...`);
  t.match(counts, { passed: 1, failed: 1, failures: [{ path: ['planned two'], details: ['reason: plan'] }] });
});

t.test('skips keep their reason, wherever it stands', async (t) => {
  const counts = read(`# Subtest: y
    ok 1 - needs foo # SKIP
    1..1
ok 1 - y # time=2ms
ok 2 - named # SKIP nginx is not installed # time=0.1ms
not ok 3 - later # TODO not yet
ok 4 - has #skipping in its name`);
  t.same(counts.skipped, [
    { path: ['y', 'needs foo'], reason: 'needs foo' },
    { path: ['named'], reason: 'nginx is not installed' },
    { path: ['later'], reason: 'not yet' },
  ]);
  t.equal(counts.passed, 1);
  t.equal(counts.failed, 0);
  t.same(read('1..0 # no nginx').skipped, [{ path: [], reason: 'no nginx' }]);
});

t.test('what is not TAP is handed back; a bail-out fails', async (t) => {
  t.same(read('hello\nok 1 - a\n  {"json": 1}').other, ['hello', '  {"json": 1}']);
  t.match(read('Bail out! no disk'), { failed: 1, failures: [{ path: ['Bail out! no disk'] }] });
});
