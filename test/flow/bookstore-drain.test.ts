/** What waits in the bookstore, under a clock that the test moves: draining, lingering, pausing. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import t from 'tap';
import { Bookstore } from '../../src/bookstore/bookstore.ts';
import { Drain } from '../../src/bookstore/drain.ts';
import { FakeClock } from '../support/fake-clock.ts';

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

/** A server whose answers the test writes, behind a Drain. */
async function openServer(answer: (response: ServerResponse) => void) {
  const server = createServer({ keepAliveTimeout: 60_000 });
  const drain = new Drain(server);
  const responses: ServerResponse[] = [];
  server.on('request', (request, response) => {
    drain.began(request.socket);
    response.once('close', () => drain.ended(request.socket));
    responses.push(response);
    answer(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, drain, responses, port: (server.address() as AddressInfo).port };
}

async function countBytes(socket: Socket): Promise<number> {
  let sizeBytes = 0;
  socket.on('data', (chunk) => {
    sizeBytes += chunk.length;
  });
  await once(socket, 'close');
  return sizeBytes;
}

t.test('an answer that was ended but is not sent yet is not cut', async (t) => {
  const size = 30_000_000;
  const { drain, port } = await openServer((response) => response.end(Buffer.alloc(size)));
  const socket = connect(port, '127.0.0.1');
  socket.write(GET);
  await once(socket, 'readable');
  const closed = drain.close(new FakeClock(), 1000);
  t.equal(drain.isClosing, true);
  t.ok((await countBytes(socket)) > size, 'all of it came');
  await closed;
});

t.test('idle connections close at once; what never ends is cut at the bound', async (t) => {
  const clock = new FakeClock();
  const { drain, port, responses, server } = await openServer(() => {});
  const idle = connect(port, '127.0.0.1');
  const stuck = connect(port, '127.0.0.1');
  await Promise.all([once(idle, 'connect'), once(stuck, 'connect')]);
  stuck.write(GET);
  await once(server, 'request');
  const closed = drain.close(clock, 10_000);
  idle.resume();
  await once(idle, 'close');
  clock.advance(9999);
  t.equal(responses[0]?.socket?.destroyed, false);
  stuck.on('error', () => {});
  const cut = once(stuck, 'close');
  clock.advance(1);
  await closed;
  await cut;
  t.equal(clock.pending, 0);
});

t.test('closing what does not listen', async (t) => {
  const clock = new FakeClock();
  await new Drain(createServer()).close(clock, 1000);
  t.equal(clock.pending, 0);
});

async function openShop(t: { teardown: (end: () => unknown) => void }) {
  const clock = new FakeClock();
  const shop = new Bookstore({ host: '127.0.0.1', port: 0, dbPath: ':memory:', clock });
  await shop.start();
  t.teardown(() => shop.stop());
  const socket = connect(shop.port, '127.0.0.1');
  await once(socket, 'connect');
  return { clock, shop, socket };
}

t.test('an upload that was refused is read on for a bounded time', async (t) => {
  const { clock, socket } = await openShop(t);
  socket.write('POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nsome');
  const [answer] = await once(socket, 'data');
  t.match(String(answer), /^HTTP\/1\.1 404 /);
  t.equal(clock.pending, 1);
  socket.on('error', () => {});
  const closed = once(socket, 'close');
  clock.advance(5000);
  await closed;
  t.equal(clock.pending, 0);
});

t.test('an upload that ends in time keeps its connection', async (t) => {
  const { clock, socket } = await openShop(t);
  socket.write('POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nsome');
  await once(socket, 'data');
  socket.write('more');
  socket.write('GET /books/1 HTTP/1.1\r\nHost: x\r\n\r\n');
  const [answer] = await once(socket, 'data');
  t.match(String(answer), /^HTTP\/1\.1 200 /);
  t.equal(clock.pending, 0);
  socket.destroy();
});

t.test('a client that leaves a slow answer frees it, and is counted as 499', async (t) => {
  const { clock, shop, socket } = await openShop(t);
  socket.write('GET /slow?ms=10000 HTTP/1.1\r\nHost: x\r\n\r\n');
  const metrics = async () => (await fetch(`${shop.url}/metrics`)).text();
  while (clock.pending === 0) await metrics();
  socket.destroy();
  while (clock.pending > 0) await metrics();
  t.match(await metrics(), /bookstore_requests_total\{method="GET",route="\/slow",status="499"\} 1/);
  t.match(await metrics(), /bookstore_requests_in_flight 1\n/);
});
