/** The books over HTTP: every status, paging, stock. */
import { Readable } from 'node:stream';
import t from 'tap';
import { inventedIsbn } from '../../src/bookstore/isbn.ts';
import { type Ask, book, openShop } from '../support/bookstore-shop.ts';

t.test('create, read, replace, change, delete', async (t) => {
  const { send } = await openShop(t);
  const made = await send('POST', '/books', { body: book() });
  t.equal(made.status, 201);
  const path = made.headers['location'] ?? '';
  t.match(path, /^\/books\/\d+$/);
  t.equal(made.headers['etag'], `"${made.json['id']}-1"`);

  const read = await send('GET', path);
  t.equal(read.status, 200);
  t.strictSame(read.json, made.json);
  const etag = read.headers['etag'] ?? '';
  const same = await send('GET', path, { headers: { 'if-none-match': `"x", ${etag}` } });
  t.strictSame([same.status, same.text, same.headers['etag']], [304, '', etag]);

  const head = await send('HEAD', path);
  t.strictSame([head.status, head.text], [200, '']);
  t.equal(head.headers['content-length'], String(Buffer.byteLength(read.text)));

  const put = await send('PUT', path, {
    body: { ...book(), title: 'Second' },
    headers: { 'if-match': etag },
  });
  t.match(put, { status: 200, json: { title: 'Second', version: 2 } });
  const patched = await send('PATCH', path, {
    body: { price: { cents: 1 }, description: 'd' },
    headers: { 'if-match': put.headers['etag'] ?? '', 'content-type': 'application/merge-patch+json' },
  });
  t.match(patched, {
    status: 200,
    json: { version: 3, description: 'd', price: { cents: 1, currency: 'EUR' } },
  });

  t.equal((await send('DELETE', path, { headers: { 'if-match': etag } })).status, 412);
  t.equal((await send('DELETE', path, { headers: { 'if-match': '"x", "y"' } })).status, 412);
  const deleted = await send('DELETE', path, { headers: { 'if-match': patched.headers['etag'] ?? '' } });
  t.strictSame([deleted.status, deleted.text], [204, '']);
  for (const method of ['GET', 'HEAD', 'DELETE']) t.equal((await send(method, path)).status, 404);
  t.equal((await send('PUT', path, { body: book(), headers: { 'if-match': '*' } })).status, 404);
});

const refusals: readonly (readonly [
  status: number,
  code: string,
  method: string,
  path: string,
  ask?: Ask,
])[] = [
  [400, 'malformed_json', 'POST', '/books', { raw: '{"isbn":' }],
  [400, 'malformed_json', 'POST', '/books', { raw: '' }],
  [400, 'malformed_json', 'POST', '/books', { raw: Buffer.from([0x22, 0xff, 0x22]) }],
  [400, 'bad_request', 'GET', '/books?limit=0'],
  [400, 'bad_request', 'GET', '/books?cursor=nonsense'],
  [400, 'bad_request', 'GET', '/slow?ms=10001'],
  [400, 'bad_request', 'GET', '/big?bytes=2147483649'],
  [400, 'bad_request', 'PUT', '/books/1', { body: book(), headers: { 'if-match': 'untagged' } }],
  [400, 'bad_request', 'POST', '/books', { body: book(), headers: { 'idempotency-key': 'a b' } }],
  [404, 'not_found', 'GET', '/nothing'],
  [404, 'not_found', 'GET', '/books/0'],
  [404, 'not_found', 'GET', '/books/99999'],
  [404, 'not_found', 'GET', '/faults'],
  [404, 'not_found', 'POST', '/books/99999/purchase', { body: { quantity: 1 } }],
  [404, 'not_found', 'DELETE', '/books/99999', { headers: { 'if-match': '"99999-1"' } }],
  [405, 'method_not_allowed', 'DELETE', '/books'],
  [405, 'method_not_allowed', 'POST', '/books/1', { body: book() }],
  [405, 'method_not_allowed', 'GET', '/books/1/purchase'],
  [405, 'method_not_allowed', 'POST', '/healthz'],
  [406, 'not_acceptable', 'GET', '/books', { headers: { accept: 'text/html' } }],
  [409, 'duplicate_isbn', 'POST', '/books', { body: { ...book(), isbn: inventedIsbn(1) } }],
  [
    409,
    'duplicate_isbn',
    'PATCH',
    '/books/2',
    { body: { isbn: inventedIsbn(1) }, headers: { 'if-match': '*' } },
  ],
  [409, 'insufficient_stock', 'POST', '/books/1/purchase', { body: { quantity: 10_000 } }],
  [412, 'precondition_failed', 'PUT', '/books/1', { body: book(), headers: { 'if-match': '"1-9"' } }],
  [412, 'precondition_failed', 'PATCH', '/books/1', { body: {}, headers: { 'if-match': 'W/"1-1"' } }],
  [413, 'too_large', 'POST', '/books', { raw: ' '.repeat(256 * 1024 + 1) }],
  [413, 'too_large', 'POST', '/books', { raw: Readable.from(Array(5).fill(Buffer.alloc(64 * 1024, 32))) }],
  [415, 'unsupported_media_type', 'POST', '/books', { raw: '{}', headers: { 'content-type': 'text/plain' } }],
  [
    415,
    'unsupported_media_type',
    'POST',
    '/books',
    { raw: '{}', headers: { 'content-type': 'application/json; charset=latin1' } },
  ],
  [415, 'unsupported_media_type', 'POST', '/books', { raw: '{}', headers: { 'content-encoding': 'gzip' } }],
  [
    415,
    'unsupported_media_type',
    'PUT',
    '/books/1',
    { raw: '{}', headers: { 'content-type': 'application/merge-patch+json' } },
  ],
  [422, 'invalid', 'POST', '/books', { body: { ...book(), extra: 1, stock: -1 } }],
  [422, 'invalid', 'PUT', '/books/1', { body: { title: 'only' }, headers: { 'if-match': '*' } }],
  [422, 'invalid', 'PATCH', '/books/1', { body: { title: null }, headers: { 'if-match': '*' } }],
  [422, 'invalid', 'POST', '/books/1/purchase', { body: { quantity: 0 } }],
  [422, 'invalid', 'POST', '/books/1/restock', { body: [] }],
  [428, 'precondition_required', 'PUT', '/books/1', { body: book() }],
  [428, 'precondition_required', 'PATCH', '/books/1', { body: { stock: 1 } }],
];

t.test('every refusal is a problem document, and changes nothing', async (t) => {
  const { send } = await openShop(t);
  const before = await send('GET', '/books?limit=100');
  for (const [status, code, method, path, ask] of refusals) {
    const got = await send(method, path, ask);
    const what = `${method} ${path} ${status} ${code}`;
    t.match(got.json, { status, code, title: String, detail: String }, what);
    t.equal(got.status, status, what);
    t.equal(got.headers['content-type'], 'application/problem+json', what);
  }
  t.equal((await send('GET', '/books?limit=100')).text, before.text);
});

t.test('what goes with a refusal', async (t) => {
  const { send } = await openShop(t);
  const invalid = await send('POST', '/books', { body: { ...book(), isbn: 'x', year: 'y', extra: 1 } });
  const errors = invalid.json['errors'] as { field: string; message: string }[];
  t.strictSame(errors.map((error) => error.field).sort(), ['extra', 'isbn', 'year']);
  t.equal((await send('DELETE', '/books')).headers['allow'], 'GET, POST, HEAD, OPTIONS');
  t.equal((await send('PUT', '/books/1', { body: book() })).headers['etag'], '"1-1"');
  const patch = await send('PATCH', '/books/1', { raw: 'x', headers: { 'content-type': 'text/plain' } });
  t.equal(patch.headers['accept-patch'], 'application/merge-patch+json, application/json');
  const duplicate = await send('POST', '/books', { body: { ...book(), isbn: inventedIsbn(1) } });
  t.equal(duplicate.json['existing'], '/books/1');
  const sold = await send('POST', '/books/1/purchase', { body: { quantity: 10_000 } });
  t.type(sold.json['stock'], 'number');
});

t.test('OPTIONS', async (t) => {
  const { send } = await openShop(t);
  const one = await send('OPTIONS', '/books/1');
  t.match(one, { status: 204, headers: { allow: 'GET, PUT, PATCH, DELETE, HEAD, OPTIONS' } });
  t.ok(one.headers['accept-patch']);
});

t.test('the list: pages by link and by cursor, search, genre', async (t) => {
  const { send } = await openShop(t);
  const first = await send('GET', '/books?limit=100&sort=-year');
  const link = /^<(\/books\?[^>]+)>; rel="next"$/.exec(first.headers['link'] ?? '')?.[1] ?? '';
  const second = await send('GET', link);
  const third = await send('GET', `/books?limit=100&cursor=${second.json['nextCursor']}`);
  t.equal(third.json['nextCursor'], null);
  t.equal(third.headers['link'], undefined);
  const items = [first, second, third].flatMap(
    (page) => page.json['items'] as { id: number; year: number }[],
  );
  t.ok(items.length >= 200);
  t.equal(new Set(items.map((item) => item.id)).size, items.length);
  t.ok(
    items.every((item, at) => item.year <= (items[at - 1]?.year ?? 9999)),
    'from the newest to the oldest',
  );

  const titles = async (query: string) =>
    ((await send('GET', `/books?${query}`)).json['items'] as { title: string }[]).map((item) => item.title);
  t.strictSame(await titles('q=moby'), ['Moby-Dick']);
  t.strictSame(await titles('q=austen&genre=romance'), ['Persuasion']);
  t.strictSame(await titles('q=%22%20OR%201'), []);
});

t.test('purchase, restock, and the same request again', async (t) => {
  const { send } = await openShop(t);
  const headers = { 'idempotency-key': 'order-1' };
  const made = await send('POST', '/books', { body: book(), headers: { 'idempotency-key': 'book-1' } });
  const again = await send('POST', '/books', { body: book(), headers: { 'idempotency-key': 'book-1' } });
  t.strictSame(
    [again.status, again.text, again.headers['location']],
    [201, made.text, made.headers['location']],
  );
  t.equal(again.headers['idempotency-replayed'], 'true');

  const path = made.headers['location'] ?? '';
  const first = await send('POST', `${path}/purchase`, { body: { quantity: 5 }, headers });
  t.match(first.json, { quantity: 5, stock: 15, total: { cents: 6250, currency: 'EUR' } });
  const repeat = await send('POST', `${path}/purchase`, { body: { quantity: 5 }, headers });
  t.equal(repeat.text, first.text);
  const other = await send('POST', `${path}/purchase`, { body: { quantity: 6 }, headers });
  t.match(other, { status: 422, json: { code: 'idempotency_key_reused' } });
  const restocked = await send('POST', `${path}/restock`, { body: { quantity: 1 } });
  t.match(restocked, { status: 200, json: { stock: 16 } });
  t.match(await send('GET', path), { json: { stock: 16, version: 3 } });
});

t.test('50 buyers of 20 copies', async (t) => {
  const { send } = await openShop(t);
  const made = await send('POST', '/books', { body: book() });
  const path = `${made.headers['location']}/purchase`;
  const got = await Promise.all(
    Array.from({ length: 50 }, () => send('POST', path, { body: { quantity: 1 } })),
  );
  t.equal(got.filter((one) => one.status === 200).length, 20);
  t.equal(got.filter((one) => one.status === 409).length, 30);
});
