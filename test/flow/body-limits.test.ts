/** Size and bandwidth of bodies, by route. */
import t from 'tap';
import { systemClock } from '../../src/kernel/clock.ts';
import { H2Client } from '../support/h2-client.ts';
import { fieldOf, get, ok } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';
import { overWires } from '../support/wires.ts';

const KIB = 1024;
/** What passes at once before a bandwidth is held. */
const FREE_S = 1;

overWires(t)('a body that is larger than its route allows', async (t, wire) => {
  await using proxied = await wire.start({
    file: {
      routes: [
        { name: 'small', match: { path: '/small' }, pool: 'web', max_body_size: '10B' },
        { name: 'all', pool: 'web' },
      ],
    },
  });
  const head = (path: string, fields: string): string => `POST ${path} HTTP/1.1\r\nHost: h\r\n${fields}\r\n`;
  const announced = await proxied.client();
  announced.write(head('/small', 'Content-Length: 11\r\nExpect: 100-continue\r\n'));
  const refused = await announced.answer();
  t.equal(refused.status, 413);
  t.same(refused.interim, [], 'nothing of it is asked for');
  t.equal(fieldOf(refused, 'content-type'), 'application/problem+json');
  t.equal(proxied.server.connections, 0);

  const client = await proxied.client();
  client.write(`${head('/small', 'Content-Length: 10\r\n')}0123456789`);
  const server = await proxied.server.accept();
  t.equal((await server.request()).body, '0123456789');
  server.write(ok('fits'));
  t.equal((await client.answer()).body, 'fits');

  client.write(`${head('/small', 'Transfer-Encoding: chunked\r\n')}a\r\n0123456789\r\n0\r\n\r\n`);
  t.equal((await server.request()).body, '0123456789');
  server.write(ok('fits'));
  t.equal((await client.answer()).body, 'fits');

  client.write(`${head('/small', 'Transfer-Encoding: chunked\r\n')}a\r\n0123456789\r\n`);
  await server.requestHead();
  client.write('1\r\n!\r\n');
  const cut = await client.answer();
  t.equal(cut.status, 413);
  t.match(cut.body, /larger than 10 bytes/);
  t.ok(await server.ended(), 'the server’s request is not completed');

  const other = await proxied.client();
  other.write(`${head('/', 'Content-Length: 11\r\n')}01234567890`);
  const second = await proxied.server.accept();
  t.equal((await second.request()).body, '01234567890', 'another route');
  second.write(ok());
  t.equal((await other.answer()).status, 200);
});

overWires(t)('answers and uploads come whole, and no faster than the route allows', async (t, wire) => {
  const rate = 512 * KIB;
  const size = 768 * KIB;
  const leastMs = (size / rate - FREE_S) * 1000;
  await using proxied = await wire.start({
    file: {
      routes: [
        { name: 'down', match: { path: '/down' }, pool: 'web', bandwidth: '512KiB/s' },
        { name: 'up', pool: 'web', bandwidth: { upload: '512KiB/s' } },
      ],
    },
  });
  const body = 'x'.repeat(size);
  const client = await proxied.client();
  let startMs = systemClock.nowMs();
  client.write(get('/down'));
  const server = await proxied.server.accept();
  await server.request();
  server.write(ok(body));
  const answer = await client.answer();
  t.equal(answer.body.length, size);
  // A piece of 64 KiB may be on its way before it is paid for.
  const slackMs = (64 * KIB * 1000) / rate;
  t.ok(systemClock.nowMs() - startMs > leastMs - slackMs, 'the answer took its time');

  startMs = systemClock.nowMs();
  client.write(`POST /up HTTP/1.1\r\nHost: h\r\nContent-Length: ${size}\r\n\r\n${body}`);
  t.equal((await server.request()).body.length, size);
  t.ok(systemClock.nowMs() - startMs > leastMs - slackMs, 'the upload took its time');
  server.write(ok('done'));
  t.equal((await client.answer()).body, 'done');
});

t.test('streams of HTTP/2 are metered as well', async (t) => {
  await using proxied = await Proxied.start({
    listener: { h2c: true },
    file: { routes: [{ name: 'all', pool: 'web', bandwidth: '64KiB/s', max_body_size: '1KiB' }] },
  });
  proxied.server.answerAll(() => ok('x'.repeat(96 * KIB)));
  await using h2 = await H2Client.open(proxied.daemon.port());
  const answers = await Promise.all([1, 2, 3].map(() => h2.ask({ ':path': '/' })));
  for (const answer of answers) t.equal(answer.body.length, 96 * KIB);
  t.equal((await h2.ask({ ':method': 'POST', ':path': '/' }, 'x'.repeat(2000))).status, 413);
});
