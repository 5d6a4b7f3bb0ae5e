/** Sticky sessions: a client stays on its server, moves when it must, and never learns who that is. */
import t from 'tap';
import { valuesOf } from '../support/http-message.ts';
import { type Answer, fieldOf, get, ok, type RawServer } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';

const cookieOf = (answer: Answer): string => valuesOf(answer, 'set-cookie')[0] ?? '';
const pairOf = (cookie: string): string => cookie.split(';', 1)[0] ?? '';

t.test('a client with the cookie keeps its server', async (t) => {
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

t.test('a forged cookie is nobody’s', async (t) => {
  await using proxied = await Proxied.start({ pool: { sticky: 'cookie' } }, 2);
  for (const [i, server] of proxied.servers.entries()) server.answerAll(() => ok(`${i}`));
  const client = await proxied.client();
  for (const value of ['x', '""', 'A'.repeat(500), proxied.server.address]) {
    const answer = await client.ask(get('/', `Cookie: sluice=${value}\r\n`));
    t.equal(answer.status, 200);
    t.ok(cookieOf(answer), `${value} is replaced`);
  }
});

t.test('a drained server keeps its sticky clients, one in maintenance loses them', async (t) => {
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

t.test('over TLS the cookie is for TLS only', async (t) => {
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
