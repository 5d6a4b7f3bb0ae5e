/**
 * What a book is and when it is valid. The schema below is the only definition: types, the 422 answers and
 * the list of genres come from it. Validation reports every fault at once and never changes what it was given;
 * it normalises an ISBN to its thirteen digits and trims the ends of texts.
 */
import { z } from 'zod';
import { type Checked, check, orRequired, whole } from './check.ts';
import { parseIsbn13 } from './isbn.ts';

export const GENRES = [
  'adventure',
  'biography',
  'children',
  'classic',
  'computing',
  'crime',
  'drama',
  'fantasy',
  'fiction',
  'history',
  'horror',
  'philosophy',
  'poetry',
  'romance',
  'science',
  'science-fiction',
] as const;
export type Genre = (typeof GENRES)[number];

/** No book can have more copies than this in stock. */
export const MAX_STOCK = 1_000_000;
/** The most copies that one purchase or restock may move. */
export const MAX_QUANTITY = 10_000;

const READ_ONLY: ReadonlySet<string> = new Set(['id', 'created', 'updated', 'version']);
/** The earliest and, in years from now, the latest year of publication: a book may be announced ahead. */
const MIN_YEAR = -3000;
const YEARS_AHEAD = 2;

const CURRENCIES: ReadonlySet<string> = new Set(Intl.supportedValuesOf('currency'));

const controls = /[\u0000-\u001f\u007f-\u009f]/;
const controlsExceptBreaks = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;

function text(max: number, forbidden: RegExp) {
  return z
    .string()
    .trim()
    .min(1, 'must not be empty')
    .max(max, `must have at most ${max} characters`)
    .refine((value) => !forbidden.test(value), 'must not contain control characters')
    .refine((value) => value.isWellFormed(), 'must be valid Unicode (it has half of a surrogate pair)');
}

const isbn = z.string().transform((value, context) => {
  const digits = parseIsbn13(value);
  if (digits !== undefined) return digits;
  context.addIssue({
    code: 'custom',
    message: 'must be an ISBN-13: 13 digits beginning with 978 or 979, with a right check digit',
  });
  return z.NEVER;
});

/** The upper end of `year` moves with the clock and is checked beside it. */
const bookSchema = z.strictObject({
  isbn,
  title: text(300, controls),
  authors: z
    .array(text(200, controls))
    .min(1, 'must name at least one author')
    .max(20, 'must name at most 20 authors'),
  year: z.int(orRequired('must be a whole number')).min(MIN_YEAR, `must not be before ${MIN_YEAR}`),
  price: z.strictObject({
    cents: whole(0, 100_000_000),
    currency: z.string().refine((code) => CURRENCIES.has(code), 'must be an ISO 4217 code such as USD'),
  }),
  stock: whole(0, MAX_STOCK),
  genre: z.enum(GENRES, orRequired(`must be one of ${GENRES.join(', ')}`)),
  description: text(4000, controlsExceptBreaks).optional(),
});

/** What a client may write. */
export type BookInput = z.output<typeof bookSchema>;

/** What the service answers. `version` counts the changes, from 1; times are ISO 8601 in UTC. */
export interface Book extends BookInput {
  readonly id: number;
  readonly created: string;
  readonly updated: string;
  readonly version: number;
}

/**
 * Checks a whole book.
 * @param wallMs the wall clock, for the latest year
 */
export function checkBook(input: unknown, wallMs: number): Checked<BookInput> {
  const checked = check(bookSchema, input, READ_ONLY);
  const maxYear = new Date(wallMs).getUTCFullYear() + YEARS_AHEAD;
  const year = isObject(input) ? input['year'] : undefined;
  if (!Number.isInteger(year) || Number(year) <= maxYear) return checked;
  const late = { field: 'year', message: `must not be after ${maxYear}` };
  return { ok: false, errors: checked.ok ? [late] : [...checked.errors, late] };
}

const quantitySchema = z.strictObject({ quantity: whole(1, MAX_QUANTITY) });

/** Checks the body of a purchase or a restock: `{"quantity": 1}`. */
export function checkQuantity(input: unknown): Checked<{ quantity: number }> {
  return check(quantitySchema, input);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * JSON Merge Patch (RFC 7396): null removes a member, objects merge, everything else replaces. A book has two
 * levels, so deeper objects replace as they are, which also keeps a hostile depth off the stack.
 */
export function mergePatch(target: unknown, patch: unknown, depth = 2): unknown {
  if (!isObject(patch) || depth === 0) return patch;
  const merged = new Map<string, unknown>(isObject(target) ? Object.entries(target) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, mergePatch(merged.get(key), value, depth - 1));
  }
  return Object.fromEntries(merged);
}

/** The members of a book that a client may write. */
export function writable(book: Book): BookInput {
  const { isbn, title, authors, year, price, stock, genre, description } = book;
  return {
    isbn,
    title,
    authors,
    year,
    price,
    stock,
    genre,
    ...(description === undefined ? {} : { description }),
  };
}
