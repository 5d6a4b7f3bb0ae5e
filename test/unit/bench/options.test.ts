import t from 'tap';
import { HELP, PARTS, readOptions } from '../../../bench/options.ts';
import { SluiceError } from '../../../src/kernel/errors.ts';

const SUBJECTS = ['nginx', 'haproxy', 'sluice'];

t.test('without options: everything, nine pairs', (t) => {
  const options = readOptions([], SUBJECTS);
  t.same(options.parts, PARTS);
  t.equal(options.only, undefined);
  t.equal(options.cases.length, 6);
  t.match(options, { pairs: 9, seconds: 2, mixes: ['alike', 'varied'], isFull: true, quietLimit: 0.15 });
  t.end();
});

t.test('quick is short, and what is given goes before it', (t) => {
  const quick = readOptions(['--quick'], SUBJECTS);
  t.match(quick, { pairs: 3, seconds: 1, parts: ['cpu'], isFull: false });
  for (const part of [
    ['--pairs', '8'],
    ['--only', 'nginx'],
    ['--cases', 'small'],
    ['--mixes', 'alike'],
    ['--parts', 'cpu'],
  ]) {
    t.equal(readOptions(part, SUBJECTS).isFull, false, `${part.join(' ')} is a part of a run`);
  }
  t.same(
    quick.cases.map(({ name }) => name),
    ['small', 'tls-small'],
  );
  t.equal(readOptions(['--quick', '--pairs', '5'], SUBJECTS).pairs, 5);
  t.end();
});

t.test('lists keep the order of the tables', (t) => {
  const options = readOptions(['--cases', '1m, small', '--only', 'sluice,nginx', '--mixes=varied'], SUBJECTS);
  t.same(
    options.cases.map(({ name }) => name),
    ['small', '1m'],
  );
  t.same(options.only, ['sluice', 'nginx']);
  t.same(options.mixes, ['varied']);
  t.end();
});

t.test('what is wrong is said, with what would be right', (t) => {
  for (const [args, message] of [
    [['--only', 'apache'], '--only: there is no "apache"'],
    [['--cases', 'small,huge'], '--cases: there is no "huge"'],
    [['--pairs', '0'], '--pairs: "0" is not a whole number from 1 on'],
    [['--seconds', '1.5'], '--seconds: "1.5" is not a whole number from 1 on'],
    [['--pears', '9'], /--pears/],
    [['stray'], /stray/],
  ] as const) {
    t.throws(() => readOptions(args, SUBJECTS), { message, code: 'bench_option' }, args.join(' '));
  }
  t.throws(() => readOptions(['--only', 'x'], SUBJECTS), SluiceError);
  t.end();
});

t.test('help names every option', (t) => {
  for (const option of ['parts', 'only', 'cases', 'mixes', 'pairs', 'seconds', 'warmup', 'quiet', 'quick']) {
    t.match(HELP, `--${option}`);
  }
  t.equal(readOptions(['--help'], SUBJECTS).wantsHelp, true);
  t.end();
});
