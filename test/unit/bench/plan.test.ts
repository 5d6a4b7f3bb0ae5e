import t from 'tap';
import { CASES, cellName, cellsOf, orderOfRound } from '../../../bench/plan.ts';

t.test('order turns by one a round, so that each subject stands on each place equally often', (t) => {
  const subjects = ['a', 'b', 'c'];
  t.same(
    [0, 1, 2, 3].map((round) => orderOfRound(subjects, round).join('')),
    ['abc', 'bca', 'cab', 'abc'],
  );
  t.same(orderOfRound([], 2), []);
  t.end();
});

t.test('cells: every case alike, varied only where the fields of a request matter', (t) => {
  t.same(cellsOf(CASES, ['alike', 'varied']).map(cellName), [
    'small alike',
    'small varied',
    'tls-small alike',
    'tls-small varied',
    '16k alike',
    '16k varied',
    'tls-16k alike',
    'tls-16k varied',
    '1m alike',
    'tls-1m alike',
  ]);
  t.same(
    cellsOf(CASES, ['varied']).map(cellName).slice(-1),
    ['tls-1m varied'],
    'unless nothing else was asked for',
  );
  t.end();
});
