/**
 * Writes what is made from the schema: config/sluice.schema.json and config/REFERENCE.md. Run it after a change of the
 * schema (`node src/config/generate.ts`); a test fails when the files are stale.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeJsonSchema } from './json-schema.ts';
import { makeReference } from './reference.ts';

/** File name in the folder config/ -> its content. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const schema = makeJsonSchema();
  return new Map([
    ['sluice.schema.json', `${JSON.stringify(schema, null, 1)}\n`],
    ['REFERENCE.md', makeReference(schema)],
  ]);
}

if (import.meta.main) {
  const folder = join(import.meta.dirname, '../../config');
  for (const [name, content] of generatedFiles()) writeFileSync(join(folder, name), content);
}
