/**
 * The books, in SQLite. Every write is one transaction or one statement, so it holds against writers in other
 * processes too: a change is decided on the row that it then replaces, and stock is moved by a statement that
 * carries its own condition. Never read stock, then write it.
 */
import type Database from 'better-sqlite3';
import { errorCode } from '../kernel/errors.ts';
import { type Book, type BookInput, type Genre, MAX_STOCK } from './book.ts';
import { encodeCursor, type SortKey } from './cursor.ts';
import { bookParameters, INSERT_BOOK, type OpenedDatabase, type Search } from './database.ts';
import { Problem } from './problem.ts';
import type { ListQuery } from './query.ts';
import { ftsExpression, likePatterns } from './search.ts';

interface Row {
  readonly id: number;
  readonly isbn: string;
  readonly title: string;
  readonly authors: string;
  readonly year: number;
  readonly cents: number;
  readonly currency: string;
  readonly stock: number;
  readonly genre: Genre;
  readonly description: string | null;
  readonly created: string;
  readonly updated: string;
  readonly version: number;
}

export interface Page {
  readonly items: readonly Book[];
  readonly nextCursor: string | null;
}

/** An answer that is kept under its Idempotency-Key. */
export interface KeptAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** How long an Idempotency-Key is remembered. */
const IDEMPOTENCY_LIFE_MS = 24 * 60 * 60 * 1000;

const COLUMNS: Readonly<Record<SortKey, string>> = { id: 'id', title: 'title', year: 'year', price: 'cents' };

function sortValue(book: Book, key: SortKey): string | number {
  return key === 'price' ? book.price.cents : book[key];
}

function toBook(row: Row): Book {
  return {
    id: row.id,
    isbn: row.isbn,
    title: row.title,
    authors: JSON.parse(row.authors),
    year: row.year,
    price: { cents: row.cents, currency: row.currency },
    stock: row.stock,
    genre: row.genre,
    ...(row.description === null ? {} : { description: row.description }),
    created: row.created,
    updated: row.updated,
    version: row.version,
  };
}

function notFound(id: number): Problem {
  return new Problem(404, 'not_found', `There is no book ${id}`);
}

type Parameters = Record<string, string | number | null>;
type Statement = Database.Statement<[Parameters], Row>;

const LIKE_ALL = `NOT EXISTS (
  SELECT 1 FROM json_each(@patterns) AS term WHERE NOT (
    title LIKE term.value ESCAPE '\\' OR authors LIKE term.value ESCAPE '\\'
    OR isbn LIKE term.value ESCAPE '\\' OR coalesce(description, '') LIKE term.value ESCAPE '\\'))`;

export class BookStore {
  readonly #db: Database.Database;
  readonly #search: Search;
  /** By SQL text; its variants are few: sort x direction x cursor x text x genre. */
  readonly #lists = new Map<string, Statement>();
  readonly #read: Database.Statement<[number], Row>;
  readonly #readIsbn: Database.Statement<[string], number>;
  readonly #insert: Statement;
  readonly #update: Statement;
  readonly #delete: Database.Statement<[number]>;
  readonly #take: Statement;
  readonly #give: Statement;
  readonly #readKey: Database.Statement<[string], { fingerprint: string; answer: string }>;
  readonly #keep: Database.Statement<[string, string, string, number]>;
  readonly #forget: Database.Statement<[number]>;
  readonly #probe: Database.Statement<[]>;

  constructor(opened: OpenedDatabase) {
    const db = opened.db;
    this.#db = db;
    this.#search = opened.search;
    this.#read = db.prepare('SELECT * FROM books WHERE id = ?');
    this.#readIsbn = db.prepare<[string], number>('SELECT id FROM books WHERE isbn = ?').pluck();
    this.#insert = db.prepare(`${INSERT_BOOK} RETURNING *`);
    this.#update = db.prepare(`
      UPDATE books SET isbn = @isbn, title = @title, authors = @authors, year = @year, cents = @cents,
        currency = @currency, stock = @stock, genre = @genre, description = @description,
        updated = @now, version = version + 1
      WHERE id = @id RETURNING *`);
    this.#delete = db.prepare('DELETE FROM books WHERE id = ?');
    this.#take = db.prepare(`
      UPDATE books SET stock = stock - @quantity, updated = @now, version = version + 1
      WHERE id = @id AND stock >= @quantity RETURNING *`);
    this.#give = db.prepare(`
      UPDATE books SET stock = stock + @quantity, updated = @now, version = version + 1
      WHERE id = @id AND stock + @quantity <= ${MAX_STOCK} RETURNING *`);
    this.#readKey = db.prepare('SELECT fingerprint, answer FROM idempotency WHERE key = ?');
    this.#keep = db.prepare(
      'INSERT INTO idempotency (key, fingerprint, answer, created_ms) VALUES (?, ?, ?, ?)',
    );
    this.#forget = db.prepare('DELETE FROM idempotency WHERE created_ms < ?');
    this.#probe = db.prepare('SELECT 1 FROM books LIMIT 1');
  }

  get search(): Search {
    return this.#search;
  }

  /** Throws when the database cannot be read. */
  probe(): void {
    this.#probe.get();
  }

  /** Throws 404. */
  read(id: number): Book {
    const row = this.#read.get(id);
    if (!row) throw notFound(id);
    return toBook(row);
  }

  /** One page; one row more than asked for is read to know whether there is another. */
  list(query: ListQuery): Page {
    const parameters: Parameters = { limit: query.limit + 1 };
    const where = this.#conditions(query, parameters);
    if (!where) return { items: [], nextCursor: null };
    const column = COLUMNS[query.sort.key];
    const direction = query.sort.descending ? 'DESC' : 'ASC';
    const order = column === 'id' ? `id ${direction}` : `${column} ${direction}, id ${direction}`;
    const filter = where.length > 0 ? `WHERE ${where.join(' AND ')}` : '';
    const rows = this.#listStatement(`SELECT * FROM books ${filter} ORDER BY ${order} LIMIT @limit`).all(
      parameters,
    );
    const items = rows.slice(0, query.limit).map(toBook);
    const last = items.at(-1);
    if (rows.length <= query.limit || !last) return { items, nextCursor: null };
    const cursor = { sort: query.sort, after: sortValue(last, query.sort.key), id: last.id };
    return { items, nextCursor: encodeCursor(cursor) };
  }

  /** The WHERE terms, with their values put into `parameters`; undefined when nothing can match. */
  #conditions(query: ListQuery, parameters: Parameters): readonly string[] | undefined {
    const where: string[] = [];
    if (query.cursor) {
      const column = COLUMNS[query.sort.key];
      const comparison = query.sort.descending ? '<' : '>';
      parameters['id'] = query.cursor.id;
      if (column === 'id') {
        where.push(`id ${comparison} @id`);
      } else {
        parameters['after'] = query.cursor.after;
        where.push(`(${column}, id) ${comparison} (@after, @id)`);
      }
    }
    if (query.genre !== undefined) {
      parameters['genre'] = query.genre;
      where.push('genre = @genre');
    }
    if (query.text !== undefined && this.#search === 'fts5') {
      const expression = ftsExpression(query.text);
      if (expression === undefined) return undefined;
      parameters['match'] = expression;
      where.push('id IN (SELECT rowid FROM books_fts WHERE books_fts MATCH @match)');
    } else if (query.text !== undefined) {
      parameters['patterns'] = JSON.stringify(likePatterns(query.text));
      where.push(LIKE_ALL);
    }
    return where;
  }

  #listStatement(sql: string): Statement {
    let statement = this.#lists.get(sql);
    if (!statement) {
      statement = this.#db.prepare<[Parameters], Row>(sql);
      this.#lists.set(sql, statement);
    }
    return statement;
  }

  /** Throws 409 when another book has the ISBN. */
  create(input: BookInput, wallMs: number): Book {
    return this.#written(this.#insert, bookParameters(input, wallMs), input.isbn);
  }

  /**
   * Replaces what `decide` makes of the present book; what `decide` throws leaves the book as it is.
   * Throws 404 and 409.
   */
  change(id: number, decide: (current: Book) => BookInput, wallMs: number): Book {
    return this.#immediately(() => {
      const input = decide(this.read(id));
      return this.#written(this.#update, { ...bookParameters(input, wallMs), id }, input.isbn);
    });
  }

  #written(statement: Statement, parameters: Parameters, isbn: string): Book {
    try {
      const row = statement.get(parameters);
      if (!row) throw new Error('a write gave no row');
      return toBook(row);
    } catch (error) {
      if (errorCode(error) !== 'SQLITE_CONSTRAINT_UNIQUE') throw error;
      const other = this.#readIsbn.get(isbn);
      throw new Problem(409, 'duplicate_isbn', `ISBN ${isbn} belongs to another book`, {
        members: { isbn, ...(other === undefined ? {} : { existing: `/books/${other}` }) },
        cause: error,
      });
    }
  }

  /** Deletes the book unless `agree` throws. Throws 404. */
  remove(id: number, agree: (current: Book) => void): void {
    this.#immediately(() => {
      agree(this.read(id));
      this.#delete.run(id);
    });
  }

  /** Takes copies out of stock. Throws 404, and 409 when fewer are there. */
  purchase(id: number, quantity: number, wallMs: number): Book {
    return this.#move(this.#take, id, quantity, wallMs, (book) => {
      const detail = `Book ${id} has fewer than ${quantity} in stock`;
      return new Problem(409, 'insufficient_stock', detail, { members: { stock: book.stock } });
    });
  }

  /** Puts copies into stock. Throws 404, and 409 when there would be more than MAX_STOCK. */
  restock(id: number, quantity: number, wallMs: number): Book {
    return this.#move(this.#give, id, quantity, wallMs, (book) => {
      const detail = `${quantity} more would pass the ${MAX_STOCK} that book ${id} can have in stock`;
      return new Problem(409, 'stock_limit', detail, { members: { stock: book.stock } });
    });
  }

  #move(
    statement: Statement,
    id: number,
    quantity: number,
    wallMs: number,
    refuse: (book: Book) => Problem,
  ): Book {
    const row = statement.get({ id, quantity, now: new Date(wallMs).toISOString() });
    if (row) return toBook(row);
    throw refuse(this.read(id));
  }

  /**
   * Runs `act` once for a key: its answer and its changes are committed together, and a repeat gets the same
   * answer without acting. What `act` throws is not kept, so a failed request may be tried again. Throws 422
   * when the key came with another request (`fingerprint`). Keys live 24 hours.
   */
  once(
    request: { readonly key: string; readonly fingerprint: string; readonly wallMs: number },
    act: () => KeptAnswer,
  ): { readonly answer: KeptAnswer; readonly isReplay: boolean } {
    return this.#immediately(() => {
      this.#forget.run(request.wallMs - IDEMPOTENCY_LIFE_MS);
      const kept = this.#readKey.get(request.key);
      if (kept && kept.fingerprint !== request.fingerprint) {
        throw new Problem(
          422,
          'idempotency_key_reused',
          'This Idempotency-Key came with another request before',
        );
      }
      if (kept) return { answer: JSON.parse(kept.answer) as KeptAnswer, isReplay: true };
      const answer = act();
      this.#keep.run(request.key, request.fingerprint, JSON.stringify(answer), request.wallMs);
      return { answer, isReplay: false };
    });
  }

  /** Takes the write lock before the first read: what is read cannot change before it is written. */
  #immediately<T>(act: () => T): T {
    return this.#db.transaction(act).immediate();
  }

  close(): void {
    this.#db.close();
  }
}
