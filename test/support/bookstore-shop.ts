/** A bookstore in the test's own process, and a way to ask it. */
import type { Readable } from 'node:stream';
import { Agent, request } from 'undici';
import { Bookstore, type BookstoreOptions } from '../../src/bookstore/bookstore.ts';
import { inventedIsbn } from '../../src/bookstore/isbn.ts';
import { systemClock } from '../../src/kernel/clock.ts';

/** A valid book that the seed does not have. */
export const book = () => ({
  isbn: inventedIsbn(50_000_000),
  title: 'A Test',
  authors: ['T. Ester'],
  year: 2020,
  price: { cents: 1250, currency: 'EUR' },
  stock: 20,
  genre: 'computing',
});

export interface Got {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly text: string;
  readonly json: { readonly [name: string]: unknown };
}

export interface Ask {
  readonly body?: unknown;
  readonly raw?: string | Buffer | Readable;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Send = (method: string, path: string, ask?: Ask) => Promise<Got>;

/** What is used of tap's `t`. */
interface Checks {
  equal(found: unknown, wanted: unknown, message: string): boolean;
  fail(message: string, extra: { readonly error: unknown }): boolean;
  teardown(end: () => Promise<void>): void;
}

/** A started shop with a way to ask it; both end with the test. */
export async function openShop(
  t: Checks,
  options: Partial<BookstoreOptions> = {},
): Promise<{ shop: Bookstore; send: Send }> {
  const shop = new Bookstore({
    host: '127.0.0.1',
    port: 0,
    dbPath: ':memory:',
    name: 'books-t',
    clock: systemClock,
    onError: (error) => t.fail('the server reported an error', { error }),
    ...options,
  });
  await shop.start();
  const dispatcher = new Agent();
  t.teardown(async () => {
    await dispatcher.close();
    await shop.stop();
  });
  const send: Send = async (method, path, { body, raw, headers = {} } = {}) => {
    const content = raw ?? (body === undefined ? null : JSON.stringify(body));
    const answer = await request(`${shop.url}${path}`, {
      method: method as 'GET',
      dispatcher,
      body: content,
      headers: { ...(content === null ? {} : { 'content-type': 'application/json' }), ...headers },
    });
    const text = await answer.body.text();
    const isJson = /json/.test(String(answer.headers['content-type'])) && text !== '';
    t.equal(answer.headers['x-server'], shop.label, `X-Server of ${method} ${path}`);
    return {
      status: answer.statusCode,
      headers: answer.headers as Record<string, string | undefined>,
      text,
      json: isJson ? JSON.parse(text) : {},
    };
  };
  return { shop, send };
}
