/** Interim answers: 103 passes, 100 only to who expects it, the others stop here; all of them bounded. */
import t from 'tap';
import { fieldOf, get, ok } from '../support/peer.ts';
import { overWires } from '../support/wires.ts';

const test = overWires(t);

test('103 passes with its fields, without hop-by-hop ones (B8)', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  client.write(get('/'));
  const server = await proxied.server.accept();
  await server.request();
  server.write(
    'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n\r\n',
  );
  await client.sees('Early Hints');
  server.write('HTTP/1.1 103 Early Hints\r\nLink: </b.css>; rel=preload\r\n\r\n');
  server.write(ok());
  const answer = await client.answer();
  t.same(
    answer.interim.map((it) => it.fields),
    [[['link', '</a.css>; rel=preload']], [['link', '</b.css>; rel=preload']]],
  );
  t.equal(answer.status, 200);
});

test('100 without Expect and other 1xx stop here', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  client.write(get('/'));
  const server = await proxied.server.accept();
  await server.request();
  server.write(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 199 Odd\r\n\r\n${ok()}`);
  t.same((await client.answer()).interim, []);
});

test('an HTTP/1.0 client never gets any (B8)', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  client.write('GET / HTTP/1.0\r\nHost: t.example\r\n\r\n');
  const server = await proxied.server.accept();
  await server.request();
  server.write(`HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n${ok()}`);
  t.same((await client.answer()).interim, []);
});

test('a server that never stops is a bad one', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  client.write(get('/'));
  const server = await proxied.server.accept();
  await server.request();
  server.write('HTTP/1.1 102 Processing\r\n\r\n'.repeat(40));
  const answer = await client.answer();
  t.equal(answer.status, 502);
  t.equal(JSON.parse(answer.body).code, 'bad_upstream');
  await server.ended();
});

test('101 out of the blue is a bad answer', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  client.write(get('/'));
  const server = await proxied.server.accept();
  await server.request();
  server.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n');
  const answer = await client.answer();
  t.equal(answer.status, 502);
  t.equal(fieldOf(answer, 'upgrade'), undefined);
});
