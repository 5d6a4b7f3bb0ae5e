import t from 'tap';
import { ftsExpression, likePatterns } from '../../../src/bookstore/search.ts';

t.test('FTS5: words become quoted prefixes, operators become words or nothing', async (t) => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['war peace', '"war"* "peace"*'],
    ['"', undefined],
    ['* - ^ : ( ) +', undefined],
    ['a" OR title:b*', '"a"* "OR"* "title"* "b"*'],
    ['NEAR(x y)', '"NEAR"* "x"* "y"*'],
    ['Brontë', '"Brontë"*'],
    ['d’Artagnan', '"d"* "Artagnan"*'],
    ['1 2 3 4 5 6 7 8 9 10', '"1"* "2"* "3"* "4"* "5"* "6"* "7"* "8"*'],
  ];
  for (const [text, expression] of cases) t.equal(ftsExpression(text), expression, text);
});

t.test('LIKE: wildcards are escaped', async (t) => {
  t.strictSame(likePatterns('50% a_b c\\d'), ['%50\\%%', '%a\\_b%', '%c\\\\d%']);
  t.equal(likePatterns('a '.repeat(20)).length, 8);
});
