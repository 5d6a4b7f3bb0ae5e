/** Expect: 100-continue: the server decides whether the body is wanted, and its word reaches the client as it comes. */
import t from 'tap';
import { fieldOf, get, ok } from '../support/peer.ts';
import { overWires } from '../support/wires.ts';

const test = overWires(t);

const HEAD = 'POST /up HTTP/1.1\r\nHost: t.example\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\n';

test('the 100 of the server is passed on, then the body flows (B11)', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  client.write(HEAD);
  const server = await proxied.server.accept();
  t.equal(fieldOf(await server.requestHead(), 'expect'), '100-continue');
  t.equal(client.unread, '', 'nobody but the server says so');
  server.write('HTTP/1.1 100 Continue\r\n\r\n');
  await client.sees('100 Continue\r\n\r\n');
  client.write('hello');
  await server.sees('hello');
  server.write(ok('got it'));
  const answer = await client.answer();
  t.equal(answer.body, 'got it');
  t.equal(answer.interim.length, 1);
  client.write(get('/next'));
  await server.sees('GET /next');
  server.write(ok());
  t.equal((await client.answer()).status, 200, 'both connections go on');
});

for (const [status, phrase] of [
  [417, 'Expectation Failed'],
  [413, 'Content Too Large'],
  [401, 'Unauthorized'],
] as const) {
  test(`a ${status} instead of the 100 (B11)`, async (t, wire) => {
    await using proxied = await wire.start();
    const client = await proxied.client();
    client.write(HEAD);
    const server = await proxied.server.accept();
    await server.requestHead();
    server.write(`HTTP/1.1 ${status} ${phrase}\r\nContent-Length: 2\r\n\r\nno`);
    const answer = await client.answer();
    t.equal(answer.status, status);
    t.equal(answer.body, 'no');
    t.equal(fieldOf(answer, 'connection'), 'close', 'whether a body follows is unknown: no request after it');
    await client.ended();
    await server.ended();
  });
}

test('an expectation that nobody knows is refused here', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  client.write(HEAD.replace('100-Continue', '200-maybe'));
  t.equal((await client.answer()).status, 417);
  t.equal(proxied.server.connections, 0);
});

test('a body above the limit is refused before it is sent (B11)', async (t, wire) => {
  await using proxied = await wire.start({ listener: { limits: { max_body_size: '4B' } } });
  const client = await proxied.client();
  client.write(HEAD);
  t.equal((await client.answer()).status, 413);
  t.equal(proxied.server.connections, 0);
});

test('HTTP/1.0 knows no expectation', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  client.write(`${HEAD.replace('HTTP/1.1', 'HTTP/1.0')}hello`);
  const server = await proxied.server.accept();
  const request = await server.request();
  t.equal(fieldOf(request, 'expect'), undefined);
  t.equal(request.body, 'hello');
  server.write(ok());
  t.equal((await client.answer()).status, 200);
});
