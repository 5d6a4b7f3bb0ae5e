/**
 * The shop's first stock. Titles, authors and years are real; the rest follows rules, so that every seeding
 * gives the same rows:
 * - ISBN: invented, not the real edition's. 979-9, a group that is assigned to nobody, then the row's number
 *   in eight digits, then a right check digit (isbn.ts). A real number belongs to one edition by one
 *   publisher, and a wrong one would point at somebody else's book.
 * - Price: 4.99 to 33.99 USD. Stock: 20 to 119 copies. Both spread by the row's number.
 */
import { type BookInput, GENRES, type Genre } from './book.ts';
import { inventedIsbn } from './isbn.ts';
import { SEED_TITLES } from './seed-titles.ts';

function isGenre(text: string): text is Genre {
  return (GENRES as readonly string[]).includes(text);
}

function seedBook(row: number, line: string, genre: Genre): BookInput {
  const [title = '', authors = '', year = ''] = line.split('|').map((cell) => cell.trim());
  return {
    isbn: inventedIsbn(row),
    title,
    authors: authors.split(';').map((author) => author.trim()),
    year: Number(year),
    price: { cents: 499 + ((row * 7) % 30) * 100, currency: 'USD' },
    stock: 20 + ((row * 37) % 100),
    genre,
  };
}

/** The seed in the order in which it is inserted: book n gets id n in an empty file. */
export function seedBooks(): readonly BookInput[] {
  const books: BookInput[] = [];
  let genre: Genre = 'fiction';
  for (const line of SEED_TITLES.split('\n')) {
    const heading = /^# (.+)$/.exec(line)?.[1];
    if (heading !== undefined) {
      if (!isGenre(heading)) throw new Error(`seed-titles.ts: '${heading}' is not a genre`);
      genre = heading;
    } else if (line !== '') {
      books.push(seedBook(books.length + 1, line, genre));
    }
  }
  return books;
}
