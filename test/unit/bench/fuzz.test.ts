import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { readCorpus } from '../../../bench/fuzz/corpus.ts';
import { addFindings, readFindings } from '../../../bench/fuzz/findings.ts';
import { complaintOf, kindOf, piecesOf } from '../../../bench/fuzz/input.ts';
import { minimise, without } from '../../../bench/fuzz/minimise.ts';
import { combine, makeCuts, mutate, mutateBytes } from '../../../bench/fuzz/mutate.ts';
import { HELP, readFuzzOptions } from '../../../bench/fuzz/options.ts';
import { seedOf } from '../../../bench/fuzz/session.ts';
import { SeededRandom } from '../../../src/kernel/random.ts';

t.test('changes are bytes, bounded, and the same for the same seed', (t) => {
  const { requests, answers } = readCorpus();
  t.ok(requests.length > 150, `${requests.length} requests`);
  t.ok(answers.length > 30, `${answers.length} answers`);
  let changed = 0;
  for (let seed = 0; seed < 2000; seed++) {
    const make = (): string => {
      const random = new SeededRandom(seed);
      const text = combine(seed % 2 === 0 ? requests : answers, random);
      return (seed % 3 === 0 ? mutateBytes : mutate)(text, random);
    };
    const text = make();
    if (text !== make() || text.length > 40_000) t.fail(`seed ${seed}`);
    if (!requests.includes(text) && !answers.includes(text)) changed++;
  }
  t.ok(changed > 1800, `${changed} of 2000 are new`);
  t.end();
});

t.test('cuts lie within, in order', (t) => {
  for (let seed = 0; seed < 500; seed++) {
    const random = new SeededRandom(seed);
    const length = random.below(700);
    const cuts = makeCuts(length, random);
    if (cuts.some((at, i) => at <= 0 || at >= length || at < (cuts[i - 1] ?? 0)))
      t.fail(`seed ${seed}: ${cuts}`);
  }
  t.same(
    piecesOf({ text: 'abcdef', cuts: [4, 0, 2, 6, 9] }).map(String),
    ['ab', 'cd', 'ef'],
    'and pieces are the whole',
  );
  t.same(piecesOf({ text: 'abc', cuts: [] }).map(String), ['abc']);
  t.end();
});

t.test('minimising keeps what shows the fault, and where it was cut', async (t) => {
  const input = { text: `${'x'.repeat(300)}BAD${'y'.repeat(300)}`, cuts: [10, 301, 400] };
  const smallest = await minimise(input, async ({ text, cuts }) => {
    const at = text.indexOf('BAD');
    return at >= 0 && cuts.includes(at + 1);
  });
  t.same(smallest, { text: 'BAD', cuts: [1] });
  const whole = await minimise(
    { text: 'aXbXc', cuts: [2] },
    async ({ text }) => text.split('X').length === 3,
  );
  t.same(whole, { text: 'XX', cuts: [] }, 'cuts that do not matter go first');
  t.same(without({ text: 'abcdef', cuts: [1, 3, 5] }, 2, 4), { text: 'abef', cuts: [1, 3] });
});

t.test('every input has a seed of its own, the same in every run', (t) => {
  const seeds = new Set(Array.from({ length: 1000 }, (_, i) => seedOf(7, 'wire', i)));
  t.ok(seeds.size > 990, `${seeds.size} of 1000`);
  t.equal(seedOf(7, 'wire', 3), seedOf(7, 'wire', 3));
  t.not(seedOf(7, 'wire', 3), seedOf(7, 'config', 3));
  t.end();
});

t.test('findings are added once', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-findings-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'findings.json');
  t.same(readFindings(path), []);
  const one = { part: 'wire' as const, complaint: 'order: x', input: { text: 'a\r\n\xff', cuts: [1] } };
  t.equal(addFindings(path, [one]), 1);
  t.equal(addFindings(path, [{ ...one, complaint: 'other words' }]), 0, 'it is the input that counts');
  t.same(readFindings(path), [one]);
  t.end();
});

t.test('complaints', (t) => {
  t.equal(kindOf('split: whole'), 'split');
  t.equal(kindOf('silent'), 'silent');
  t.equal(
    complaintOf(() => 'x: y'),
    'x: y',
  );
  const thrown = complaintOf(() => {
    throw new TypeError('boom');
  });
  t.match(thrown, /^threw: TypeError: boom \|\s+at /);
  t.end();
});

t.test('options', (t) => {
  t.match(readFuzzOptions([], 99), { minutes: 10, seed: 99, parts: { length: 7 } });
  const given = readFuzzOptions(['--minutes', '0.5', '--seed=3', '--part', 'wire, config', '--json', 'x'], 1);
  t.match(given, { minutes: 0.5, seed: 3, parts: ['wire', 'config'], jsonPath: 'x' });
  t.equal(readFuzzOptions(['--help'], 1), undefined);
  for (const option of ['minutes', 'seed', 'part', 'findings', 'json']) t.match(HELP, `--${option}`);
  for (const [args, message] of [
    [['--minutes', 'x'], '--minutes: "x" is not a number from 0 to 600'],
    [['--seed', '-1'], /--seed: "-1"|ambiguous/],
    [['--part', 'all'], '--part: there is no "all"'],
    [['stray'], /stray/],
  ] as const)
    t.throws(() => readFuzzOptions(args, 1), { message, code: 'bench_option' }, args.join(' '));
  t.end();
});
