/** What is asked of another server beyond resets: nonsense, unwanted statuses. */
import t from 'tap';
import { get, ok, type RawServer } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';

const post = (body: string): string =>
  `POST / HTTP/1.1\r\nHost: t.example\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const unavailable = (body: string): string =>
  `HTTP/1.1 503 Service Unavailable\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

for (const nonsense of ['garbage garbage\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n']) {
  t.test(
    `${JSON.stringify(nonsense.slice(0, 16))}: a GET is asked of another server, a POST is not`,
    async (t) => {
      await using proxied = await Proxied.start({}, 2);
      const [first, second] = proxied.servers as [RawServer, RawServer];
      const client = await proxied.client();
      client.write(get('/'));
      const bad = await first.accept();
      await bad.request();
      bad.write(nonsense);
      const good = await second.accept();
      await good.request();
      good.write(ok('good'));
      t.equal((await client.answer()).body, 'good');
      client.write(post('data'));
      const again = await first.accept();
      await again.request();
      again.write(nonsense);
      const answer = await client.answer();
      t.equal(answer.status, 502);
      t.equal(JSON.parse(answer.body).code, 'bad_upstream');
      t.equal(second.connections, 1);
    },
  );
}

t.test('statuses that the pool does not want', async (t) => {
  await using proxied = await Proxied.start({ pool: { retry: { when: [503] } } }, 2);
  const [first, second] = proxied.servers as [RawServer, RawServer];
  const client = await proxied.client();
  client.write(get('/'));
  const busy = await first.accept();
  await busy.request();
  // More than its head comes later, to an attempt that is over by then.
  busy.write('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 9\r\n\r\nbu');
  const other = await second.accept();
  t.equal((await other.request()).start, 'GET / HTTP/1.1');
  busy.write('sy here');
  other.write(ok('there'));
  const answer = await client.answer();
  t.same([answer.status, answer.body], [200, 'there']);

  // The answer was short: read to its end it leaves a connection that can be used again.
  const { daemon } = proxied.daemon;
  const { slot } = daemon.registry.server('web', first.address).slot;
  await proxied.daemon.until('it is read', () => daemon.slots.counters.totals(slot).bytesDown > 0);
  // A POST may have been done: its answer is the answer.
  client.write(post('data'));
  const kept = busy;
  await kept.request();
  kept.write(unavailable('not now'));
  const refused = await client.answer();
  t.same([refused.status, refused.body], [503, 'not now']);

  // When all say so, the last one is the answer. Turns go on where they were, connections were kept.
  client.write(get('/all'));
  await other.request();
  other.write(unavailable('second'));
  await kept.request();
  kept.write(unavailable('first'));
  const last = await client.answer();
  t.same([last.status, last.body], [503, 'first']);
  t.same([first.connections, second.connections], [1, 1]);
});

for (const [name, rest] of [
  ['a long one', 'Content-Length: 70000\r\n\r\n'],
  ['one that ends with its connection', '\r\n'],
  ['one of a server that says close', 'Connection: close\r\nContent-Length: 0\r\n\r\n'],
  ['a chunked one that grows', `Transfer-Encoding: chunked\r\n\r\n11170\r\n${'x'.repeat(70_000)}`],
] as const)
  t.test(`an answer that is not wanted ends its connection: ${name}`, async (t) => {
    await using proxied = await Proxied.start({ pool: { retry: { when: [503] } } }, 2);
    const [first, second] = proxied.servers as [RawServer, RawServer];
    const client = await proxied.client();
    client.write(get('/'));
    const busy = await first.accept();
    await busy.request();
    busy.write(`HTTP/1.1 503 Service Unavailable\r\n${rest}`);
    const other = await second.accept();
    await other.request();
    other.write(ok('there'));
    t.equal((await client.answer()).body, 'there');
    await busy.ended();
  });

t.test('statuses that are not in the list pass', async (t) => {
  await using proxied = await Proxied.start({ pool: { retry: { when: [503] } } }, 2);
  const client = await proxied.client();
  client.write(get('/'));
  const peer = await proxied.server.accept();
  await peer.request();
  peer.write('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n');
  t.equal((await client.answer()).status, 502);
});
