/** `shutdown.drain_timeout` passes: clients that have seen nothing of an answer are told why, all others are cut. */
import t, { type Test } from 'tap';
import { fieldOf, get, type Peer, RawServer } from '../support/peer.ts';
import { overWires } from '../support/wires.ts';

const test = overWires(t);

const SHORT = { file: { shutdown: { drain_timeout: '200ms' } } };

async function isToldWhy(t: Test, client: Peer): Promise<void> {
  const answer = await client.answer();
  t.equal(answer.status, 503);
  t.equal(JSON.parse(answer.body).code, 'shutting_down');
  t.equal(fieldOf(answer, 'connection'), 'close');
  await client.ended();
}

test('a server that has not answered yet', async (t, wire) => {
  await using proxied = await wire.start(SHORT);
  const client = await proxied.client();
  client.write(get());
  const server = await proxied.server.accept();
  await server.request();
  const stopped = proxied.daemon.daemon.stop();
  await isToldWhy(t, client);
  await server.ended();
  await stopped;
  t.ok(proxied.daemon.daemon.wasCut, 'it was not a clean end');
});

test('a request whose body is still coming', async (t, wire) => {
  await using proxied = await wire.start(SHORT);
  const client = await proxied.client();
  client.write('POST / HTTP/1.1\r\nHost: t.example\r\nContent-Length: 10\r\n\r\nhalf');
  const server = await proxied.server.accept();
  await server.requestHead();
  const stopped = proxied.daemon.daemon.stop();
  await isToldWhy(t, client);
  await server.ended();
  await stopped;
});

test('a request that waits for its turn', async (t, wire) => {
  const servers = [await RawServer.open('server')];
  const address = servers[0]?.address as string;
  await using proxied = await wire.start({
    ...SHORT,
    pool: { servers: [{ address, max_connections: 1 }] },
  });
  const first = await proxied.client();
  first.write(get('/first'));
  const server = await (servers[0] as RawServer).accept();
  await server.request();
  const second = await proxied.client();
  second.write(get('/second'));
  await proxied.daemon.until('the second waits', () => proxied.daemon.inFlight() >= 4);
  const stopped = proxied.daemon.daemon.stop();
  await isToldWhy(t, first);
  await isToldWhy(t, second);
  await stopped;
  await (servers[0] as RawServer)[Symbol.asyncDispose]();
});

test('an answer that has begun is cut, and does not look whole', async (t, wire) => {
  await using proxied = await wire.start(SHORT);
  const client = await proxied.client();
  client.write(get());
  const server = await proxied.server.accept();
  await server.request();
  server.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
  await client.sees('half');
  const stopped = proxied.daemon.daemon.stop();
  t.notMatch(await client.rest(), '503');
  await stopped;
});

test('a listener that a reload removes tells its clients too', async (t, wire) => {
  await using proxied = await wire.start(SHORT);
  const client = await proxied.client();
  client.write(get());
  const server = await proxied.server.accept();
  await server.request();
  await proxied.daemon.reload({
    ...SHORT.file,
    listeners: { other: { address: '127.0.0.1', port: 0 } },
    routes: [{ name: 'all', pool: 'web' }],
    pools: { web: { servers: [proxied.server.address], health: false } },
  });
  await isToldWhy(t, client);
});
