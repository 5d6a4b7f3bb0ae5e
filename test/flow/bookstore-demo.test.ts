/** What the bookstore has besides books: health, metrics, streams, faults; and its manners on the wire. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import t from 'tap';
import { request } from 'undici';
import { Bookstore } from '../../src/bookstore/bookstore.ts';
import { bigBlock } from '../../src/bookstore/demo-routes.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { book, openShop } from '../support/bookstore-shop.ts';

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
