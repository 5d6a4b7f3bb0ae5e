/** Connections between requests: what ends them, and what does not count as a request. */
import t from 'tap';
import { get, ok } from '../support/peer.ts';
import { overWires } from '../support/wires.ts';

const test = overWires(t);

test('an empty line after a request is no begun request', async (t, wire) => {
  await using proxied = await wire.start({
    listener: { limits: { header_timeout: '300ms', idle_timeout: '1200ms' } },
  });
  const client = await proxied.client();
  client.write('POST / HTTP/1.1\r\nHost: t.example\r\nContent-Length: 1\r\n\r\nx\r\n');
  const server = await proxied.server.accept();
  await server.request();
  server.write(ok());
  await client.answer();
  t.equal(
    await client.rest(),
    '',
    'closed without a word when the idle time is over, no 408 for the empty line',
  );
});

test('a head that was begun gets a 408, an idle connection only a FIN (B54)', async (t, wire) => {
  await using proxied = await wire.start({
    listener: { limits: { header_timeout: '300ms', idle_timeout: '300ms' } },
  });
  const begun = await proxied.client();
  begun.write('GET / HTTP/1.1\r\nHo');
  t.equal((await begun.answer()).status, 408);
  await begun.ended();
  const silent = await proxied.client();
  t.equal(await silent.rest(), '');
});

test('dripping does not move the deadline of the head', async (t, wire) => {
  await using proxied = await wire.start({ listener: { limits: { header_timeout: '500ms' } } });
  const client = await proxied.client();
  client.write('GET / HTTP/1.1\r\n');
  const drip = setInterval(() => client.write('X: y\r\n'), 50);
  t.equal((await client.answer()).status, 408);
  clearInterval(drip);
});

test('a body that stops coming is a 408, and its server connection ends (B54)', async (t, wire) => {
  await using proxied = await wire.start({ listener: { limits: { body_timeout: '300ms' } } });
  const client = await proxied.client();
  client.write('POST / HTTP/1.1\r\nHost: t.example\r\nContent-Length: 10\r\n\r\nabc');
  const server = await proxied.server.accept();
  await server.requestHead();
  t.equal((await client.answer()).status, 408);
  t.equal(await server.rest(), 'abc');
});

test('idle connections to servers: reused last used first, and noticed when they close', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  client.write(get('/1'));
  const first = await proxied.server.accept();
  await first.request();
  first.write(ok());
  await client.answer();
  first.end();
  await first.ended();
  client.write(get('/2'));
  const second = await proxied.server.accept();
  t.equal((await second.request()).start, 'GET /2 HTTP/1.1');
  second.write(ok('two'));
  t.equal((await client.answer()).body, 'two');
});
