/** Several bookstore processes on one file: seeding once, stock that holds, and a kill in the middle of writes. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import t from 'tap';
import { Agent, request } from 'undici';
import type { Book, BookInput } from '../../src/bookstore/book.ts';
import { BookstoreClient, BookstoreError } from '../../src/bookstore/bookstore-client.ts';
import { inventedIsbn } from '../../src/bookstore/isbn.ts';
import { seedBooks } from '../../src/bookstore/seed.ts';
import { type BookstoreProcess, startBookstore } from '../support/bookstore-process.ts';

function book(number: number, stock = 20): BookInput {
  return {
    isbn: inventedIsbn(60_000_000 + number),
    title: `Shared ${number}`,
    authors: ['A. Writer'],
    year: 2020,
    price: { cents: 100, currency: 'USD' },
    stock,
    genre: 'fiction',
  };
}

/** What a file holds, read by a connection of the test's own. */
function inspect(path: string): { integrity: unknown; books: number; searchable: number } {
  const db = new Database(path);
  try {
    const count = (sql: string) => Number(db.prepare(sql).pluck().get());
    // Throws when the search index does not agree with the books.
    db.exec("INSERT INTO books_fts (books_fts, rank) VALUES ('integrity-check', 1)");
    return {
      integrity: db.pragma('integrity_check', { simple: true }),
      books: count('SELECT count(*) FROM books'),
      searchable: count("SELECT count(*) FROM books_fts WHERE books_fts MATCH 'shared*'"),
    };
  } finally {
    db.close();
  }
}

async function startThree(db: string): Promise<BookstoreProcess[]> {
  return Promise.all([1, 2, 3].map((n) => startBookstore(['--db', db, '--name', `books-${n}`])));
}

function clientOf(shop: BookstoreProcess | undefined): BookstoreClient {
  if (!shop) throw new Error('no such server');
  return new BookstoreClient({ baseUrl: shop.url });
}

t.test('three at once on no file: one seed, in a folder that they make', async (t) => {
  const db = join(t.testdir(), 'new', 'shop.db');
  const shops = await startThree(db);
  t.strictSame(
    shops.map((shop) => shop.name),
    ['books-1', 'books-2', 'books-3'],
  );
  for (const shop of shops) {
    const answer = await request(`${shop.url}/healthz`);
    t.match(await answer.body.json(), { status: 'ok', server: shop.name });
  }
  for (const shop of shops) await shop[Symbol.asyncDispose]();
  t.strictSame(inspect(db), { integrity: 'ok', books: seedBooks().length, searchable: 0 });
});

t.test('what one writes, the others read; 50 buyers of 20 copies over three servers', async (t) => {
  const db = join(t.testdir(), 'shop.db');
  const shops = await startThree(db);
  const clients = shops.map(clientOf);
  const [first, second] = clients;
  if (!first || !second) throw new Error('no clients');
  const made = await first.create(book(1));
  t.strictSame((await second.read(made.value.id)).value, made.value);
  const isStale = (error: unknown) => error instanceof BookstoreError && error.status === 412;
  const changes = clients.map((client) => client.update(made.value.id, { title: 'Won' }, made.etag ?? ''));
  const outcomes = await Promise.allSettled(changes);
  t.equal(
    outcomes.filter((outcome) => outcome.status === 'fulfilled').length,
    1,
    'one of three writers wins',
  );
  t.ok(outcomes.every((outcome) => outcome.status === 'fulfilled' || isStale(outcome.reason)));

  const buyers = Array.from({ length: 50 }, (_, n) => clients[n % 3]?.purchase(made.value.id, 1));
  const sales = await Promise.allSettled(buyers);
  t.equal(sales.filter((sale) => sale.status === 'fulfilled').length, 20);
  const isSoldOut = (error: unknown) =>
    error instanceof BookstoreError && error.code === 'insufficient_stock';
  t.equal(sales.filter((sale) => sale.status === 'rejected' && isSoldOut(sale.reason)).length, 30);
  t.match((await second.read(made.value.id)).value, { stock: 0, version: 22 });

  const keyed = await Promise.all(
    clients.map((client) => client.create(book(2), { idempotencyKey: 'same' })),
  );
  t.equal(new Set(keyed.map((reply) => reply.value.id)).size, 1, 'one book for one key, whoever is asked');
  for (const client of clients) await client.close();
  for (const shop of shops) await shop[Symbol.asyncDispose]();
  t.equal(inspect(db).integrity, 'ok');
});

/** Creates books one after the other until the server is gone; the ids of those that were confirmed. */
async function createUntilGone(
  shop: BookstoreProcess,
  from: number,
  onCreated: () => void,
): Promise<number[]> {
  const client = clientOf(shop);
  const ids: number[] = [];
  try {
    for (let n = from; n < from + 10_000; n++) {
      ids.push((await client.create(book(n))).value.id);
      onCreated();
    }
  } catch (error) {
    if (error instanceof BookstoreError) throw error;
  }
  await client.close();
  return ids;
}

t.test('kill -9 in the middle of writes: what was confirmed is there, and the others go on', async (t) => {
  const db = join(t.testdir(), 'shop.db');
  const [victim, second, third] = await startThree(db);
  if (!victim || !second || !third) throw new Error('not three');
  let created = 0;
  // Four writers at once, so that the kill meets a write and not a pause.
  const writers = [1, 2, 3, 4].map((n) =>
    createUntilGone(victim, n * 10_000, () => {
      created++;
      if (created === 60) victim.child.kill('SIGKILL');
    }),
  );
  const ids = (await Promise.all(writers)).flat();
  t.match(await victim.ended, { signal: 'SIGKILL' });
  t.ok(ids.length >= 60, `${ids.length} books were confirmed`);

  const dispatcher = new Agent();
  for (const id of ids) {
    const answer = await request(`${second.url}/books/${id}`, { dispatcher });
    const read = (await answer.body.json()) as Book;
    if (answer.statusCode !== 200) t.fail(`book ${id} was confirmed and is gone`, { read });
  }
  await dispatcher.close();
  const client = clientOf(third);
  t.equal((await client.create(book(1))).status, 201, 'the others still write');
  await client.close();
  for (const shop of [second, third]) await shop[Symbol.asyncDispose]();
  const found = inspect(db);
  t.equal(found.integrity, 'ok');
  // At most the four writes that were under way may be there without their answer having arrived.
  const unconfirmed = found.books - seedBooks().length - ids.length - 1;
  t.ok(unconfirmed >= 0 && unconfirmed <= 4, `${unconfirmed} unconfirmed`);
  t.equal(found.searchable, ids.length + 1 + unconfirmed);
});

t.test('a file of somebody else is refused and left alone', async (t) => {
  const dir = t.testdir({
    'notes.txt': 'some notes, certainly no database, and long enough to be looked at'.repeat(20),
  });
  await t.rejects(startBookstore(['--db', join(dir, 'notes.txt')]), /not an SQLite database/);
  const other = join(dir, 'other.db');
  const db = new Database(other);
  db.exec('CREATE TABLE theirs (a)');
  db.close();
  await t.rejects(startBookstore(['--db', other]), /database of another program/);
  const after = new Database(other);
  t.strictSame(after.prepare('SELECT name FROM sqlite_schema').pluck().all(), ['theirs']);
  t.equal(after.pragma('journal_mode', { simple: true }), 'delete');
  after.close();
});
