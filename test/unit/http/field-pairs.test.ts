import t from 'tap';
import { linesOf, pairsOf } from '../../../src/http/field-pairs.ts';

t.test('lines and pairs', async (t) => {
  const table: [string, [string, string][]][] = [
    ['', []],
    ['A: b\r\n', [['A', 'b']]],
    [
      'Set-Cookie: a=1; b\r\nset-cookie: c: d\r\nX-Empty: \r\nX-Bytes: \xe9\xff\r\n',
      [
        ['Set-Cookie', 'a=1; b'],
        ['set-cookie', 'c: d'],
        ['X-Empty', ''],
        ['X-Bytes', '\xe9\xff'],
      ],
    ],
  ];
  for (const [lines, pairs] of table) {
    t.same(pairsOf(lines), pairs);
    t.equal(linesOf(pairs.flat()), lines, 'and back');
  }
});
