import t from 'tap';
import { STATE } from '../../../src/kernel/slots.ts';
import type { Lease } from '../../../src/pool/index.ts';
import { PoolFixture, type PoolSpec, STICKY_KEY, said } from '../../support/pool-fixture.ts';

const COOKIE = {
  cookie: 'sluice',
  ttlMs: null,
  path: '/',
  domain: null,
  sameSite: 'lax',
  secure: 'auto',
} as const;
const OTHER_KEY = Buffer.alloc(32, 9);

function setUp(part: Partial<PoolSpec> = {}): PoolFixture {
  return new PoolFixture({
    servers: [{ id: 'a' }, { id: 'b' }, { id: 'c' }],
    sticky: COOKIE,
    ...part,
  });
}

/** The Cookie field of a client that was given this lease's cookie. */
function cookieOf(lease: Lease): string {
  return `theme=dark; ${lease.setCookie?.split(';')[0]}; lang=en`;
}

/** A client that belongs to a server: its Cookie field. */
function clientOf(fixture: PoolFixture, id: string): string {
  for (let i = 0; i < 10; i++) {
    const lease = fixture.take();
    lease.release('ok');
    if (lease.server.id === id) return cookieOf(lease);
  }
  throw new Error(`nobody was sent to ${id}`);
}

t.test('the cookie: opaque, and with the attributes that keep it', (t) => {
  const value = setUp().take().setCookie ?? '';
  t.match(value, /^sluice=[\w-]{22}; Path=\/; HttpOnly; SameSite=Lax$/);
  t.match(setUp().take({ secure: true }).setCookie, /; SameSite=Lax; Secure$/);
  const lasting = setUp({ sticky: { ...COOKIE, cookie: 's', ttlMs: 3_600_000 } }).take({
    secure: true,
  }).setCookie;
  t.match(lasting, /^s=[\w-]{22}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=3600; Secure$/);
  const all = {
    ...COOKIE,
    path: '/shop',
    domain: 'example.com',
    sameSite: 'none',
    secure: 'always',
  } as const;
  t.match(
    setUp({ sticky: all }).take().setCookie,
    /^sluice=[\w-]{22}; Path=\/shop; Domain=example\.com; HttpOnly; SameSite=None; Secure$/,
  );
  const never = setUp({ sticky: { ...COOKIE, sameSite: 'strict', secure: 'never' } });
  t.match(never.take({ secure: true }).setCookie, /; SameSite=Strict$/);
  t.notMatch(value, /10\.0\.0/);
  t.equal(setUp({ sticky: null }).take().setCookie, null);
  t.end();
});

t.test('a client comes back to its server and gets no second cookie', (t) => {
  const fixture = setUp();
  const cookieHeader = clientOf(fixture, 'b');
  for (let i = 0; i < 10; i++) {
    const lease = fixture.take({ cookieHeader });
    t.same([lease.server.id, lease.why, lease.setCookie], ['b', 'sticky', null]);
    lease.release('ok');
  }
  const twin = fixture.compile({ thread: 1 });
  t.equal(fixture.take({ cookieHeader }, twin).server.id, 'b', 'in every thread');
  const reversed = setUp({ servers: [{ id: 'x' }, { id: 'c' }, { id: 'b' }] });
  t.equal(reversed.take({ cookieHeader }).server.id, 'b', 'after a reload that changed all but the id');
  t.end();
});

t.test('a cookie that is forged, garbled or made with an unknown key is replaced', (t) => {
  const fixture = setUp();
  const cookie = clientOf(fixture, 'b');
  for (const cookieHeader of [
    'sluice=b',
    'sluice=',
    'sluice=10.0.0.1:80',
    cookie.toUpperCase().replace('SLUICE', 'sluice'),
    cookie.replace(/sluice=./, 'sluice='),
    `sluice=${'A'.repeat(5000)}`,
    clientOf(setUp({ stickyKeys: [OTHER_KEY] }), 'b'),
  ]) {
    const lease = fixture.take({ cookieHeader });
    t.equal(lease.why, 'round_robin');
    t.match(lease.setCookie, /^sluice=/);
    lease.release('ok');
  }
  t.end();
});

t.test('keys rotate: the old one is honoured, the new one signs', (t) => {
  const old = clientOf(setUp({ stickyKeys: [STICKY_KEY] }), 'b');
  const fixture = setUp({ stickyKeys: [OTHER_KEY, STICKY_KEY] });
  const lease = fixture.take({ cookieHeader: old });
  t.same([lease.server.id, lease.why], ['b', 'sticky']);
  t.ok(lease.setCookie);
  const renewed = fixture.take({ cookieHeader: cookieOf(lease) });
  t.same([renewed.server.id, renewed.setCookie], ['b', null]);
  t.equal(setUp({ stickyKeys: [OTHER_KEY] }).take({ cookieHeader: cookieOf(lease) }).server.id, 'b');
  t.end();
});

t.test('who keeps its sticky clients and who does not', (t) => {
  type Change = (fixture: PoolFixture, slot: number) => void;
  const keeps: Record<string, Change> = {
    draining: (fixture) => fixture.set('b', STATE.draining),
    'weight 0': (fixture, slot) => fixture.slots.setWeight(slot, 0),
    'below its cap': (fixture, slot) => fixture.slots.setMaxConnections(slot, 1),
  };
  const loses: Record<string, Change> = {
    maintenance: (fixture) => fixture.set('b', STATE.maintenance),
    unhealthy: (fixture) => fixture.down('b'),
    'draining and unhealthy': (fixture) => {
      fixture.set('b', STATE.draining);
      fixture.down('b');
    },
    suspect: (fixture, slot) => fixture.slots.markSuspect(slot, fixture.clock.nowMs()),
    full: (fixture, slot) => {
      fixture.slots.setMaxConnections(slot, 1);
      fixture.slots.tryAcquire(slot, 1, 0);
    },
    'gone from the file': (fixture, slot) => fixture.slots.retire(slot),
  };
  for (const [name, change] of Object.entries({ ...keeps, ...loses })) {
    const fixture = setUp();
    const cookieHeader = clientOf(fixture, 'b');
    change(fixture, fixture.server('b').slot);
    const lease = fixture.take({ cookieHeader });
    if (name in keeps) t.same([lease.server.id, lease.setCookie], ['b', null], name);
    else {
      t.not(lease.server.id, 'b', name);
      t.equal(
        fixture.take({ cookieHeader: cookieOf(lease) }).server,
        lease.server,
        `${name}: the new cookie holds`,
      );
    }
  }
  t.end();
});

t.test('a draining server takes no new clients', (t) => {
  const fixture = setUp();
  fixture.set('b', STATE.draining);
  t.notOk('b' in fixture.spread(30));
  t.notOk('b' in fixture.spread(30, { cookieHeader: 'sluice=nonsense' }));
  t.end();
});

t.test('a retry leaves the sticky server and moves the client', (t) => {
  const fixture = setUp();
  const lease = fixture.take({ cookieHeader: clientOf(fixture, 'b'), tried: [fixture.server('b')] });
  t.not(lease.server.id, 'b');
  t.ok(lease.setCookie);
  t.end();
});

t.test('the only server drains: its clients are served, others refused', (t) => {
  const fixture = setUp({ servers: [{ id: 'a' }] });
  const cookieHeader = clientOf(fixture, 'a');
  fixture.set('a', STATE.draining);
  t.equal(fixture.take({ cookieHeader }).server.id, 'a');
  t.equal(said(fixture.pool.pick(fixture.ctx())), 'no_server');
  t.end();
});

t.test('a name or keys that cannot work are refused when the pool is made', (t) => {
  t.throws(() => setUp({ sticky: { ...COOKIE, cookie: 'a;b' } }), { code: 'sticky_cookie_name' });
  t.throws(() => setUp({ stickyKeys: [] }), { code: 'sticky_key' });
  t.throws(() => setUp({ stickyKeys: [Buffer.alloc(31)] }), { code: 'sticky_key' });
  t.end();
});
