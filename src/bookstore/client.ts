/**
 * The bookstore's client: import it, or run it for a checked walk through create, read, update and delete:
 * `node src/bookstore/client.ts --url https://localhost:8443 [--ca FILE]`. Exit 1 at the first mismatch.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { errorText } from '../kernel/errors.ts';
import { fastRandom } from '../kernel/random.ts';
import { BookstoreClient } from './bookstore-client.ts';
import { walk } from './client-walk.ts';

export * from './bookstore-client.ts';

async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { url: { type: 'string' }, ca: { type: 'string' }, help: { type: 'boolean' } },
  });
  if (values.help === true || values.url === undefined) {
    process.stdout.write('Usage: node src/bookstore/client.ts --url https://localhost:8443 [--ca FILE]\n');
    process.exitCode = values.help === true ? 0 : 2;
    return;
  }
  const ca = values.ca === undefined ? undefined : readFileSync(values.ca, 'utf8');
  const client = new BookstoreClient({ baseUrl: values.url, ca });
  try {
    await walk(client, fastRandom(), (line) => process.stdout.write(`${line}\n`));
  } finally {
    await client.close();
  }
}

/** Every error of a chain, and what to do about the commonest. */
function explain(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? ` (${errorText(error.cause)})` : '';
  const text = `${errorText(error)}${cause}`;
  const isTrust = /UNABLE_TO|SELF_SIGNED|self-signed|local issuer/i.test(text);
  return isTrust ? `${text}\nhint: give the certificate authority's file with --ca` : text;
}

if (import.meta.main) {
  main(process.argv.slice(2)).catch((error: unknown) => {
    process.stderr.write(`error: ${explain(error)}\n`);
    process.exitCode = 1;
  });
}
