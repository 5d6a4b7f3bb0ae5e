/** The client: its walk, what it makes of answers, and the script over TLS. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttp } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { createServer as createTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { BookstoreClient, BookstoreError } from '../../src/bookstore/bookstore-client.ts';
import { walk } from '../../src/bookstore/client-walk.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { SeededRandom } from '../../src/kernel/random.ts';
import { makeLeaf } from '../../src/tls/forge-certificates.ts';
import { openShop } from '../support/bookstore-shop.ts';
import { authorityFor } from '../support/tls-fixture.ts';

const SCRIPT = fileURLToPath(new URL('../../src/bookstore/client.ts', import.meta.url));

function runScript(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [SCRIPT, ...args], (_error, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stdout, stderr });
    });
  });
}

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

t.test('refusals carry the problem', async (t) => {
  const { shop } = await openShop(t);
  const client = new BookstoreClient({ baseUrl: shop.url });
  await t.rejects(client.read(99_999), {
    name: 'BookstoreError',
    status: 404,
    code: 'not_found',
    server: 'books-t',
  });
  const attempt = client.purchase(1, 0).catch((error: unknown) => error);
  const error = await attempt;
  if (!(error instanceof BookstoreError)) throw new Error('expected a refusal');
  t.match(error, {
    status: 422,
    errors: [{ field: 'quantity' }],
    message: /^POST \/books\/1\/purchase: 422 /,
  });
  const { value } = await client.restock(1, 2, { idempotencyKey: 'r' });
  t.equal((await client.restock(1, 2, { idempotencyKey: 'r' })).value.stock, value.stock);
  await client.close();
});

t.test('an answer of something else is an error too', async (t) => {
  const other = createHttp((_request, response) =>
    response.writeHead(502, { 'content-type': 'text/html' }).end('<p>no'),
  );
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  t.teardown(() => other.close());
  const client = new BookstoreClient({
    baseUrl: `http://127.0.0.1:${(other.address() as AddressInfo).port}`,
  });
  await t.rejects(client.read(1), { status: 502, code: '', server: undefined, message: 'GET /books/1: 502' });
  await client.close();
  const { code, stderr } = await runScript(
    '--url',
    `http://127.0.0.1:${(other.address() as AddressInfo).port}`,
  );
  t.equal(code, 1);
  t.match(stderr, /^error: POST \/books: 502/);
});

t.test('the script, through TLS: needs the authority, and shows who answered', async (t) => {
  const { shop } = await openShop(t);
  const authority = authorityFor();
  const leaf = makeLeaf(authority, ['localhost'], systemClock.wallMs());
  const front = createTls({ cert: leaf.certPem, key: leaf.keyPem }, (socket) => {
    const upstream = connect(shop.port, '127.0.0.1');
    socket.on('error', () => upstream.destroy());
    upstream.on('error', () => socket.destroy());
    socket.pipe(upstream).pipe(socket);
  });
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  t.teardown(() => front.close());
  const url = `https://localhost:${(front.address() as AddressInfo).port}`;
  const dir = t.testdir({ 'ca.crt': authority.certPem });

  const trusted = await runScript('--url', url, '--ca', join(dir, 'ca.crt'));
  t.match(trusted, {
    code: 0,
    stderr: '',
    stdout: /^create +201 {2}books-t\n(?:.*\n)*all as expected; answered by books-t x15\n$/,
  });
  const untrusted = await runScript('--url', url);
  t.match(untrusted, {
    code: 1,
    stdout: '',
    stderr: /hint: give the certificate authority's file with --ca/,
  });
});

t.test('the script without an address', async (t) => {
  t.match(await runScript(), { code: 2, stdout: /^Usage: / });
  t.match(await runScript('--help'), { code: 0, stdout: /^Usage: / });
  t.match(await runScript('--url', 'nonsense'), { code: 1, stderr: /^error: .*Invalid URL/ });
});
