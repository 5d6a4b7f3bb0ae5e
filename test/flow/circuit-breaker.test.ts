/** A pool that fails is not asked for a while; how much it takes at a time; both over all threads and through reloads. */
import t from 'tap';
import { get, ok, type RawServer } from '../support/peer.ts';
import { onePool, Proxied } from '../support/proxied.ts';

const UNAVAILABLE = 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n';
const codeOf = (body: string): string => JSON.parse(body).code;

t.test('opens, refuses at once, tries, closes; a reload keeps it', async (t) => {
  const pool = {
    circuit_breaker: { failure_rate: '0%', consecutive_errors: 3, open_time: '400ms', probes: 1 },
    outlier_detection: false as const,
  };
  await using proxied = await Proxied.start({ pool });
  const { server, daemon } = proxied;
  let isBad = true;
  let asked = 0;
  server.answerAll(() => {
    asked++;
    return isBad ? UNAVAILABLE : ok('good');
  });
  const client = await proxied.client();
  for (let i = 0; i < 3; i++) t.equal((await client.ask(get('/'))).status, 503);
  const refused = await client.ask(get('/'));
  t.same([refused.status, codeOf(refused.body)], [503, 'breaker_open']);
  t.equal(new Map(refused.fields).get('retry-after'), '1');
  t.equal(asked, 3, 'the server was not asked');
  t.match(await daemon.daemon.metrics.render(), /sluice_pool_breaker_state\{pool="web",state="open"\} 1/);

  await daemon.reload(onePool(proxied.servers, { pool: { ...pool, retry: 2 } }));
  const after = await proxied.client();
  const still = await after.ask(get('/'));
  t.ok(asked === 3 ? codeOf(still.body) === 'breaker_open' : true, 'it knows of it still');

  isBad = false;
  for (let body = ''; body !== 'good'; ) body = (await after.ask(get('/'))).body;
  t.equal((await after.ask(get('/'))).body, 'good');
  const text = await daemon.daemon.metrics.render();
  t.match(text, /sluice_pool_breaker_state\{pool="web",state="closed"\} 1/);
  t.match(text, /sluice_pool_breaker_opened_total\{pool="web"\} [1-9]/);
  t.match(text, /reason="breaker_open"\} [1-9]/);
});

t.test('a request that another server answered is no failure of the pool', async (t) => {
  const circuit_breaker = { failure_rate: '0%', consecutive_errors: 1 };
  await using proxied = await Proxied.start({ pool: { circuit_breaker, outlier_detection: false } }, 2);
  const [bad, good] = proxied.servers as [RawServer, RawServer];
  bad.answerAll(() => 'nonsense\r\n\r\n');
  good.answerAll(() => ok('good'));
  const client = await proxied.client();
  for (let i = 0; i < 6; i++) t.equal((await client.ask(get('/'))).body, 'good');
});

t.test('nobody answers at all: no server is reached', async (t) => {
  const circuit_breaker = { failure_rate: '50%', min_requests: 4 };
  await using proxied = await Proxied.start({
    pool: { circuit_breaker, servers: ['127.0.0.1:1', '127.0.0.1:2'] },
  });
  const client = await proxied.client();
  const codes: string[] = [];
  for (let i = 0; i < 6; i++) codes.push(codeOf((await client.ask(get('/'))).body));
  t.same(codes.slice(0, 4), ['connect_error', 'connect_error', 'connect_error', 'connect_error']);
  t.same(codes.slice(4), ['breaker_open', 'breaker_open']);
});

t.test('whoever finds no server to ask: neither failure nor answer, closed or half open', async (t) => {
  const circuit_breaker = { failure_rate: '0%', consecutive_errors: 2, open_time: '200ms', probes: 1 };
  await using proxied = await Proxied.start({ pool: { circuit_breaker, outlier_detection: false } });
  const { server, daemon } = proxied;
  let isBad = false;
  server.answerAll(() => (isBad ? UNAVAILABLE : ok('good')));
  const close = (maintenance: boolean): Promise<void> =>
    daemon.reload(
      onePool(proxied.servers, {
        pool: {
          circuit_breaker,
          outlier_detection: false,
          servers: [{ address: server.address, maintenance }],
        },
      }),
    );
  const client = await proxied.client();
  const ask = async (): Promise<string> => {
    const { body } = await client.ask(get('/'));
    return body === '' || body === 'good' ? body : codeOf(body);
  };
  await close(true);
  for (let i = 0; i < 6; i++) t.equal(await ask(), 'no_server', 'closed, however often');
  await close(false);
  t.equal(await ask(), 'good', 'it did not open by that');

  isBad = true;
  for (const code of ['', '', 'breaker_open']) t.equal(await ask(), code);
  isBad = false;
  await close(true);
  for (let code = 'breaker_open'; code === 'breaker_open'; ) code = await ask();
  for (let i = 0; i < 6; i++)
    t.equal(await ask(), 'no_server', 'half open: the place of the probe is free again');
  await close(false);
  t.equal(await ask(), 'good', 'the first that finds a server is the probe');
  t.match(await daemon.daemon.metrics.render(), /sluice_pool_breaker_opened_total\{pool="web"\} 1$/m);
});

t.test('max_requests refuses at once, max_connections has them wait', async (t) => {
  const circuit_breaker = { failure_rate: '0%', max_connections: 1, max_requests: 2 };
  await using proxied = await Proxied.start({ pool: { circuit_breaker } }, 2);
  const [first, second] = proxied.servers as [RawServer, RawServer];
  const clients = [await proxied.client(), await proxied.client(), await proxied.client()] as const;
  clients[0].write(get('/0'));
  const peer = await first.accept();
  await peer.request();
  clients[1].write(get('/1'));
  const { daemon } = proxied;
  const slot = daemon.daemon.pools[0]?.admission?.requests?.slot as number;
  await daemon.until('both are in the pool', () => daemon.daemon.slots.inFlight(slot) === 2);
  t.equal(second.connections, 0, 'it waits although a server is free');
  const refused = await clients[2].ask(get('/2'));
  t.same([refused.status, codeOf(refused.body)], [503, 'pool_full']);
  peer.write(ok('zero'));
  t.equal((await clients[0].answer()).body, 'zero');
  const next = await second.accept();
  t.equal((await next.request()).start, 'GET /1 HTTP/1.1');
  next.write(ok('one'));
  t.equal((await clients[1].answer()).body, 'one');
});

t.test('max_retries: what is not repeated holds no place among the repeats', async (t) => {
  const circuit_breaker = { failure_rate: '0%', max_retries: 1 };
  const retry = { attempts: 2, when: [503] };
  await using proxied = await Proxied.start(
    { pool: { circuit_breaker, retry, outlier_detection: false } },
    2,
  );
  const [first, second] = proxied.servers as [RawServer, RawServer];
  const [a, b] = [await proxied.client(), await proxied.client()];
  a.write('POST / HTTP/1.1\r\nHost: t.example\r\nContent-Length: 2\r\n\r\nok');
  const posted = await first.accept();
  await posted.request();
  posted.write('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nno');
  await a.until('the head of its answer', () => a.received > 0 || undefined);
  b.write(get('/b'));
  const asked = await second.accept();
  await asked.request();
  asked.write(UNAVAILABLE);
  const again = await first.accept();
  await again.request();
  again.write(ok('first'));
  t.equal((await b.answer()).body, 'first');
  posted.write('no');
  t.equal((await a.answer()).status, 503);
});

t.test('max_retries: what is repeated at a time', async (t) => {
  const circuit_breaker = { failure_rate: '0%', max_retries: 1 };
  await using proxied = await Proxied.start({ pool: { circuit_breaker, outlier_detection: false } }, 2);
  const [first, second] = proxied.servers as [RawServer, RawServer];
  const [a, b] = [await proxied.client(), await proxied.client()];
  a.write(get('/a'));
  const one = await first.accept();
  await one.request();
  one.write('nonsense\r\n\r\n');
  const repeated = await second.accept();
  await repeated.request();
  // While that one is under way, nobody else is repeated.
  b.write(get('/b'));
  const two = await first.accept();
  await two.request();
  two.write('nonsense\r\n\r\n');
  t.equal((await b.answer()).status, 502);
  repeated.write(ok('second'));
  t.equal((await a.answer()).body, 'second');
});
