import t from 'tap';
import { checkBook, GENRES } from '../../../src/bookstore/book.ts';
import { seedBooks } from '../../../src/bookstore/seed.ts';

t.test('the seed is at least 200 valid, distinct books of all genres, the same each time', async (t) => {
  const books = seedBooks();
  t.ok(books.length >= 200, `${books.length} books`);
  for (const book of books) {
    const checked = checkBook(book, Date.UTC(2026, 0, 1));
    if (!checked.ok) t.fail(`${book.title}: ${JSON.stringify(checked.errors)}`);
    t.ok(book.stock >= 20, 'enough to sell');
  }
  t.equal(new Set(books.map((book) => book.isbn)).size, books.length, 'ISBNs');
  t.equal(new Set(books.map((book) => `${book.title}|${book.authors}`)).size, books.length, 'titles');
  t.strictSame([...new Set(books.map((book) => book.genre))].sort(), [...GENRES]);
  t.strictSame(seedBooks(), books);
  t.ok(
    books.every((book) => book.isbn.startsWith('9799')),
    'no number of a real edition',
  );
});
