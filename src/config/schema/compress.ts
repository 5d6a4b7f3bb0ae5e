import * as z from 'zod';
import { quote } from '../units.ts';
import { noun, oneOf, oneOrMany, size, text, withShortForm } from './basics.ts';

/** What gains by it; not `text/event-stream`, since each event would be flushed for itself: name it to have that. */
const TYPES = [
  'text/html',
  'text/css',
  'text/plain',
  'text/xml',
  'text/csv',
  'text/markdown',
  'text/javascript',
  'application/javascript',
  'application/json',
  'application/ld+json',
  'application/manifest+json',
  'application/problem+json',
  'application/xml',
  'application/atom+xml',
  'application/rss+xml',
  'application/xhtml+xml',
  'application/wasm',
  'image/svg+xml',
] as const;

function typeProblem(value: string): string | undefined {
  return value === '*' || /^[a-z0-9!#$&^_.+-]+\/(?:\*|[a-z0-9!#$&^_.+-]+)$/.test(value)
    ? undefined
    : `${quote(value)} is not a media type in lower case. Write text/html, "text/*" or "*".`;
}

const long = noun({
  types: oneOrMany(text(typeProblem))
    .prefault([...TYPES])
    .describe('Media types that are compressed; `text/*` all of a kind, `*` any.'),
  min_size: size()
    .prefault('1KiB')
    .describe('Smaller answers stay as they are, where their length is known.'),
  algorithms: z
    .array(oneOf(['zstd', 'br', 'gzip']))
    .min(1)
    .prefault(['zstd', 'br', 'gzip'])
    .describe('In the order of preference, of those that the client takes.'),
  skip_set_cookie: z
    .boolean()
    .prefault(false)
    .describe(
      'Answers that set cookies stay as they are. For pages that hold a secret beside what a request said (BREACH).',
    ),
});

export const compress = z.union([withShortForm(long, z.literal(true), () => ({})), z.literal(false)]);
