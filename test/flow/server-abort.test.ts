/** A server that breaks off: a 502 while nothing was answered, and afterwards an answer that cannot be taken for whole. */
import t from 'tap';
import { get, type Peer } from '../support/peer.ts';
import { overWires } from '../support/wires.ts';

const test = overWires(t);

const ways: Record<string, (server: Peer) => void> = {
  FIN: (server) => server.end(),
  RST: (server) => server.reset(),
};
const NO_RETRY = { pool: { retry: 1 } };

for (const [way, leave] of Object.entries(ways)) {
  test(`${way} before the answer`, async (t, wire) => {
    await using proxied = await wire.start(NO_RETRY);
    const client = await proxied.client();
    client.write(get('/'));
    const server = await proxied.server.accept();
    await server.request();
    leave(server);
    const answer = await client.answer();
    t.equal(answer.status, 502);
    t.equal(JSON.parse(answer.body).code, 'upstream_reset');
    client.write(get('/next'));
    await (await proxied.server.accept()).request();
    t.equal(client.isClosed, false, 'the client’s connection goes on');
    client.destroy();
  });

  test(`${way} within the head of the answer`, async (t, wire) => {
    await using proxied = await wire.start(NO_RETRY);
    const client = await proxied.client();
    client.write(get('/'));
    const server = await proxied.server.accept();
    await server.request();
    server.write('HTTP/1.1 200 OK\r\nContent-Le');
    leave(server);
    t.equal((await client.answer()).status, 502);
  });

  for (const version of ['1.1', '1.0']) {
    test(`${way} within a body with a length, to HTTP/${version} (B4)`, async (t, wire) => {
      await using proxied = await wire.start(NO_RETRY);
      const client = await proxied.client();
      client.write(`GET / HTTP/${version}\r\nHost: t.example\r\n\r\n`);
      const server = await proxied.server.accept();
      await server.request();
      server.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf');
      await client.sees('half');
      leave(server);
      const text = await client.rest();
      t.match(text, /Content-Length: 1000\r\n/, 'the length tells that something is missing');
      t.ok(text.endsWith('half'));
    });
  }

  test(`${way} within a chunked body (B4)`, async (t, wire) => {
    await using proxied = await wire.start(NO_RETRY);
    const client = await proxied.client();
    client.write(get('/'));
    const server = await proxied.server.accept();
    await server.request();
    server.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n');
    await client.sees('half');
    leave(server);
    t.notMatch(await client.rest(), /\r\n0\r\n/, 'no last chunk');
  });
}

test('bad chunks within an answer', async (t, wire) => {
  await using proxied = await wire.start(NO_RETRY);
  const client = await proxied.client();
  client.write(get('/'));
  const server = await proxied.server.accept();
  await server.request();
  server.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n');
  await client.sees('half');
  server.write('zz\r\n');
  t.notMatch(await client.rest(), /\r\n0\r\n/);
  await server.ended();
});

test('a RST ends what HTTP/1.0 takes until the close: the client gets a RST as well', async (t, wire) => {
  await using proxied = await wire.start(NO_RETRY);
  const client = await proxied.client();
  let error: unknown;
  client.socket.on('error', (thrown) => {
    error = thrown;
  });
  client.write('GET / HTTP/1.0\r\n\r\n');
  const server = await proxied.server.accept();
  await server.request();
  server.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n');
  await client.sees('half');
  server.reset();
  await client.ended();
  await client.until('its close', () => client.isClosed || undefined);
  t.match(error, { code: 'ECONNRESET' }, 'a FIN would say that this was all');
});
