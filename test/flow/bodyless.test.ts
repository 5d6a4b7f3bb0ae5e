/** Answers without a body whatever their fields say (RFC 9112 section 6.3), and what comes after them on the same connections. */
import t from 'tap';
import { fieldOf, get, ok } from '../support/peer.ts';
import { overWires } from '../support/wires.ts';

const test = overWires(t);

interface Row {
  readonly name: string;
  readonly method: string;
  readonly answer: string;
  readonly status: number;
  readonly contentLength: string | undefined;
}

const rows: readonly Row[] = [
  {
    name: 'HEAD with a length',
    method: 'HEAD',
    answer: 'HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n',
    status: 200,
    contentLength: '1234',
  },
  {
    name: 'HEAD chunked',
    method: 'HEAD',
    answer: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    status: 200,
    contentLength: undefined,
  },
  {
    name: 'HEAD without framing',
    method: 'HEAD',
    answer: 'HTTP/1.1 404 Not Found\r\nX: y\r\n\r\n',
    status: 404,
    contentLength: undefined,
  },
  {
    name: '204',
    method: 'GET',
    answer: 'HTTP/1.1 204 No Content\r\n\r\n',
    status: 204,
    contentLength: undefined,
  },
  {
    name: '304 with the length of what was not sent',
    method: 'GET',
    answer: 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 77\r\n\r\n',
    status: 304,
    contentLength: '77',
  },
  {
    name: '304 chunked',
    method: 'GET',
    answer: 'HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n',
    status: 304,
    contentLength: undefined,
  },
  {
    name: 'an empty body',
    method: 'GET',
    answer: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    status: 200,
    contentLength: '0',
  },
  // The last: a length that must not be there ends the connection (server-not-reused.test.ts).
  {
    name: '204 with a length',
    method: 'GET',
    answer: 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n',
    status: 204,
    contentLength: undefined,
  },
];

test('bodyless answers (B9)', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  client.write(get('/first'));
  const server = await proxied.server.accept();
  await server.request();
  server.write(ok());
  await client.answer();
  for (const { name, method, answer, status, contentLength } of rows) {
    client.write(get('/').replace('GET', method));
    t.equal((await server.request()).start, `${method} / HTTP/1.1`, name);
    server.write(answer);
    const got = await client.answer(method);
    t.equal(got.status, status, name);
    t.equal(fieldOf(got, 'content-length'), contentLength, name);
    t.equal(fieldOf(got, 'transfer-encoding'), undefined, name);
    t.equal(client.unread, '', name);
  }
  t.equal(proxied.server.connections, 1, 'all on one connection');
});

test('a server that sends a body to HEAD poisons nobody', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  client.write(get('/').replace('GET', 'HEAD'));
  const server = await proxied.server.accept();
  await server.request();
  server.write(ok('body'));
  t.equal((await client.answer('HEAD')).status, 200);
  await server.ended();
  client.write(get('/next'));
  const next = await proxied.server.accept();
  await next.request();
  next.write(ok('next'));
  t.equal((await client.answer()).body, 'next');
});
