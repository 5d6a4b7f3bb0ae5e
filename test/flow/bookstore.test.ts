import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import t, { type Test } from 'tap';
import { Agent, request } from 'undici';
import { Bookstore, type BookstoreOptions } from '../../src/bookstore/bookstore.ts';
import { BookstoreClient } from '../../src/bookstore/bookstore-client.ts';
import { walk } from '../../src/bookstore/client-walk.ts';
import { bigBlock } from '../../src/bookstore/demo-routes.ts';
import { inventedIsbn } from '../../src/bookstore/isbn.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { SeededRandom } from '../../src/kernel/random.ts';

const book = () => ({
  isbn: inventedIsbn(50_000_000),
  title: 'A Test',
  authors: ['T. Ester'],
  year: 2020,
  price: { cents: 1250, currency: 'EUR' },
  stock: 20,
  genre: 'computing',
});

interface Got {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly text: string;
  readonly json: { readonly [name: string]: unknown };
}

interface Ask {
  readonly body?: unknown;
  readonly raw?: string | Buffer | Readable;
  readonly headers?: Readonly<Record<string, string>>;
}

type Send = (method: string, path: string, ask?: Ask) => Promise<Got>;

/** A started shop with a way to ask it; both end with the test. */
async function openShop(
  t: Test,
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

t.test('index, health and metrics', async (t) => {
  const { send } = await openShop(t);
  t.match(await send('GET', '/'), { status: 200, json: { server: 'books-t', links: { books: String } } });
  t.match(await send('GET', '/healthz', { headers: { accept: 'text/plain' } }), {
    status: 200,
    json: { status: 'ok' },
  });
  await send('GET', '/books/1');
  await send('GET', '/nothing');
  const metrics = await send('GET', '/metrics');
  t.match(metrics.headers['content-type'], /^text\/plain/);
  for (const line of [
    /^bookstore_requests_total\{method="GET",route="\/books\/\{id\}",status="200"\} 1$/m,
    /^bookstore_requests_total\{method="GET",route="none",status="404"\} 1$/m,
    /^bookstore_request_duration_seconds_count\{route="\/books\/\{id\}"\} 1$/m,
    /^bookstore_requests_in_flight 1$/m,
    /^process_cpu_seconds_total [\d.]+$/m,
    /^process_resident_memory_bytes \d{7,}$/m,
  ]) {
    t.match(metrics.text, line);
  }
});

t.test('slow and big', async (t) => {
  const { shop, send } = await openShop(t);
  t.strictSame((await send('GET', '/slow?ms=5')).json, { sleptMs: 5 });
  const block = bigBlock();
  const wanted = createHash('sha256').update(block).update(block).update(block.subarray(0, 7)).digest('hex');
  const bytes = block.length * 2 + 7;
  for (const chunked of [0, 1]) {
    const answer = await request(`${shop.url}/big?bytes=${bytes}&chunked=${chunked}`);
    const body = Buffer.from(await answer.body.arrayBuffer());
    t.equal(createHash('sha256').update(body).digest('hex'), wanted);
    t.equal(answer.headers['content-length'], chunked === 1 ? undefined : String(bytes));
  }
  const head = await send('HEAD', `/big?bytes=${bytes}`);
  t.strictSame([head.status, head.text, head.headers['content-length']], [200, '', String(bytes)]);
  t.equal((await send('GET', '/big?bytes=0')).text, '');
});

t.test('echo sends back what comes', async (t) => {
  const { send } = await openShop(t);
  const raw = Buffer.alloc(700_000, 'abcdefg');
  const got = await send('POST', '/echo', { raw, headers: { 'content-type': 'text/plain' } });
  t.equal(got.text, raw.toString());
  t.match(got.headers, { 'content-type': 'text/plain', 'content-length': '700000' });
  const chunked = await send('POST', '/echo', {
    raw: Readable.from([Buffer.from('one '), Buffer.from('two')]),
    headers: { 'content-type': 'text/plain' },
  });
  t.equal(chunked.text, 'one two');
  t.equal((await send('POST', '/echo')).text, '');
});

t.test('faults are there only on request', async (t) => {
  const { send } = await openShop(t, { withFaults: true });
  t.strictSame((await send('POST', '/faults', { body: { fail: 2 } })).json, {
    fail: 2,
    slowMs: 0,
    unhealthy: false,
  });
  t.equal((await send('GET', '/healthz')).status, 200);
  t.match(await send('GET', '/books/1'), { status: 500, json: { code: 'fault' } });
  t.equal((await send('POST', '/books', { body: book() })).status, 500);
  t.equal((await send('GET', '/books/1')).status, 200);
  await send('POST', '/faults', { body: { unhealthy: true, slowMs: 1 } });
  t.match(await send('GET', '/healthz'), { status: 503, json: { status: 'unhealthy' } });
  t.equal((await send('GET', '/books/1')).status, 200);
  t.equal((await send('DELETE', '/faults')).status, 204);
  t.equal((await send('GET', '/healthz')).status, 200);
  t.match(await send('POST', '/faults', { body: { fail: -1, x: 1 } }), { status: 422 });
});

/** Sends bytes as they are, and reads until the server closes. */
async function exchange(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(bytes);
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1');
  });
  await once(socket, 'close');
  return answer;
}

t.test('on the wire', async (t) => {
  const { shop } = await openShop(t);
  const close = 'Host: x\r\nConnection: close\r\n';
  t.match(
    await exchange(shop.port, 'NONSENSE\r\n\r\n'),
    /^HTTP\/1\.1 400 Bad Request\r\nX-Server: books-t\r\n/,
  );
  const huge = `GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`;
  t.match(await exchange(shop.port, huge), /^HTTP\/1\.1 431 /);
  t.match(
    await exchange(shop.port, `GET http://shop.test/books/1 HTTP/1.1\r\n${close}\r\n`),
    /^HTTP\/1\.1 200 /,
  );
  t.match(await exchange(shop.port, `OPTIONS * HTTP/1.1\r\n${close}\r\n`), /^HTTP\/1\.1 204 /);
  t.match(
    await exchange(shop.port, `GET /books/1 HTTP/1.1\r\n${close}Expect: tea\r\n\r\n`),
    /^HTTP\/1\.1 417 /,
  );

  const post = `POST /books/1/restock HTTP/1.1\r\n${close}Expect: 100-continue\r\nContent-Length: 14\r\n`;
  const accepted = await exchange(shop.port, `${post}Content-Type: application/json\r\n\r\n{"quantity":1}`);
  t.match(accepted, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
  const keptAlive = post.replace('Connection: close\r\n', '');
  const refused = await exchange(shop.port, `${keptAlive}Content-Type: text/plain\r\n\r\n`);
  t.match(refused, /^HTTP\/1\.1 415 /, 'refused before the body is asked for, and closed');
});

t.test('the walk of the client', async (t) => {
  const { shop } = await openShop(t);
  const client = new BookstoreClient({ baseUrl: `${shop.url}/` });
  const lines: string[] = [];
  const seed = 20261121;
  const counts = await walk(client, new SeededRandom(seed), (line) => lines.push(line));
  await client.close();
  t.strictSame([...counts.keys()], ['books-t']);
  t.match(
    lines.find((line) => line.startsWith('create ')),
    /201 {2}books-t$/,
  );
  t.match(lines.at(-1), /^all as expected/);
});

t.test('a server without a name uses its address', async (t) => {
  const { shop, send } = await openShop(t, { name: undefined });
  t.equal(shop.label, `127.0.0.1:${shop.port}`);
  await send('GET', '/');
});

t.test('start and stop, in any order and number', async (t) => {
  const options = { host: '127.0.0.1', port: 0, dbPath: ':memory:', clock: systemClock };
  const never = new Bookstore(options);
  await never.stop();
  await t.rejects(never.start(), /stopped/);
  const shop = new Bookstore(options);
  await Promise.all([shop.start(), shop.start()]);
  const taken = new Bookstore({ ...options, port: shop.port });
  await t.rejects(taken.start(), { code: 'bookstore_listen', message: /port is taken/, hint: String });
  await taken.stop();
  await Promise.all([shop.stop(), shop.stop()]);
});
