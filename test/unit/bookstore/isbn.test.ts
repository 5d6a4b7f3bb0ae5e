import fc from 'fast-check';
import t from 'tap';
import { inventedIsbn, isbn13CheckDigit, parseIsbn13 } from '../../../src/bookstore/isbn.ts';

t.test('real numbers are right, with and without hyphens', async (t) => {
  for (const isbn of ['978-0-306-40615-7', '9780306406157', '978 3 16 148410 0', '979-10-90636-07-1']) {
    t.equal(parseIsbn13(isbn), isbn.replace(/[-\s]/g, ''), isbn);
  }
});

t.test('everything else is refused', async (t) => {
  const wrong = [
    '',
    '9780306406158',
    '978030640615',
    '97803064061570',
    '9770306406157',
    '978030640615X',
    '0306406152',
  ];
  for (const isbn of [...wrong, '９７８0306406157', '9780306406157;'])
    t.equal(parseIsbn13(isbn), undefined, isbn);
});

t.test('one wrong digit is always noticed', async () => {
  const digits = fc.stringMatching(/^97[89]\d{9}$/);
  fc.assert(
    fc.property(digits, fc.nat(12), fc.integer({ min: 1, max: 9 }), (first12, at, by) => {
      const isbn = `${first12}${isbn13CheckDigit(first12)}`;
      const digit = (Number(isbn[at]) + by) % 10;
      const changed = `${isbn.slice(0, at)}${digit}${isbn.slice(at + 1)}`;
      return parseIsbn13(isbn) === isbn && parseIsbn13(changed) === undefined;
    }),
  );
});

t.test('invented numbers are valid, distinct and of the unassigned group', async (t) => {
  const made = [0, 1, 9, 10, 296, 99_999_999].map(inventedIsbn);
  for (const isbn of made) {
    t.equal(parseIsbn13(isbn), isbn);
    t.ok(isbn.startsWith('9799'));
  }
  t.equal(new Set(made).size, made.length);
});
