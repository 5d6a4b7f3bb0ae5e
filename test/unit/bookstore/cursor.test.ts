import fc from 'fast-check';
import t from 'tap';
import {
  decodeCursor,
  encodeCursor,
  formatSort,
  parseSort,
  SORT_KEYS,
} from '../../../src/bookstore/cursor.ts';

t.test('a cursor comes back as it was made', async () => {
  const id = fc.nat();
  const sort = (keys: readonly (typeof SORT_KEYS)[number][]) =>
    fc.record({ key: fc.constantFrom(...keys), descending: fc.boolean() });
  const cursor = fc.oneof(
    fc.record({ sort: sort(['title']), after: fc.string({ unit: 'grapheme', maxLength: 300 }), id }),
    fc.record({ sort: sort(['id', 'year', 'price']), after: fc.integer(), id }),
  );
  fc.assert(
    fc.property(cursor, (made) => {
      const text = encodeCursor(made);
      const read = decodeCursor(text);
      return /^[A-Za-z0-9_-]+$/.test(text) && JSON.stringify(read) === JSON.stringify(made);
    }),
  );
});

t.test('what was not made here is refused', async (t) => {
  const raw = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const wrong = ['', 'x', '!!', raw(null), raw({}), raw([]), raw(['id', 1]), raw(['id', 1, 2, 3])];
  wrong.push(raw(['stock', 1, 2]), raw(['title', 1, 2]), raw(['year', 'x', 2]), raw(['id', 1, '2']));
  wrong.push(raw(['id', 1.5, 2]), raw(['id', 1, 1e300]), 'A'.repeat(4096), `${raw(['id', 1, 2])}=`);
  for (const text of wrong) t.equal(decodeCursor(text), undefined, text.slice(0, 40));
});

t.test('random text never throws', async () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.base64String()), (text) => {
      decodeCursor(text);
    }),
  );
});

t.test('sort', async (t) => {
  for (const key of SORT_KEYS) {
    t.strictSame(parseSort(key), { key, descending: false });
    t.strictSame(parseSort(`-${key}`), { key, descending: true });
    t.equal(formatSort({ key, descending: true }), `-${key}`);
  }
  for (const text of ['', '-', '--id', 'ID', 'stock', 'id;', 'constructor'])
    t.equal(parseSort(text), undefined);
});
