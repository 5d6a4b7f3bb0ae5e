/**
 * Opens the bookstore's SQLite file: one file, shared by any number of bookstore processes on one machine.
 *
 * Promises: whoever comes first creates the tables and the seed, in one transaction that also sets the
 * version; everybody else waits for it and finds it done. A kill at any moment leaves the file as before or as
 * after (WAL). A file of another program is refused and not touched.
 * Writers take turns: SQLite has one at a time, others wait up to BUSY_TIMEOUT_MS on its lock. Rejected: one
 * writer process for all, which would be a single point to kill.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { type Clock, delay } from '../kernel/clock.ts';
import { errorCode, errorText, SluiceError } from '../kernel/errors.ts';
import type { BookInput } from './book.ts';

/** 'BOOK' in ASCII, in the header of the file. */
const APPLICATION_ID = 0x424f4f4b;
const SCHEMA_VERSION = 1;
/** How long a statement waits for another process's write; the event loop stands still meanwhile. */
const BUSY_TIMEOUT_MS = 5000;
const OPEN_DEADLINE_MS = 15_000;
const OPEN_RETRY_MS = 25;

export type Search = 'fts5' | 'like';

export interface OpenOptions {
  /** A path, or ':memory:' for a database that ends with the process. Missing folders are made. */
  readonly path: string;
  readonly clock: Clock;
  /** What a new file is filled with. */
  readonly seed: () => readonly BookInput[];
  /** The search of a new file; default: FTS5 when this build of SQLite has it. */
  readonly search?: Search;
}

export interface OpenedDatabase {
  readonly db: Database.Database;
  readonly search: Search;
}

const TABLES = `
  CREATE TABLE books (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    isbn TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL COLLATE NOCASE,
    authors TEXT NOT NULL,
    year INTEGER NOT NULL,
    cents INTEGER NOT NULL CHECK (cents >= 0),
    currency TEXT NOT NULL,
    stock INTEGER NOT NULL CHECK (stock >= 0),
    genre TEXT NOT NULL,
    description TEXT,
    created TEXT NOT NULL,
    updated TEXT NOT NULL,
    version INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX books_title ON books (title, id);
  CREATE INDEX books_year ON books (year, id);
  CREATE INDEX books_cents ON books (cents, id);
  CREATE INDEX books_genre ON books (genre, id);
  CREATE TABLE idempotency (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    answer TEXT NOT NULL,
    created_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX idempotency_created ON idempotency (created_ms);
`;

// An index over books, kept by triggers; a purchase changes no indexed column and so does not touch it.
const SEARCH_TABLES = `
  CREATE VIRTUAL TABLE books_fts USING fts5 (
    isbn, title, authors, description,
    content = 'books', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3'
  );
  CREATE TRIGGER books_fts_insert AFTER INSERT ON books BEGIN
    INSERT INTO books_fts (rowid, isbn, title, authors, description)
      VALUES (new.id, new.isbn, new.title, new.authors, new.description);
  END;
  CREATE TRIGGER books_fts_delete AFTER DELETE ON books BEGIN
    INSERT INTO books_fts (books_fts, rowid, isbn, title, authors, description)
      VALUES ('delete', old.id, old.isbn, old.title, old.authors, old.description);
  END;
  CREATE TRIGGER books_fts_update AFTER UPDATE OF isbn, title, authors, description ON books BEGIN
    INSERT INTO books_fts (books_fts, rowid, isbn, title, authors, description)
      VALUES ('delete', old.id, old.isbn, old.title, old.authors, old.description);
    INSERT INTO books_fts (rowid, isbn, title, authors, description)
      VALUES (new.id, new.isbn, new.title, new.authors, new.description);
  END;
`;

/** The columns of a new book, for named parameters of the same names. */
export const INSERT_BOOK = `
  INSERT INTO books (isbn, title, authors, year, cents, currency, stock, genre, description, created, updated, version)
  VALUES (@isbn, @title, @authors, @year, @cents, @currency, @stock, @genre, @description, @now, @now, 1)`;

/** The named parameters of a book for INSERT_BOOK and the update. */
export function bookParameters(input: BookInput, wallMs: number): Record<string, string | number | null> {
  return {
    isbn: input.isbn,
    title: input.title,
    authors: JSON.stringify(input.authors),
    year: input.year,
    cents: input.price.cents,
    currency: input.price.currency,
    stock: input.stock,
    genre: input.genre,
    description: input.description ?? null,
    now: new Date(wallMs).toISOString(),
  };
}

function numberPragma(db: Database.Database, name: string): number {
  return Number(db.pragma(name, { simple: true }));
}

function hasTable(db: Database.Database, name: string): boolean {
  return db.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(name) !== undefined;
}

/** True when the tables are there; false when the file is new; throws when the file is something else. */
function isPrepared(db: Database.Database, path: string): boolean {
  const application = numberPragma(db, 'application_id');
  const version = numberPragma(db, 'user_version');
  if (application === APPLICATION_ID && version === SCHEMA_VERSION) return true;
  if (application === APPLICATION_ID) {
    throw new SluiceError('bookstore_version', `${path} was written by another version (${version})`, {
      hint: 'Use the release that wrote it, or name another file with --db.',
    });
  }
  if (application === 0 && version === 0 && !db.prepare('SELECT 1 FROM sqlite_schema').get()) return false;
  throw new SluiceError('bookstore_foreign', `${path} is the database of another program`, {
    hint: 'Name another file with --db or DB; it is made when it does not exist.',
  });
}

function prepareFile(db: Database.Database, options: OpenOptions): void {
  const prepare = db.transaction(() => {
    if (isPrepared(db, options.path)) return;
    db.exec(TABLES);
    const hasFts5 = db.prepare("SELECT sqlite_compileoption_used('ENABLE_FTS5')").pluck().get() === 1;
    if ((options.search ?? (hasFts5 ? 'fts5' : 'like')) === 'fts5') db.exec(SEARCH_TABLES);
    const insert = db.prepare(INSERT_BOOK);
    const wallMs = options.clock.wallMs();
    for (const book of options.seed()) insert.run(bookParameters(book, wallMs));
    db.pragma(`application_id = ${APPLICATION_ID}`);
    db.pragma(`user_version = ${SCHEMA_VERSION}`);
  });
  // Immediate: takes the write lock before it looks, so that of several starters exactly one finds nothing.
  prepare.immediate();
}

function openOnce(options: OpenOptions): OpenedDatabase {
  const db = new Database(options.path, { timeout: BUSY_TIMEOUT_MS });
  try {
    isPrepared(db, options.path);
    db.pragma('journal_mode = WAL');
    // With WAL, NORMAL loses nothing when a process dies and never damages the file; only a power cut may take
    // the last commits.
    db.pragma('synchronous = NORMAL');
    prepareFile(db, options);
    return { db, search: hasTable(db, 'books_fts') ? 'fts5' : 'like' };
  } catch (error) {
    db.close();
    throw error;
  }
}

function openFailure(path: string, error: unknown): SluiceError {
  if (error instanceof SluiceError) return error;
  const isNotDatabase = errorCode(error) === 'SQLITE_NOTADB';
  return new SluiceError('bookstore_open', `cannot open the database ${path}: ${errorText(error)}`, {
    hint: isNotDatabase
      ? 'The file is not an SQLite database; name another with --db or DB.'
      : 'The folder must be writable and on a local disk (WAL does not work over a network file system).',
    cause: error,
  });
}

/**
 * Opens, and where needed creates and seeds, the file. Switching a new file to WAL needs it alone for a moment
 * and does not wait by itself, so starters that collide try again until OPEN_DEADLINE_MS.
 */
export async function openDatabase(options: OpenOptions): Promise<OpenedDatabase> {
  const deadline = options.clock.nowMs() + OPEN_DEADLINE_MS;
  for (;;) {
    try {
      if (options.path !== ':memory:') mkdirSync(dirname(options.path), { recursive: true });
      return openOnce(options);
    } catch (error) {
      const isBusy = errorCode(error).startsWith('SQLITE_BUSY');
      if (!isBusy || options.clock.nowMs() > deadline) throw openFailure(options.path, error);
      await delay(options.clock, OPEN_RETRY_MS);
    }
  }
}
