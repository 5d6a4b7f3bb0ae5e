import { GENRES, type Genre } from './book.ts';
import { type Cursor, decodeCursor, formatSort, parseSort, SORT_KEYS, type Sort } from './cursor.ts';
import { badParameters, type FieldError } from './problem.ts';

/** What `GET /books` is asked for. */
export interface ListQuery {
  readonly limit: number;
  readonly sort: Sort;
  readonly cursor: Cursor | undefined;
  readonly text: string | undefined;
  readonly genre: Genre | undefined;
}

export const DEFAULT_LIMIT = 20;
export const MAX_LIMIT = 100;
const MAX_SEARCH_LENGTH = 200;

/**
 * A parameter that is a whole number, in decimal digits; a fault is pushed to `errors`.
 * @returns `fallback` when it is absent or at fault
 */
export function wholeParameter(
  parameters: URLSearchParams,
  name: string,
  bounds: { readonly min: number; readonly max: number; readonly fallback: number },
  errors: FieldError[],
): number {
  const text = parameters.get(name);
  if (text === null) return bounds.fallback;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= bounds.min && value <= bounds.max) return value;
  errors.push({ field: name, message: `must be a whole number from ${bounds.min} to ${bounds.max}` });
  return bounds.fallback;
}

function readCursor(parameters: URLSearchParams, errors: FieldError[]): Cursor | undefined {
  const text = parameters.get('cursor');
  if (text === null) return undefined;
  const cursor = decodeCursor(text);
  if (!cursor)
    errors.push({ field: 'cursor', message: 'must be a nextCursor of an earlier answer, unchanged' });
  return cursor;
}

function readSort(parameters: URLSearchParams, cursor: Cursor | undefined, errors: FieldError[]): Sort {
  const fallback: Sort = cursor?.sort ?? { key: 'id', descending: false };
  const text = parameters.get('sort');
  if (text === null) return fallback;
  const sort = parseSort(text);
  if (!sort) {
    errors.push({
      field: 'sort',
      message: `must be one of ${SORT_KEYS.join(', ')}, or one with a leading '-'`,
    });
    return fallback;
  }
  if (cursor && formatSort(cursor.sort) !== formatSort(sort)) {
    errors.push({ field: 'cursor', message: `belongs to sort=${formatSort(cursor.sort)}` });
  }
  return sort;
}

/** Reads the parameters of the list; unknown ones are ignored. Throws a 400 with all faults at once. */
export function readListQuery(parameters: URLSearchParams): ListQuery {
  const errors: FieldError[] = [];
  const limit = wholeParameter(
    parameters,
    'limit',
    { min: 1, max: MAX_LIMIT, fallback: DEFAULT_LIMIT },
    errors,
  );
  const cursor = readCursor(parameters, errors);
  const sort = readSort(parameters, cursor, errors);
  const text = parameters.get('q')?.trim() || undefined;
  if (text !== undefined && text.length > MAX_SEARCH_LENGTH) {
    errors.push({ field: 'q', message: `must have at most ${MAX_SEARCH_LENGTH} characters` });
  }
  const genreText = parameters.get('genre');
  const genre = GENRES.find((known) => known === genreText);
  if (genreText !== null && genre === undefined) {
    errors.push({ field: 'genre', message: `must be one of ${GENRES.join(', ')}` });
  }
  if (errors.length > 0) throw badParameters(errors);
  return { limit, sort, cursor, text, genre };
}
