/** Trailers: both ways where the receiver takes them, without what must not come late (RFC 9110 section 6.5). */
import t from 'tap';
import { fieldOf, get, ok, type Peer } from '../support/peer.ts';
import type { Proxied } from '../support/proxied.ts';
import { NODE, overWires } from '../support/wires.ts';

const test = overWires(t);

const CHUNKED_ANSWER =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, Set-Cookie\r\n\r\n' +
  '2\r\nok\r\n0\r\nX-Sum:  abc \r\nSet-Cookie: late=1\r\nContent-Length: 5\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n';

const CHUNKED =
  'POST / HTTP/1.1\r\nHost: t.example\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\n';

test('of a request (B7)', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  // Node refuses a length among trailers; we drop it.
  const length = wire === NODE ? '' : 'Content-Length: 9\r\n';
  client.write(
    `${CHUNKED}X-Sum: abc\r\nHost: evil.example\r\nAuthorization: Basic x\r\n${length}Transfer_Encoding: chunked\r\nX-Real-IP: 1.1.1.1\r\n\r\n`,
  );
  const server = await proxied.server.accept();
  const request = await server.request();
  t.equal(request.body, 'hello');
  t.equal(request.trailers, 'x-sum: abc\r\n');
  server.write(CHUNKED_ANSWER);
  const answer = await client.answer();
  t.equal(answer.trailers, '', 'not to a client that did not ask for them');
  t.equal(fieldOf(answer, 'trailer'), undefined);
});

test('framing among the trailers of a request', async (t, wire) => {
  for (const field of ['Content-Length: 9', 'Transfer-Encoding: chunked']) {
    await using proxied = await wire.start();
    proxied.server.answerAll(() => ok());
    const client = await proxied.client();
    const answer = await client.ask(`${CHUNKED}${field}\r\n\r\n`);
    t.equal(answer.status, wire === NODE ? 400 : 200, 'Node refuses what we drop');
    t.equal(fieldOf(answer, 'connection'), wire === NODE ? 'close' : undefined);
  }
});

async function asks(client: Peer, proxied: Proxied, te: string): Promise<Peer> {
  client.write(get('/', te));
  return proxied.server.accept();
}

test('of an answer, to a client with TE: trailers (B7)', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  const server = await asks(client, proxied, 'TE: gzip, trailers\r\nConnection: TE\r\n');
  const request = await server.request();
  t.equal(fieldOf(request, 'te'), 'trailers', 'the codings stay here, trailers are passed');
  t.equal(fieldOf(request, 'connection'), 'TE');
  server.write(CHUNKED_ANSWER);
  const answer = await client.answer();
  t.equal(answer.body, 'ok');
  t.equal(answer.trailers, 'x-sum: abc\r\n');
});

test('trailers without end are refused', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  client.write('POST / HTTP/1.1\r\nHost: t.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n');
  client.write(`X: ${'y'.repeat(20_000)}\r\n`);
  t.equal((await client.answer()).status, 431);
  await client.ended();
});

test('a server with endless trailers is cut', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  const server = await asks(client, proxied, '');
  await server.request();
  server.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n`);
  await client.sees('ok');
  server.write(`X: ${'y'.repeat(100_000)}\r\n`);
  t.notMatch(await client.rest(), /\r\n0\r\n/, 'not ended as if it were whole');
});
