/** Which servers of a large pool a data thread keeps to. */
import t from 'tap';
import { STATE } from '../../../src/kernel/slots.ts';
import { ALGORITHMS, type Pool, type PoolServer } from '../../../src/pool/index.ts';
import { makeServer } from '../../../src/pool/server.ts';
import { Subset } from '../../../src/pool/subset.ts';
import { PoolFixture, said } from '../../support/pool-fixture.ts';

function servers(count: number): PoolServer[] {
  return Array.from({ length: count }, (_, i) =>
    makeServer(
      { id: `s${i}`, address: '', host: '', port: 0, tls: false, slot: i, generation: 0, backup: false },
      i,
    ),
  );
}

function kept(
  all: readonly PoolServer[],
  size: number,
  thread: number,
  threads: number,
  node = 'one',
): string[] {
  return [...new Subset(all, { size, node }, { thread, threads }).of(all).kept].map((it) => it.id);
}

/** How many of the one are not in the other. */
const lost = (before: readonly string[], after: readonly string[]): number =>
  before.filter((id) => !after.includes(id)).length;

t.test('every server is kept by as many threads as any other, give or take one', async (t) => {
  const table: [servers: number, size: number, threads: number][] = [
    [100, 20, 8],
    [100, 20, 5],
    [100, 20, 3],
    [97, 20, 16],
    [1000, 20, 4],
    [21, 20, 4],
    [50, 7, 64],
    [30, 20, 1],
  ];
  for (const [count, size, threads] of table) {
    const all = servers(count);
    const times = new Map(all.map((it) => [it.id, 0]));
    for (let thread = 0; thread < threads; thread++) {
      const ids = kept(all, size, thread, threads);
      t.equal(ids.length, size);
      for (const id of ids) times.set(id, (times.get(id) ?? 0) + 1);
    }
    const [least, most] = [Math.min(...times.values()), Math.max(...times.values())];
    t.ok(most - least <= 1, `${size} of ${count}, ${threads} threads: ${least} to ${most}`);
  }
});

t.test('over many nodes it is even too, and each has others', async (t) => {
  const all = servers(100);
  const times = new Map(all.map((it) => [it.id, 0]));
  for (let node = 0; node < 100; node++)
    for (let thread = 0; thread < 2; thread++)
      for (const id of kept(all, 20, thread, 2, `node-${node}`)) times.set(id, (times.get(id) ?? 0) + 1);
  // 40 expected; by chance alone five standard deviations are 24.
  for (const [id, count] of times) t.ok(count > 15 && count < 65, `${id}: ${count}`);
  t.ok(lost(kept(all, 20, 0, 2, 'node-1'), kept(all, 20, 0, 2, 'node-2')) > 8);
  t.same(
    kept(all, 20, 0, 2, 'node-1'),
    kept([...all].reverse(), 20, 0, 2, 'node-1'),
    'whatever the order of the file',
  );
});

t.test('who leaves or joins changes two servers of a thread at most', async (t) => {
  const all = servers(100);
  for (let threads = 1; threads <= 8; threads++)
    for (let thread = 0; thread < threads; thread++) {
      const before = kept(all, 20, thread, threads);
      let sum = 0;
      for (const leaver of all) {
        const changed = lost(
          before,
          kept(
            all.filter((it) => it !== leaver),
            20,
            thread,
            threads,
          ),
        );
        sum += changed;
        if (changed > 2) t.fail(`${leaver.id} changes ${changed} of thread ${thread} of ${threads}`);
      }
      t.ok(sum <= 150, `of ${threads}, thread ${thread}: ${sum / all.length} a change`);
    }
});

t.test('who is not fit is replaced, alone, and comes back to its place', async (t) => {
  const all = servers(100);
  const subset = new Subset(all, { size: 20, node: 'one' }, { thread: 1, threads: 4 });
  const { kept: before, others } = subset.of(all);
  for (const down of all) {
    const { kept: after } = subset.of(all.filter((it) => it !== down));
    t.equal(after.size, 20);
    const left = [...before].filter((it) => !after.has(it));
    t.same(left, before.has(down) ? [down] : []);
    if (before.has(down)) t.ok(after.has(others[0] as PoolServer));
  }
  const few = all.slice(0, 7);
  t.equal(subset.of(few).kept.size, 7);
  t.same(subset.of(few).others, []);
});

// ---- in a pool

const MANY = Array.from({ length: 40 }, (_, i) => ({ id: `s${i}` }));
const KEYED: readonly string[] = ['ip_hash', 'consistent_hash'];

function askedBy(fixture: PoolFixture, pool: Pool, picks: number): Map<string, number> {
  const got = new Map<string, number>();
  for (let i = 0; i < picks; i++) {
    const lease = fixture.take({ hashKey: Math.imul(i, 0x01000193) }, pool);
    got.set(lease.server.id, (got.get(lease.server.id) ?? 0) + 1);
    lease.release('ok');
  }
  return got;
}

for (const algorithm of ALGORITHMS) {
  t.test(algorithm, async (t) => {
    const fixture = new PoolFixture({ algorithm, servers: MANY, subset: 5, threads: 5 });
    const pools = [0, 1, 2, 3].map((thread) => fixture.compile({ thread }));
    const all = pools.map((pool) => askedBy(fixture, pool, 1000));
    if (KEYED.includes(algorithm)) {
      t.same(all[1], all[0], 'a key has the same server in each thread');
      t.ok((all[0]?.size ?? 0) > 30, 'of all servers');
      return;
    }
    for (const got of all) t.ok(got.size <= 5, `${got.size} servers`);
    if (algorithm === 'first') return;
    for (const got of all) {
      t.equal(got.size, 5, 'each of them gets something');
      t.ok(
        [...got.values()].every((count) => count > 100),
        [...got.values()].join(' '),
      );
    }
    t.equal(new Set(all.flatMap((got) => [...got.keys()])).size, 20, 'each thread has others');
  });
}

t.test('threads that take turns in asking do not leave servers out', async (t) => {
  const fixture = new PoolFixture({ servers: MANY, subset: 4, threads: 3 });
  const pools = [0, 1].map((thread) => fixture.compile({ thread }));
  const got = pools.map(() => new Set<string>());
  for (let i = 0; i < 80; i++) {
    const lease = fixture.take({}, pools[i % 2]);
    got[i % 2]?.add(lease.server.id);
    lease.release('ok');
  }
  t.same(
    got.map((it) => it.size),
    [4, 4],
  );
});

t.test('when those of the subset are full, suspect, tried or down, others are asked', async (t) => {
  const fixture = new PoolFixture({
    servers: MANY.map(({ id }) => ({ id, max: 1 })),
    subset: 5,
    queue: { max: 10, timeoutMs: 100 },
  });
  const { pool } = fixture;
  const own = Array.from({ length: 5 }, () => fixture.take());
  t.ok(own.every((lease) => lease.why === 'round_robin'));
  const sixth = fixture.take();
  t.equal(sixth.why, 'outside_subset');
  const rest = Array.from({ length: 34 }, () => fixture.take());
  t.ok(rest.every((lease) => lease.why === 'outside_subset'));
  t.equal(said(pool.pick(fixture.ctx())), 'busy', 'nobody is left out');
  for (const lease of [...own, sixth, ...rest]) lease.release('ok');

  const tried = own.map((lease) => lease.server);
  t.equal(fixture.take({ tried }).why, 'outside_subset');
  fixture.down(...tried.map((server) => server.id));
  const replaced = fixture.take();
  t.equal(replaced.why, 'round_robin', 'others have come into the subset');
  t.notOk(tried.includes(replaced.server));
});

t.test('what overflows goes to few others', async (t) => {
  const fixture = new PoolFixture({ servers: MANY, subset: 5, algorithm: 'least_connections' });
  const tried = [...askedBy(fixture, fixture.pool, 500).keys()].map((id) => fixture.server(id));
  const got = new Set<string>();
  for (let i = 0; i < 500; i++) {
    const lease = fixture.take({ tried });
    got.add(lease.server.id);
    lease.release('ok');
  }
  t.equal(got.size, 5);
});

t.test('a cookie finds its server outside of the subset', async (t) => {
  const sticky = {
    cookie: 'sluice',
    ttlMs: null,
    path: '/',
    domain: null,
    sameSite: 'lax',
    secure: 'auto',
  } as const;
  const fixture = new PoolFixture({ servers: MANY, subset: 5, threads: 3, sticky });
  const first = fixture.take({}, fixture.compile({ thread: 1 }));
  const again = fixture.take({ cookieHeader: first.setCookie?.split(';')[0] ?? '' });
  t.same([again.server.id, again.why], [first.server.id, 'sticky']);
  t.notOk(askedBy(fixture, fixture.pool, 100).has(first.server.id));
});

t.test('in a panic, and with backups and zones, it holds too', async (t) => {
  const fixture = new PoolFixture({
    servers: MANY.map(({ id }, i) => ({ id, zone: i < 20 ? 'a' : 'b' })),
    zone: 'a',
    subset: 3,
    algorithm: 'random',
  });
  const near = askedBy(fixture, fixture.pool, 300);
  t.equal(near.size, 3);
  t.ok([...near.keys()].every((id) => Number(id.slice(1)) < 20));
  const backups = new PoolFixture({
    servers: [{ id: 'a' }, ...MANY.map(({ id }) => ({ id, backup: true }))],
    subset: 3,
    algorithm: 'random',
  });
  backups.down('a');
  t.equal(askedBy(backups, backups.pool, 300).size, 3);
  const panicking = new PoolFixture({ servers: MANY, subset: 3, algorithm: 'random', panic: 0.5 });
  for (const server of panicking.pool.servers)
    panicking.slots.setState(server.slot, STATE.checked, STATE.healthy);
  t.equal(askedBy(panicking, panicking.pool, 300).size, 3);
});
