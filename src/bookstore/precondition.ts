/**
 * Entity tags and conditional requests (RFC 9110 sections 8.8.3 and 13). A book's tag is strong and names one
 * version of one book; ids are never used twice, so a tag is never true of another book.
 */
import { Problem } from './problem.ts';

interface Tagged {
  readonly id: number;
  readonly version: number;
}

export function entityTag(book: Tagged): string {
  return `"${book.id}-${book.version}"`;
}

/** The tags of an If-Match or If-None-Match field: `*`, or a list; undefined when the field is malformed. */
export function parseTagList(field: string): '*' | readonly string[] | undefined {
  const text = field.trim();
  if (text === '*') return '*';
  // etagc = %x21 / %x23-7E / obs-text; a comma may stand inside the quotes.
  const list = /^(?:[ \t]*(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"[ \t]*(?:,|$)|[ \t]*,)+$/;
  if (!list.test(text)) return undefined;
  return text.match(/(?:W\/)?"[^"]*"/g) ?? [];
}

/**
 * Holds a write to its If-Match: 412 when the book has another version (strong comparison: a weak tag never
 * matches), 400 when the field is malformed. Without the field, 428 when `required` (RFC 6585 section 3).
 */
export function requireMatch(field: string | undefined, book: Tagged, required: boolean): void {
  const tag = entityTag(book);
  if (field === undefined) {
    if (!required) return;
    throw new Problem(
      428,
      'precondition_required',
      'Send If-Match with the ETag of the version that you read, or If-Match: * to write whatever is there',
      { headers: { etag: tag } },
    );
  }
  const tags = parseTagList(field);
  if (tags === undefined) {
    throw new Problem(400, 'bad_request', 'If-Match must be * or a list of entity tags in double quotes');
  }
  if (tags === '*' || tags.includes(tag)) return;
  throw new Problem(412, 'precondition_failed', 'The book was changed since you read it; read it again', {
    headers: { etag: tag },
    members: { version: book.version },
  });
}

/** True when a GET may be answered 304: weak comparison; a malformed field counts as absent. */
export function isNotModified(field: string | undefined, tag: string): boolean {
  if (field === undefined) return false;
  const tags = parseTagList(field);
  if (tags === undefined) return false;
  return tags === '*' || tags.some((known) => (known.startsWith('W/') ? known.slice(2) : known) === tag);
}
