/** An answer that comes before the request is complete reaches the client at once, and neither connection carries another request. */
import t from 'tap';
import { fieldOf, ok } from '../support/peer.ts';
import { overWires } from '../support/wires.ts';

const test = overWires(t);

const POST = 'POST / HTTP/1.1\r\nHost: t.example\r\n';

for (const [framing, head, more] of [
  ['length', `${POST}Content-Length: 1000000\r\n\r\nsome`, 'more'],
  ['chunked', `${POST}Transfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n`, '4\r\nmore\r\n'],
] as const) {
  test(`with a body by ${framing}`, async (t, wire) => {
    await using proxied = await wire.start();
    const client = await proxied.client();
    client.write(head);
    const server = await proxied.server.accept();
    await server.sees('some');
    server.write('HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig');
    const answer = await client.answer();
    t.equal(answer.status, 413);
    t.equal(answer.body, 'big');
    t.equal(fieldOf(answer, 'connection'), 'close');
    t.ok(await server.ended(), 'half a request must not lie before the next one');
    client.write(more);
    t.equal(await client.rest(), '');
    const next = await proxied.client();
    next.write('GET /next HTTP/1.1\r\nHost: t.example\r\n\r\n');
    const fresh = await proxied.server.accept();
    t.equal((await fresh.request()).start, 'GET /next HTTP/1.1');
    fresh.write(ok());
    t.equal((await next.answer()).status, 200);
  });
}

test('an answer that starts early and ends late takes the rest of the body', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  client.write(`${POST}Content-Length: 8\r\n\r\nsome`);
  const server = await proxied.server.accept();
  await server.sees('some');
  server.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\necho');
  await client.sees('echo');
  client.write('more');
  await server.sees('more');
  server.write('more');
  t.equal((await client.answer()).body, 'echomore');
});

test('a client that never reads its early answer is let go', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  client.write(`${POST}Content-Length: 100000000\r\n\r\n`);
  const server = await proxied.server.accept();
  await server.requestHead();
  server.write(ok('no'));
  // It sends on regardless; after 1 MiB of that, or 2 s, nobody listens any more.
  const chunk = Buffer.alloc(64 * 1024);
  const flood = setInterval(() => client.write(chunk), 1);
  await client.until('its close', () => client.isClosed || undefined);
  clearInterval(flood);
  t.ok(client.isClosed);
});
