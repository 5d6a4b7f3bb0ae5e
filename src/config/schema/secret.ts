import * as z from 'zod';
import { quote } from '../units.ts';
import { filePath, isMapping, noun, text } from './basics.ts';

const secretSource = noun({
  file: filePath()
    .optional()
    .describe('A file whose content is the secret; white space around it is cut off.'),
  env: text((value) =>
    /^[A-Za-z_][A-Za-z0-9_]*$/.test(value) ? undefined : `${quote(value)} is not the name of a variable.`,
  )
    .optional()
    .describe('The environment variable that holds the secret.'),
}).refine((source) => (source.file === undefined) !== (source.env === undefined), {
  message: 'Write either { file: … } or { env: … }.',
  when: isMapping,
});

/** A secret in place, out of a file or out of the environment; never printed. @param check of one in place */
export function secret(check: (value: string) => string | undefined = () => undefined) {
  return z.union([
    text((value) => (value === '' ? 'The secret is empty.' : check(value))).describe(
      'The secret itself; a reference to a variable keeps it out of the file.',
    ),
    secretSource,
  ]);
}

export type SecretInput = z.output<ReturnType<typeof secret>>;
