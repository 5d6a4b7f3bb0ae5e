/** The walk that the client makes as a script: each step is checked, and says which server answered. */
import type { Random } from '../kernel/random.ts';
import type { BookInput } from './book.ts';
import { type BookstoreClient, BookstoreError, type Reply } from './bookstore-client.ts';
import { inventedIsbn } from './isbn.ts';

function expect(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(`mismatch: expected ${what}`);
}

/** The answer must be this problem, so that it counts as a step that went right. */
async function refusal(status: number, attempt: Promise<Reply<unknown>>): Promise<Reply<undefined>> {
  try {
    const reply = await attempt;
    throw new Error(`mismatch: expected ${status}, got ${reply.status}`);
  } catch (error) {
    if (!(error instanceof BookstoreError) || error.status !== status) throw error;
    return { status, etag: undefined, server: error.server, value: undefined };
  }
}

function newBook(random: Random): BookInput {
  return {
    // The seed has the lowest numbers of the invented group; a walk takes its own from the rest.
    isbn: inventedIsbn(1_000_000 + random.below(99_000_000)),
    title: 'The Lock-keeper’s Almanac',
    authors: ['A. Weir', 'B. Penstock'],
    year: 2024,
    price: { cents: 1850, currency: 'EUR' },
    stock: 3,
    genre: 'fiction',
  };
}

/** The tag of a reply that must have one. */
function tagOf(reply: Reply<unknown>): string {
  if (reply.etag === undefined) throw new Error('mismatch: expected an ETag');
  return reply.etag;
}

/**
 * Creates a book, reads, searches, changes, sells and deletes it; throws at the first answer that is not as it
 * should be. Leaves nothing behind when it ends well.
 * @param print one line a step
 * @returns how many steps each server answered
 */
export async function walk(
  client: BookstoreClient,
  random: Random,
  print: (line: string) => void,
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  const step = async <T>(what: string, attempt: Promise<Reply<T>>): Promise<Reply<T>> => {
    const reply = await attempt;
    const server = reply.server ?? '(no X-Server)';
    counts.set(server, (counts.get(server) ?? 0) + 1);
    print(`${what.padEnd(28)} ${reply.status}  ${server}`);
    return reply;
  };
  const input = newBook(random);

  const created = await step('create', client.create(input));
  expect(created.status === 201, '201');
  const { id } = created.value;
  const read = await step('read', client.read(id));
  expect(JSON.stringify(read.value) === JSON.stringify(created.value), 'the book that was created');
  await walkSearch(client, step, input.isbn, id);

  const same = await step('read, unchanged', client.readIfChanged(id, tagOf(read)));
  expect(same.status === 304, '304');
  const updated = await step(
    'update the price',
    client.update(id, { price: { cents: 1600, currency: 'EUR' } }, tagOf(read)),
  );
  expect(updated.value.price.cents === 1600 && updated.value.version === 2, 'version 2 at 1600 cents');
  await step('update a stale version', refusal(412, client.update(id, { stock: 9 }, tagOf(read))));
  const replaced = await step(
    'replace',
    client.replace(id, { ...input, description: 'Second edition' }, tagOf(updated)),
  );
  expect(replaced.value.description === 'Second edition', 'the new description');
  await step('create the ISBN again', refusal(409, client.create(input)));

  const sold = await step('purchase 2 of 3', client.purchase(id, 2));
  expect(sold.value.stock === 1 && sold.value.total.cents === 3700, '1 in stock, 3700 cents to pay');
  await step('purchase 2 of 1', refusal(409, client.purchase(id, 2)));

  const last = await step('read', client.read(id));
  await step('delete', client.delete(id, tagOf(last)));
  await step('read after delete', refusal(404, client.read(id)));
  const spread = [...counts].map(([server, count]) => `${server} x${count}`).join(', ');
  print(`all as expected; answered by ${spread}`);
  return counts;
}

async function walkSearch(
  client: BookstoreClient,
  step: <T>(what: string, attempt: Promise<Reply<T>>) => Promise<Reply<T>>,
  isbn: string,
  id: number,
): Promise<void> {
  const found = await step('search by ISBN', client.search({ q: isbn }));
  expect(
    found.value.items.some((book) => book.id === id),
    'the new book among the results',
  );
  const page = await step('list, first page', client.search({ limit: 2, sort: 'title' }));
  expect(page.value.items.length === 2 && page.value.nextCursor !== null, 'two books and a cursor');
  const next = await step(
    'list, next page',
    client.search({ limit: 2, sort: 'title', cursor: page.value.nextCursor ?? '' }),
  );
  const shown = new Set(page.value.items.map((book) => book.id));
  expect(
    next.value.items.every((book) => !shown.has(book.id)),
    'other books on the next page',
  );
}
