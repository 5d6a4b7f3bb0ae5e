/** What a pool, and a route beyond it, says of repeats: which failures, which methods, how long an attempt may take. */
import t from 'tap';
import { get, ok, type RawServer } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';

const post = (fields = ''): string =>
  `POST / HTTP/1.1\r\nHost: t.example\r\n${fields}Content-Length: 4\r\n\r\ndata`;
const NONSENSE = 'garbage garbage\r\n\r\n';
const codeOf = (body: string): string => JSON.parse(body).code;

t.test('POST is repeated where it may be done twice, by the file or by its key (B40)', async (t) => {
  await using proxied = await Proxied.start(
    {
      pool: { retry: { non_idempotent: 'with_key' }, outlier_detection: false },
      file: {
        routes: [
          { name: 'twice', match: { path: '/twice' }, pool: 'web', retry: { non_idempotent: true } },
          { name: 'never', match: { path: '/never' }, pool: 'web', retry: { non_idempotent: false } },
          { name: 'once', match: { path: '/once' }, pool: 'web', retry: 1 },
          { name: 'all', pool: 'web' },
        ],
      },
    },
    2,
  );
  const [bad, good] = proxied.servers as [RawServer, RawServer];
  bad.answerAll(() => NONSENSE);
  good.answerAll(() => ok('good'));
  const client = await proxied.client();
  const key = 'Idempotency-Key: "8e03978e"\r\n';
  const table: [string, number][] = [
    [post(key), 200],
    [post().replace('POST /', 'POST /twice'), 200],
    [post(key).replace('POST /', 'POST /never'), 502],
    [post(), 502],
    [get('/once'), 502],
    [get('/'), 200],
  ];
  for (const [request, status] of table) {
    // Until it has met the bad one: turns alternate.
    const before = bad.connections;
    let answer = await client.ask(request);
    while (bad.connections === before) answer = await client.ask(request);
    t.equal(answer.status, status, request.slice(0, 60));
  }
});

t.test('only failures that are named', async (t) => {
  await using proxied = await Proxied.start(
    { pool: { retry: { when: ['connect_error', 'reset'] }, outlier_detection: false } },
    2,
  );
  const [first, second] = proxied.servers as [RawServer, RawServer];
  const client = await proxied.client();
  client.write(get('/'));
  const peer = await first.accept();
  await peer.request();
  peer.write(NONSENSE);
  t.equal(codeOf((await client.answer()).body), 'bad_upstream');
  client.write(get('/'));
  const other = await second.accept();
  await other.request();
  other.reset();
  const again = await first.accept();
  await again.request();
  again.write(ok('first'));
  t.equal((await client.answer()).body, 'first');
});

t.test('an attempt that takes too long is made elsewhere; its reason, when there is nowhere', async (t) => {
  await using proxied = await Proxied.start(
    { pool: { retry: { per_attempt_timeout: '100ms' }, outlier_detection: false } },
    2,
  );
  const [slow, fast] = proxied.servers as [RawServer, RawServer];
  const client = await proxied.client();
  client.write(get('/'));
  const silent = await slow.accept();
  await silent.request();
  const peer = await fast.accept();
  await peer.request();
  await silent.ended();
  peer.write(ok('fast'));
  t.equal((await client.answer()).body, 'fast');
  const { slots, registry } = proxied.daemon.daemon;
  t.match(slots.counters.totals(registry.server('web', slow.address).slot.slot), {
    timeouts: 1,
    cancelled: 0,
  });
  // A POST was sent: it may have been done.
  client.write(post());
  await (await slow.accept()).request();
  const answer = await client.answer();
  t.same([answer.status, codeOf(answer.body)], [504, 'upstream_timeout']);
  t.match(answer.body, /no answer within 100 ms \(per_attempt_timeout\)/);
});

t.test('a slow client’s time is not the attempt’s; the body of an answer is not either', async (t) => {
  await using proxied = await Proxied.start({ pool: { retry: { per_attempt_timeout: '100ms' } } });
  const client = await proxied.client();
  client.write('POST / HTTP/1.1\r\nHost: t.example\r\nContent-Length: 4\r\n\r\nda');
  const peer = await proxied.server.accept();
  await peer.until('half of it', () => (peer.unread.includes('da') ? true : undefined));
  // Sweeps of deadlines pass; that they do not end it is what is shown.
  const { deadlinesPassed } = sweeps(3);
  await deadlinesPassed;
  client.write('ta');
  await peer.request();
  peer.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsl');
  await sweeps(3).deadlinesPassed;
  peer.write('ow');
  t.equal((await client.answer()).body, 'slow');
});

t.test('the route’s time bounds all attempts together, with a reason of its own (B42)', async (t) => {
  await using proxied = await Proxied.start(
    {
      pool: { retry: { per_attempt_timeout: '100ms', attempts: 50 }, outlier_detection: false },
      file: { routes: [{ name: 'all', pool: 'web', timeout: '150ms' }] },
    },
    2,
  );
  for (const server of proxied.servers) server.answerAll(() => '');
  const client = await proxied.client();
  const answer = await client.ask(get('/'));
  t.same([answer.status, codeOf(answer.body)], [504, 'route_timeout']);
});

t.test(
  'further repeats wait a little, and a client that leaves meanwhile leaves nothing behind',
  async (t) => {
    const retry = { attempts: 4, backoff: { base: '60s', max: '60s' } };
    await using proxied = await Proxied.start({ pool: { retry, outlier_detection: false } }, 4);
    const [a, b] = proxied.servers as [RawServer, RawServer];
    const client = await proxied.client();
    client.write(get('/'));
    for (const server of [a, b]) {
      const peer = await server.accept();
      await peer.request();
      peer.reset();
    }
    await proxied.daemon.until('nothing is in flight', () => proxied.daemon.inFlight() <= 1);
    client.destroy();
    await proxied.daemon.idle();
    t.same(
      proxied.servers.map((it) => it.connections),
      [1, 1, 0, 0],
    );
  },
);

/** The time of so many sweeps of deadlines, which no event tells. */
function sweeps(count: number): { deadlinesPassed: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, count * 100);
  return { deadlinesPassed: promise };
}
