/** What passes as it is: events as they come, heads before bodies, fields in their order and case, conditions, queries. */
import t from 'tap';
import { valuesOf } from '../support/http-message.ts';
import { fieldOf, get, ok } from '../support/peer.ts';
import { overWires } from '../support/wires.ts';

const test = overWires(t);

test('each event of a stream arrives before the next one is made (B5)', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  client.write(get('/events', 'Accept: text/event-stream\r\n'));
  const server = await proxied.server.accept();
  await server.request();
  server.write(
    'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n',
  );
  await client.sees('text/event-stream');
  for (let n = 0; n < 10; n++) {
    const event = `id: ${n}\ndata: event ${n}\n\n`;
    server.write(`${event.length.toString(16)}\r\n${event}\r\n`);
    t.ok(await client.sees(event), 'nothing holds it back until there is more');
  }
  server.write('0\r\n\r\n');
  t.equal((await client.answer()).body.split('\n\n').length, 11);
});

test('the head of an answer does not wait for its body (B6)', async (t, wire) => {
  await using proxied = await wire.start();
  for (const framing of ['Content-Length: 4', 'Transfer-Encoding: chunked']) {
    const client = await proxied.client();
    client.write(get('/'));
    const server = await proxied.server.accept();
    await server.request();
    server.write(`HTTP/1.1 200 OK\r\nX-Early: yes\r\n${framing}\r\n\r\n`);
    t.ok(await client.sees(`${framing}\r\n`), framing);
    server.write(framing.startsWith('C') ? 'body' : '4\r\nbody\r\n0\r\n\r\n');
    const answer = await client.answer();
    t.equal(answer.body, 'body');
    t.equal(fieldOf(answer, 'x-early'), 'yes');
    client.end();
    server.destroy();
  }
});

test('ranges and conditions are the server’s affair (B10)', async (t, wire) => {
  await using proxied = await wire.start();
  const fields = {
    range: 'bytes=0-1,-2',
    'if-range': '"abc"',
    'if-match': '"a", W/"b"',
    'if-none-match': 'W/"abc"',
    'if-modified-since': 'Sun, 22 Nov 2026 08:00:00 GMT',
    'if-unmodified-since': 'Sun, 22 Nov 2026 09:00:00 GMT',
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  const client = await proxied.client();
  client.write(get('/', lines.join('')));
  const server = await proxied.server.accept();
  const request = await server.request();
  for (const [name, value] of Object.entries(fields)) t.same(valuesOf(request, name), [value], name);
  server.write(
    'HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/10\r\nETag: "abc"\r\nAccept-Ranges: bytes\r\nContent-Length: 2\r\n\r\nab',
  );
  const part = await client.answer();
  t.equal(part.start, 'HTTP/1.1 206 Partial Content');
  t.equal(fieldOf(part, 'content-range'), 'bytes 0-1/10');
  t.equal(fieldOf(part, 'etag'), '"abc"');
  client.write(get('/', 'If-None-Match: "abc"\r\n'));
  await server.request();
  server.write('HTTP/1.1 304 Not Modified\r\nETag: "abc"\r\nContent-Length: 10\r\n\r\n');
  const same = await client.answer('HEAD');
  t.equal(same.start, 'HTTP/1.1 304 Not Modified');
  t.equal(fieldOf(same, 'etag'), '"abc"');
  t.equal((await Promise.all([client.ask(get('/next')), answerNext()]))[0].status, 200, 'it had no body');

  async function answerNext(): Promise<void> {
    await server.request();
    server.write(ok());
  }
});

test('fields that nobody knows keep order, case and number (B12)', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  const asked = 'X-Zulu: 1\r\nx-ALPHA: a\r\nX-Twice: one\r\nx-mike:  spaced \r\nX-Twice: two\r\n';
  client.write(get('/', asked));
  const server = await proxied.server.accept();
  await server.sees('X-Zulu: 1\r\nx-ALPHA: a\r\nX-Twice: one\r\nx-mike: ');
  t.same(valuesOf(await server.request(), 'x-twice'), ['one', 'two']);
  const answered = 'X-Zulu: 1\r\nx-ALPHA: a\r\nSet-Cookie: a=1\r\nX-Mike: m\r\nSet-Cookie: b=2; Path=/\r\n';
  server.write(ok('ok', answered));
  await client.sees(answered);
  t.same(valuesOf(await client.answer(), 'set-cookie'), ['a=1', 'b=2; Path=/']);
});

test('a query passes byte by byte (B17)', async (t, wire) => {
  await using proxied = await wire.start();
  proxied.server.answerAll((request) => ok(request.start));
  const client = await proxied.client();
  const queries = [
    '?',
    '?a=%20&b=+&&c',
    '?%2e%2E/%2F//../x',
    '?a=1&a=2;b=%c3%a9%C3%A9',
    '?q=/../admin?x=?',
    "?$!'()*,:@=~",
  ];
  for (const query of queries)
    t.equal((await client.ask(get(`/p${query}`))).body, `GET /p${query} HTTP/1.1`, query);
});

test('a handshake for a WebSocket goes to another server only before the 101 (B45)', async (t, wire) => {
  await using proxied = await wire.start({ pool: { algorithm: 'first' } }, 2);
  const [first, second] = proxied.servers as [typeof proxied.server, typeof proxied.server];
  const handshake = get(
    '/chat',
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n',
  );
  const client = await proxied.client();
  client.write(handshake);
  const failing = await first.accept();
  await failing.request();
  failing.reset();
  const server = await second.accept();
  await server.request();
  server.write(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n',
  );
  t.equal((await client.answer()).status, 101, 'the next one is asked');
  const before = first.connections + second.connections;
  server.reset();
  await client.ended();
  t.equal(first.connections + second.connections, before, 'a tunnel that breaks is not made again');
});
