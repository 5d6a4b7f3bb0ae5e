/** Connections are kept on both sides, each by its own rules: neither side's wish to close is passed to the other. */
import t from 'tap';
import { fieldOf, get, ok, type Peer } from '../support/peer.ts';
import { overWires } from '../support/wires.ts';

const test = overWires(t);

/** Sends a request, lets `server` answer it, and returns both messages. */
async function exchange(client: Peer, server: Peer, request: string, answer = ok()) {
  client.write(request);
  const seen = await server.request();
  server.write(answer);
  return { seen, answer: await client.answer(request.slice(0, request.indexOf(' '))) };
}

test('many requests of one client take one connection to the server', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  client.write(get('/0'));
  const server = await proxied.server.accept();
  await server.request();
  server.write(ok('0'));
  t.equal((await client.answer()).body, '0');
  for (let i = 1; i < 20; i++) {
    const { seen, answer } = await exchange(client, server, get(`/${i}`), ok(`${i}`));
    t.equal(seen.start, `GET /${i} HTTP/1.1`);
    t.equal(answer.body, `${i}`);
    t.equal(fieldOf(answer, 'connection'), undefined);
  }
  t.equal(proxied.server.connections, 1);
});

test('the next client takes over the idle connection to the server', async (t, wire) => {
  await using proxied = await wire.start();
  const first = await proxied.client();
  first.write(get('/', 'Connection: close\r\n'));
  const server = await proxied.server.accept();
  t.equal(fieldOf(await server.request(), 'connection'), undefined, 'close is between the client and us');
  server.write(ok());
  t.equal(fieldOf(await first.answer(), 'connection'), 'close');
  t.equal(await first.rest(), '');
  const second = await proxied.client();
  await exchange(second, server, get('/second'));
  t.equal(proxied.server.connections, 1);
});

test('a server that closes does not close the client', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  for (const fields of ['Connection: close\r\n', 'Connection: Close, X-Private\r\nX-Private: 1\r\n']) {
    client.write(get('/'));
    const server = await proxied.server.accept();
    await server.request();
    server.write(ok('bye', fields));
    const answer = await client.answer();
    t.equal(answer.body, 'bye');
    t.equal(fieldOf(answer, 'connection'), undefined);
    t.equal(fieldOf(answer, 'x-private'), undefined, 'what Connection names stays between server and us');
    t.ok(await server.ended(), 'we close at our end');
  }
});

test('an HTTP/1.0 server keeps its connection only when it says so', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  client.write(get('/'));
  const first = await proxied.server.accept();
  await first.request();
  first.write('HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na');
  const answer = await client.answer();
  t.equal(answer.start, 'HTTP/1.1 200 OK', 'the version is ours');
  await first.ended();
  client.write(get('/'));
  const second = await proxied.server.accept();
  await second.request();
  second.write('HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\nb');
  t.equal((await client.answer()).body, 'b');
  await exchange(client, second, get('/again'));
  t.equal(proxied.server.connections, 2);
});

test('HTTP/1.0 clients: closed unless they ask for keep-alive', async (t, wire) => {
  await using proxied = await wire.start();
  const plain = await proxied.client();
  plain.write('GET / HTTP/1.0\r\n\r\n');
  const server = await proxied.server.accept();
  const seen = await server.request();
  t.equal(seen.start, 'GET / HTTP/1.1');
  t.equal(fieldOf(seen, 'host'), proxied.server.address, 'a server of 1.1 needs a Host');
  server.write(ok());
  t.equal(fieldOf(await plain.answer(), 'connection'), 'close');
  await plain.ended();

  const kept = await proxied.client();
  const request = 'GET / HTTP/1.0\r\nHost: t.example\r\nConnection: keep-alive\r\n\r\n';
  const { answer } = await exchange(kept, server, request);
  t.equal(fieldOf(answer, 'connection'), 'keep-alive', 'RFC 9112 section 9.3: it must be told');
  await exchange(kept, server, request);
});

test('surplus bytes after an answer end the connection to the server, not that to the client', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  client.write(get('/'));
  const server = await proxied.server.accept();
  await server.request();
  server.write(`${ok()}${ok('poison')}`);
  t.equal((await client.answer()).body, 'ok');
  await server.ended();
  client.write(get('/next'));
  const next = await proxied.server.accept();
  await next.request();
  next.write(ok('mine'));
  t.equal((await client.answer()).body, 'mine');
});

test('bytes on an idle connection to the server end it', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  client.write(get('/'));
  const server = await proxied.server.accept();
  await server.request();
  server.write(ok());
  await client.answer();
  server.write(ok('poison'));
  await server.ended();
  client.write(get('/next'));
  const next = await proxied.server.accept();
  await next.request();
  next.write(ok('mine'));
  t.equal((await client.answer()).body, 'mine');
});
