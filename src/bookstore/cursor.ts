/**
 * Where a page of the list ended. A cursor holds the sort key and the id of the last book that was shown, not
 * a count of rows: books that are inserted or deleted before it neither repeat nor skip a book (keyset paging).
 * It is opaque to clients (base64url), checked when it comes back, and tied to its sort order.
 */
export const SORT_KEYS = ['id', 'title', 'year', 'price'] as const;
export type SortKey = (typeof SORT_KEYS)[number];

export interface Sort {
  readonly key: SortKey;
  readonly descending: boolean;
}

export interface Cursor {
  readonly sort: Sort;
  /** The value of the sort key: a text for `title`, a whole number for all others. */
  readonly after: string | number;
  readonly id: number;
}

/** Reads `title`, or `-title` for the reverse order. */
export function parseSort(text: string): Sort | undefined {
  const descending = text.startsWith('-');
  const name = descending ? text.slice(1) : text;
  const key = SORT_KEYS.find((known) => known === name);
  return key === undefined ? undefined : { key, descending };
}

export function formatSort(sort: Sort): string {
  return sort.descending ? `-${sort.key}` : sort.key;
}

export function encodeCursor(cursor: Cursor): string {
  return Buffer.from(JSON.stringify([formatSort(cursor.sort), cursor.after, cursor.id])).toString(
    'base64url',
  );
}

/** Undefined for anything that `encodeCursor` cannot have made. */
export function decodeCursor(text: string): Cursor | undefined {
  if (text.length > 2048 || !/^[A-Za-z0-9_-]+$/.test(text)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return undefined;
  }
  if (!Array.isArray(value) || value.length !== 3) return undefined;
  const [name, after, id]: readonly unknown[] = value;
  const sort = typeof name === 'string' ? parseSort(name) : undefined;
  if (!sort || typeof id !== 'number' || !Number.isSafeInteger(id)) return undefined;
  if (sort.key === 'title') return typeof after === 'string' ? { sort, after, id } : undefined;
  return typeof after === 'number' && Number.isSafeInteger(after) ? { sort, after, id } : undefined;
}
