import t from 'tap';
import { encodeCursor } from '../../../src/bookstore/cursor.ts';
import { Problem } from '../../../src/bookstore/problem.ts';
import { readListQuery } from '../../../src/bookstore/query.ts';

const read = (text: string) => readListQuery(new URLSearchParams(text));

function faultyFields(text: string): readonly string[] {
  try {
    read(text);
    return [];
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 400) throw error;
    return (error.errors ?? []).map((fault) => fault.field);
  }
}

t.test('defaults, and unknown parameters are ignored', async (t) => {
  const none = {
    limit: 20,
    sort: { key: 'id', descending: false },
    cursor: undefined,
    text: undefined,
    genre: undefined,
  };
  t.strictSame(read(''), none);
  t.strictSame(read('nocache=1&q=%20%20'), none);
});

t.test('all of them', async (t) => {
  const query = read('limit=100&sort=-price&q=%20war%20and%20&genre=classic');
  t.strictSame(query, {
    limit: 100,
    sort: { key: 'price', descending: true },
    cursor: undefined,
    text: 'war and',
    genre: 'classic',
  });
});

t.test('a cursor brings its sort, and holds to it', async (t) => {
  const cursor = encodeCursor({ sort: { key: 'year', descending: true }, after: 1900, id: 4 });
  t.strictSame(read(`cursor=${cursor}`).sort, { key: 'year', descending: true });
  t.strictSame(read(`cursor=${cursor}&sort=-year`).cursor?.after, 1900);
  t.strictSame(faultyFields(`cursor=${cursor}&sort=year`), ['cursor']);
});

t.test('faults, all at once', async (t) => {
  for (const limit of ['0', '101', '-1', '1.5', 'x', '', '1e1', ' 5', '99999999999999999999']) {
    t.strictSame(faultyFields(`limit=${limit}`), ['limit'], limit);
  }
  t.strictSame(faultyFields(`limit=0&cursor=x&sort=y&genre=z&q=${'a'.repeat(201)}`), [
    'limit',
    'cursor',
    'sort',
    'q',
    'genre',
  ]);
});
