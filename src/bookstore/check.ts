/** From a zod schema to "every fault at once", in one wording for all bodies that the bookstore takes. */
import { z } from 'zod';
import type { FieldError } from './problem.ts';

/** A body of 256 KiB can hold some ten thousand unknown members; nobody reads so many. */
const MAX_ERRORS = 100;

export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly errors: readonly FieldError[] };

/** `['authors', 1]` as `authors[1]`; the document itself is `(body)`. */
function fieldName(path: readonly PropertyKey[]): string {
  let name = '';
  for (const step of path) {
    if (typeof step === 'number') name += `[${step}]`;
    else name += name === '' ? String(step) : `.${String(step)}`;
  }
  return name === '' ? '(body)' : name;
}

function unknownFields(
  path: readonly PropertyKey[],
  keys: readonly string[],
  readOnly: ReadonlySet<string>,
): FieldError[] {
  return keys.map((key) => ({
    field: fieldName([...path, key]),
    message:
      path.length === 0 && readOnly.has(key) ? 'is set by the server; leave it out' : 'is not a known field',
  }));
}

function fieldErrors(error: z.ZodError, readOnly: ReadonlySet<string>): readonly FieldError[] {
  const errors: FieldError[] = [];
  for (const issue of error.issues) {
    if (issue.code === 'unrecognized_keys') errors.push(...unknownFields(issue.path, issue.keys, readOnly));
    else errors.push({ field: fieldName(issue.path), message: issue.message });
  }
  return errors.slice(0, MAX_ERRORS);
}

const kinds: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  array: 'a list',
  object: 'an object',
};

/** One wording for a missing member and for a wrong type, wherever they occur. */
function wording(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== 'invalid_type') return undefined;
  if (issue.input === undefined) return 'is required';
  return `must be ${kinds[issue.expected] ?? issue.expected}`;
}

/**
 * Checks `input` against `schema`.
 * @param readOnly top-level members that are known but that only the server writes
 */
export function check<T extends z.ZodType>(
  schema: T,
  input: unknown,
  readOnly: ReadonlySet<string> = new Set(),
): Checked<z.output<T>> {
  const result = schema.safeParse(input, { error: wording });
  return result.success
    ? { ok: true, value: result.data }
    : { ok: false, errors: fieldErrors(result.error, readOnly) };
}

/** A message of one's own for a wrong value, and the common one for a missing value. */
export function orRequired(message: string): { error: (issue: { readonly input?: unknown }) => string } {
  return { error: (issue) => (issue.input === undefined ? 'is required' : message) };
}

/** A schema for a whole number between two bounds, both included. */
export function whole(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`;
  return z.int(orRequired(message)).min(min, message).max(max, message);
}
