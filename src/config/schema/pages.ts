import * as z from 'zod';
import { quote } from '../units.ts';
import { blocks, duration, filePath, noun, text, withShortForm } from './basics.ts';

/** A media type, as Content-Type has it. */
export function mediaType() {
  return text((value) =>
    /^[\x20-\x7e]+\/[\x20-\x7e]+$/.test(value)
      ? undefined
      : `${quote(value)} is not a media type like text/html.`,
  );
}

const page = withShortForm(
  noun({
    file: filePath().optional().describe('Its text; read when the configuration is.'),
    body: z.string().optional().describe('Its text, in the place of a file.'),
    content_type: mediaType()
      .optional()
      .describe('Its Content-Type; without it, by the name of the file, else text/html.'),
    intercept: z
      .boolean()
      .prefault(false)
      .describe('In the place of what servers answer with this status, too.'),
  }).superRefine(({ file, body }, context) => {
    if ((file === undefined) === (body === undefined))
      context.addIssue({ code: 'custom', message: 'A page has either a file or a body.' });
  }),
  filePath(),
  (file) => ({ file }),
);

const status = text((value) =>
  /^[45](?:\d\d|xx)$/.test(value)
    ? undefined
    : `${quote(value)} is not a status of an error. Write 404, 4xx or 5xx.`,
);

/** Pages by status. */
export const errorPages = z.record(status, page);

export const maintenance = z.union([
  withShortForm(
    noun({
      page: filePath()
        .optional()
        .describe('A page for browsers; without it, that of `error_pages`, or ours.'),
      retry_after: duration({ min: '1s' }).prefault('5m').describe('When clients should ask again.'),
      allow: blocks().describe('Addresses that pass as if nothing were.'),
    }),
    z.literal(true),
    () => ({}),
  ),
  z.literal(false),
]);
