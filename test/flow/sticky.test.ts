/** Sticky sessions: a client stays on its server, moves when it must, and never learns who that is. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { valuesOf } from '../support/http-message.ts';
import { type Answer, fieldOf, get, ok, Peer, RawServer } from '../support/peer.ts';
import { onePool, Proxied } from '../support/proxied.ts';

const cookieOf = (answer: Answer): string => valuesOf(answer, 'set-cookie')[0] ?? '';
const pairOf = (cookie: string): string => cookie.split(';', 1)[0] ?? '';

t.test('a client with the cookie keeps its server (B28)', async (t) => {
  await using proxied = await Proxied.start({ pool: { sticky: { cookie: 'where', ttl: '1h' } } }, 3);
  for (const [i, server] of proxied.servers.entries()) server.answerAll(() => ok(`${i}`));
  const client = await proxied.client();
  const first = await client.ask(get('/'));
  const cookie = cookieOf(first);
  t.match(cookie, /^where=[\w-]{16,}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=3600$/);
  t.notMatch(cookie, /127\.0\.0\.1|Secure/);
  for (let i = 0; i < 9; i++) {
    const answer = await client.ask(get('/', `Cookie: a=b; ${pairOf(cookie)}\r\n`));
    t.equal(answer.body, first.body);
    t.equal(cookieOf(answer), '', 'none is set again');
  }
  const others = new Set<string>();
  for (let i = 0; i < 6; i++) others.add((await client.ask(get('/'))).body);
  t.equal(others.size, 3, 'without it the turn goes round');
});

t.test('a forged cookie is nobody’s (B31)', async (t) => {
  await using proxied = await Proxied.start({ pool: { sticky: 'cookie' } }, 2);
  for (const [i, server] of proxied.servers.entries()) server.answerAll(() => ok(`${i}`));
  const client = await proxied.client();
  for (const value of ['x', '""', 'A'.repeat(500), proxied.server.address]) {
    const answer = await client.ask(get('/', `Cookie: sluice=${value}\r\n`));
    t.equal(answer.status, 200);
    t.ok(cookieOf(answer), `${value} is replaced`);
  }
});

t.test('a drained server keeps its sticky clients, one in maintenance loses them (B29, B30)', async (t) => {
  await using proxied = await Proxied.start({ pool: { sticky: 'cookie' } }, 2);
  for (const [i, server] of proxied.servers.entries()) server.answerAll(() => ok(`${i}`));
  const { daemon } = proxied.daemon;
  const client = await proxied.client();
  const first = await client.ask(get('/'));
  const pair = pairOf(cookieOf(first));
  const address = (proxied.servers[Number(first.body)] as RawServer).address;
  await daemon.changeServer('web', address, { draining: true }, 'test');
  t.equal((await client.ask(get('/', `Cookie: ${pair}\r\n`))).body, first.body);
  for (let i = 0; i < 4; i++) t.not((await client.ask(get('/'))).body, first.body, 'no new ones');
  await daemon.changeServer('web', address, { maintenance: true }, 'test');
  const moved = await client.ask(get('/', `Cookie: ${pair}\r\n`));
  t.not(moved.body, first.body);
  t.not(pairOf(cookieOf(moved)), pair);
});

t.test('over TLS the cookie is for TLS only (B28)', async (t) => {
  await using proxied = await Proxied.start({
    pool: { sticky: 'cookie' },
    file: { certificates: { local: { self_signed: ['localhost'] } } },
    listener: { tls: { certificates: ['local'] } },
  });
  proxied.server.answerAll(() => ok('x'));
  const client = await proxied.client({ tls: true });
  const answer = await client.ask(get('/'));
  t.match(cookieOf(answer), /; Secure/);
  t.equal(fieldOf(answer, 'content-length'), '1');
});

t.test('a client keeps its server over reloads and a restart (B32)', async (t) => {
  const servers = await Promise.all([RawServer.open('0'), RawServer.open('1'), RawServer.open('2')]);
  t.teardown(() => Promise.all(servers.map((it) => it[Symbol.asyncDispose]())));
  for (const [i, server] of servers.entries()) server.answerAll(() => ok(`${i}`));
  const folder = mkdtempSync(join(tmpdir(), 'sluice-sticky-'));
  // What is kept of a daemon is its store; the rest of its folder goes with it.
  const store = { path: join(folder, 'data') };
  const changes = { pool: { sticky: 'cookie' as const }, file: { store } };
  const ask = async (daemon: DaemonFixture, fields = ''): Promise<Answer> => {
    await using client = await Peer.connect(daemon.port());
    return await client.ask(get('/', fields));
  };
  let pair = '';
  let body = '';
  {
    await using daemon = await DaemonFixture.start(onePool(servers, changes));
    const first = await ask(daemon);
    pair = pairOf(cookieOf(first));
    body = first.body;
    // Without one of the others, and in another order.
    const kept = servers.filter((_, i) => `${i}` === body || i === 2 || body === '2').reverse();
    await daemon.reload(onePool(kept, changes));
    for (let i = 0; i < 4; i++) {
      const again = await ask(daemon, `Cookie: ${pair}\r\n`);
      t.equal(again.body, body);
      t.equal(cookieOf(again), '', 'none is set again');
    }
    const gone = servers.filter((_, i) => `${i}` !== body);
    await daemon.reload(onePool(gone, changes));
    const moved = await ask(daemon, `Cookie: ${pair}\r\n`);
    t.not(moved.body, body);
    t.not(pairOf(cookieOf(moved)), pair);
  }
  await using restarted = await DaemonFixture.start(onePool(servers, changes));
  t.equal((await ask(restarted, `Cookie: ${pair}\r\n`)).body, body);
});

t.test(
  'a client keeps its server by a header; a server that leaves moves its own clients only',
  async (t) => {
    await using proxied = await Proxied.start(
      { pool: { algorithm: 'consistent_hash', sticky: 'header:X-User' } },
      3,
    );
    for (const [i, server] of proxied.servers.entries()) server.answerAll(() => ok(`${i}`));
    const client = await proxied.client();
    const all = async (): Promise<string[]> => {
      const bodies: string[] = [];
      for (let user = 0; user < 30; user++)
        bodies.push((await client.ask(get('/', `x-user: u${user}\r\n`))).body);
      return bodies;
    };
    const before = await all();
    t.equal(new Set(before).size, 3);
    t.same(await all(), before);
    const { address } = proxied.servers[1] as RawServer;
    await proxied.daemon.daemon.changeServer('web', address, { maintenance: true }, 'test');
    const after = await all();
    t.ok(after.every((body, i) => (before[i] === '1' ? body !== '1' : body === before[i])));
  },
);

t.test('the attributes of the cookie', async (t) => {
  const sticky = {
    cookie: '__Secure-at',
    ttl: '90s',
    path: '/shop',
    domain: 'example.com',
    same_site: 'none',
    secure: 'always',
  } as const;
  await using proxied = await Proxied.start({ pool: { sticky } });
  proxied.server.answerAll(() => ok('x'));
  const client = await proxied.client();
  t.match(
    cookieOf(await client.ask(get('/shop'))),
    /^__Secure-at=[\w-]{22}; Path=\/shop; Domain=example\.com; HttpOnly; SameSite=None; Max-Age=90; Secure$/,
  );
});
