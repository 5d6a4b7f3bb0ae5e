import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import t from 'tap';
import type { BookInput } from '../../../src/bookstore/book.ts';
import { openDatabase, type Search } from '../../../src/bookstore/database.ts';
import { inventedIsbn } from '../../../src/bookstore/isbn.ts';
import { Problem } from '../../../src/bookstore/problem.ts';
import { type ListQuery, readListQuery } from '../../../src/bookstore/query.ts';
import { BookStore } from '../../../src/bookstore/store.ts';
import { systemClock } from '../../../src/kernel/clock.ts';

function book(number: number, change: Partial<BookInput> = {}): BookInput {
  return {
    isbn: inventedIsbn(number),
    title: `Book ${number}`,
    authors: [`Author ${number}`],
    year: 2000 + (number % 3),
    price: { cents: 100 * (number % 4), currency: 'USD' },
    stock: 5,
    genre: number % 2 === 0 ? 'poetry' : 'drama',
    ...change,
  };
}

async function openStore(books: readonly BookInput[] = [], search: Search = 'fts5'): Promise<BookStore> {
  return new BookStore(
    await openDatabase({ path: ':memory:', clock: systemClock, seed: () => books, search }),
  );
}

const query = (text: string): ListQuery => readListQuery(new URLSearchParams(text));
const many = (count: number) => Array.from({ length: count }, (_, n) => book(n + 1));

function problemOf(act: () => unknown): Problem {
  try {
    act();
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error('expected a problem');
}

function allPages(store: BookStore, text: string): number[] {
  const ids: number[] = [];
  let cursor = '';
  for (let pages = 0; pages < 1000; pages++) {
    const page = store.list(query(`${text}${cursor}`));
    ids.push(...page.items.map((item) => item.id));
    if (page.nextCursor === null) return ids;
    cursor = `&cursor=${page.nextCursor}`;
  }
  throw new Error('the list has no end');
}

t.test('create, read, change, remove', async (t) => {
  const store = await openStore();
  const made = store.create(book(1, { description: 'd' }), 1000);
  t.match(made, { id: 1, version: 1, created: '1970-01-01T00:00:01.000Z', description: 'd', stock: 5 });
  t.strictSame(store.read(1), made);
  const changed = store.change(1, () => book(1, { title: 'New' }), 2000);
  t.match(changed, { version: 2, title: 'New', created: made.created, updated: '1970-01-01T00:00:02.000Z' });
  t.equal('description' in changed, false, 'a member that is left out is gone');
  store.remove(1, () => {});
  t.equal(problemOf(() => store.read(1)).status, 404);
  t.equal(store.create(book(1), 3000).id, 2, 'an id is never used twice');
});

t.test('what the decision throws leaves all as it was', async (t) => {
  const store = await openStore(many(1));
  const refuse = () => {
    throw new Problem(412, 'precondition_failed', 'no');
  };
  t.equal(problemOf(() => store.change(1, refuse, 1)).status, 412);
  t.equal(problemOf(() => store.remove(1, refuse)).status, 412);
  t.equal(store.read(1).version, 1);
  t.equal(problemOf(() => store.change(9, () => book(9), 1)).status, 404);
});

t.test('an ISBN is there once', async (t) => {
  const store = await openStore(many(2));
  const again = problemOf(() => store.create(book(1), 1));
  t.match(again, { status: 409, code: 'duplicate_isbn', members: { existing: '/books/1' } });
  t.equal(problemOf(() => store.change(2, () => book(1), 1)).status, 409);
  t.equal(store.change(2, () => book(2, { title: 'same ISBN' }), 1).version, 2);
});

t.test('stock moves between its bounds only', async (t) => {
  const store = await openStore(many(1));
  t.match(store.purchase(1, 4, 1), { stock: 1, version: 2 });
  t.match(
    problemOf(() => store.purchase(1, 2, 1)),
    { status: 409, code: 'insufficient_stock', members: { stock: 1 } },
  );
  t.match(store.read(1), { stock: 1, version: 2 });
  t.equal(store.purchase(1, 1, 1).stock, 0);
  t.equal(store.restock(1, 10, 1).stock, 10);
  store.change(1, () => book(1, { stock: 999_999 }), 1);
  t.match(
    problemOf(() => store.restock(1, 2, 1)),
    { status: 409, code: 'stock_limit' },
  );
  t.equal(problemOf(() => store.purchase(7, 1, 1)).status, 404);
  t.equal(problemOf(() => store.restock(7, 1, 1)).status, 404);
});

t.test('an idempotency key acts once', async (t) => {
  const store = await openStore(many(1));
  const sell = () => ({ status: 200, headers: {}, body: String(store.purchase(1, 2, 1).stock) });
  const request = { key: 'k', fingerprint: 'f', wallMs: 1000 };
  t.match(store.once(request, sell), { answer: { body: '3' }, isReplay: false });
  t.match(store.once(request, sell), { answer: { body: '3' }, isReplay: true });
  t.equal(store.read(1).stock, 3);
  t.equal(problemOf(() => store.once({ ...request, fingerprint: 'g' }, sell)).status, 422);
  store.purchase(1, 2, 1);
  const refused = { ...request, key: 'other' };
  t.equal(problemOf(() => store.once(refused, sell)).status, 409);
  store.restock(1, 4, 1);
  t.match(store.once(refused, sell), { answer: { body: '3' }, isReplay: false }, 'a refusal is not kept');
  const day = 24 * 60 * 60 * 1000;
  t.match(
    store.once({ ...request, wallMs: 1001 + day }, sell),
    { isReplay: false },
    'a day later it is forgotten',
  );
});

t.test('nobody else writes between a decision and what comes of it', async (t) => {
  const path = join(t.testdir(), 'shop.db');
  const store = new BookStore(await openDatabase({ path, clock: systemClock, seed: () => many(2) }));
  const other = new Database(path, { timeout: 0 });
  t.teardown(() => {
    other.close();
    store.close();
  });
  let tries = 0;
  const intrude = () => {
    tries++;
    t.throws(() => other.exec('UPDATE books SET stock = 0'), { code: 'SQLITE_BUSY' });
  };
  const decide = () => {
    intrude();
    return book(1);
  };
  store.change(1, decide, 1);
  store.remove(2, intrude);
  const act = () => {
    intrude();
    return { status: 200, headers: {}, body: '' };
  };
  store.once({ key: 'k', fingerprint: 'f', wallMs: 1 }, act);
  t.equal(tries, 3);
  other.exec('UPDATE books SET stock = 0');
  t.equal(store.read(1).stock, 0, 'afterwards it may');
});

t.test('pages hold every book once, in order, in every sort', async (t) => {
  const store = await openStore(many(23));
  for (const sort of ['id', '-id', 'title', '-title', 'year', '-year', 'price', '-price']) {
    const whole = store.list(query(`limit=100&sort=${sort}`)).items.map((item) => item.id);
    t.equal(whole.length, 23);
    for (const limit of [1, 5, 22, 23, 24]) {
      t.strictSame(allPages(store, `limit=${limit}&sort=${sort}`), whole, `${sort} by ${limit}`);
    }
  }
  t.strictSame(allPages(store, 'limit=4&genre=poetry&sort=-id'), [22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2]);
});

t.test('titles sort without regard to case', async (t) => {
  const store = await openStore([
    book(1, { title: 'b' }),
    book(2, { title: 'A' }),
    book(3, { title: 'B' }),
    book(4, { title: 'a' }),
  ]);
  t.strictSame(allPages(store, 'limit=1&sort=title'), [2, 4, 1, 3]);
});

t.test('inserts and deletes between pages neither repeat nor skip a book', async (t) => {
  const store = await openStore(many(10));
  const first = store.list(query('limit=4&sort=title'));
  store.create(book(100, { title: 'AAA, before all' }), 1);
  store.create(book(101, { title: 'zzz, after all' }), 1);
  store.remove(first.items[3]?.id ?? 0, () => {});
  const seen = first.items.map((item) => item.id);
  let cursor = first.nextCursor;
  while (cursor !== null) {
    const page = store.list(query(`limit=4&cursor=${cursor}`));
    seen.push(...page.items.map((item) => item.id));
    cursor = page.nextCursor;
  }
  t.equal(new Set(seen).size, seen.length, 'none twice');
  t.strictSame(
    [...seen].sort((a, b) => a - b),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12],
    'none left out',
  );
});

for (const search of ['fts5', 'like'] as const) {
  t.test(`search by ${search}`, async (t) => {
    const shelf = [
      book(1, { title: 'Wuthering Heights', authors: ['Emily Brontë'] }),
      book(2, { title: 'War and Peace', authors: ['Leo Tolstoy'], description: 'Napoleon comes' }),
      book(3, { title: '100% Cotton_Wool "quoted"', authors: ["O'Brien; DROP"] }),
    ];
    const store = await openStore(shelf, search);
    const find = (text: string) =>
      store.list(query(new URLSearchParams({ q: text }).toString())).items.map((item) => item.id);
    t.equal(store.search, search);
    t.strictSame(find('wuther'), [1], 'the beginning of a word');
    t.strictSame(find('PEACE war'), [2], 'all words, any order and case');
    t.strictSame(find('peace wuther'), [], 'all words, not some');
    t.strictSame(find('tolstoy'), [2], 'authors');
    t.strictSame(find('napoleon'), [2], 'description');
    t.strictSame(find(inventedIsbn(3)), [3], 'ISBN');
    t.strictSame(find('100%'), [3]);
    t.strictSame(find('cotton_wool'), [3]);
    t.strictSame(find("o'brien"), [3]);
    t.strictSame(find('war" OR "cotton'), []);
    if (search === 'fts5') t.strictSame(find('bronte'), [1], 'without its accent');
    else t.strictSame(find('_'), [3], 'a wildcard is a character');
    store.change(1, () => book(1, { title: 'Renamed' }), 1);
    t.strictSame(find('wuther'), [], 'a change is found under its new words');
    t.strictSame(find('renamed'), [1]);
    store.purchase(1, 1, 1);
    t.strictSame(find('renamed'), [1], 'a purchase leaves the index as it is');
    store.remove(1, () => {});
    t.strictSame(find('renamed'), []);
  });

  t.test(`no text breaks search by ${search}`, async () => {
    const store = await openStore(many(3), search);
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        store.list({ ...query(''), text });
      }),
    );
  });
}
