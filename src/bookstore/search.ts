/**
 * From what a person types to what SQLite searches. All terms must occur; the beginning of a word is enough
 * with FTS5, any part of one with LIKE. Nothing that is typed is ever read as an operator or a wildcard.
 */

/** More terms than this are ignored: each costs a scan, and nobody remembers nine words of a title. */
const MAX_TERMS = 8;

/** An FTS5 expression of quoted prefixes; undefined when the text has no letter and no digit. */
export function ftsExpression(text: string): string | undefined {
  const terms = text.normalize('NFC').match(/[\p{L}\p{N}\p{M}]+/gu);
  if (!terms) return undefined;
  return terms
    .slice(0, MAX_TERMS)
    .map((term) => `"${term}"*`)
    .join(' ');
}

/** LIKE patterns for `… LIKE ? ESCAPE '\'`, one a term. */
export function likePatterns(text: string): readonly string[] {
  const terms = text
    .normalize('NFC')
    .split(/\s+/)
    .filter((term) => term !== '');
  return terms.slice(0, MAX_TERMS).map((term) => `%${term.replace(/[\\%_]/g, '\\$&')}%`);
}
