/** Keys and their servers: how even, how few move, what one key may take, over both tables. */
import t from 'tap';
import { HASH_TABLES, makeHashTable } from '../../../src/pool/algorithms/hash-table.ts';
import { hashText } from '../../../src/pool/index.ts';
import { PoolFixture } from '../../support/pool-fixture.ts';

const KEYS = Array.from({ length: 20_000 }, (_, i) => hashText(`/books/${i}`));
const ids = (n: number): string[] => Array.from({ length: n }, (_, i) => `10.0.0.${i}:80`);

/** Which server each key has in a table over these. */
function owners(kind: (typeof HASH_TABLES)[number], names: readonly string[], weights: readonly number[]) {
  const table = makeHashTable(kind);
  table.rebuild(Uint32Array.from(names, hashText), weights);
  return KEYS.map((key) => names[table.serverAt(table.find(key))] as string);
}

for (const kind of HASH_TABLES) {
  t.test(kind, (t) => {
    const n = 10;
    const before = owners(kind, ids(n), Array(n).fill(1));

    t.test('every server has its share, by weight', (t) => {
      const weights = [1, 1, 1, 1, 1, 1, 1, 1, 1, 3];
      const got = owners(kind, ids(n), weights);
      for (const [index, id] of ids(n).entries()) {
        const share = got.filter((it) => it === id).length / KEYS.length;
        const wanted = (weights[index] ?? 1) / 12;
        t.ok(Math.abs(share / wanted - 1) < (kind === 'ring' ? 0.35 : 0.1), `${id}: ${share}`);
      }
      t.end();
    });

    t.test('at most 1.2/n of the keys move when a server goes, or one comes (B21)', (t) => {
      const without = owners(kind, ids(n).slice(0, -1), Array(n - 1).fill(1));
      const moved = KEYS.filter((_, i) => before[i] !== without[i]).length / KEYS.length;
      t.ok(moved <= 1.2 / n, `${moved}`);
      const withOne = owners(kind, ids(n + 1), Array(n + 1).fill(1));
      const taken = KEYS.filter((_, i) => before[i] !== withOne[i]).length / KEYS.length;
      t.ok(taken <= 1.2 / n, `${taken}`);
      if (kind === 'ring') {
        const last = ids(n).at(-1);
        t.notOk(
          KEYS.some((_, i) => before[i] !== last && before[i] !== without[i]),
          'nobody else’s keys move',
        );
      }
      t.end();
    });

    t.test('the order of the file moves hardly any', (t) => {
      const got = owners(kind, ids(n).reverse(), Array(n).fill(1));
      const moved = KEYS.filter((_, i) => before[i] !== got[i]).length / KEYS.length;
      t.ok(moved <= (kind === 'ring' ? 0 : 0.02), `${moved}`);
      t.end();
    });

    t.test('an empty table, and a table of one', (t) => {
      const table = makeHashTable(kind);
      table.rebuild(new Uint32Array(0), []);
      t.equal(table.serverAt(table.find(KEYS[0] ?? 0)), -1);
      t.same(new Set(owners(kind, ['a'], [1])), new Set(['a']));
      t.end();
    });
    t.end();
  });
}

for (const table of HASH_TABLES) {
  t.test(`one key that everybody asks for, ${table}`, (t) => {
    const servers = ids(5).map((id) => ({ id }));
    const bounded = new PoolFixture({
      algorithm: 'consistent_hash',
      hash: { key: { kind: 'path' }, table, maxLoad: 1.25 },
      servers,
    });
    const key = KEYS[7] as number;
    const held = Array.from({ length: 100 }, () => bounded.take({ hashKey: key }));
    const counts = bounded.pool.servers.map(({ slot }) => bounded.slots.inFlight(slot));
    t.ok(Math.max(...counts) <= Math.ceil((1.25 * 100) / 5), `no more than its bound: ${counts}`);
    const own = held[0]?.server;
    t.equal(bounded.slots.inFlight(own?.slot ?? 0), Math.max(...counts), 'its own server has the most');
    for (const lease of held) lease.release('ok');
    t.equal(bounded.take({ hashKey: key }).server, own, 'and gets it again when there is room');

    const unbounded = new PoolFixture({
      algorithm: 'consistent_hash',
      hash: { key: { kind: 'path' }, table, maxLoad: 0 },
      servers,
    });
    const all = Array.from({ length: 100 }, () => unbounded.take({ hashKey: key }));
    t.equal(new Set(all.map((lease) => lease.server)).size, 1);
    t.end();
  });

  t.test(`threads and snapshots agree, ${table}`, (t) => {
    const fixture = new PoolFixture({
      algorithm: 'consistent_hash',
      hash: { key: { kind: 'path' }, table, maxLoad: 0 },
      servers: ids(7).map((id) => ({ id })),
    });
    const other = fixture.compile({ thread: 1 });
    for (const hashKey of KEYS.slice(0, 500)) {
      const here = fixture.take({ hashKey });
      const there = fixture.take({ hashKey }, other);
      t.equal(here.server.id, there.server.id);
      here.release('ok');
      there.release('ok');
    }
    t.end();
  });
}

t.test('more than a small pool: the bound holds with a sum that is a little old', (t) => {
  const fixture = new PoolFixture({
    algorithm: 'consistent_hash',
    hash: { key: { kind: 'path' }, table: 'ring', maxLoad: 1.5 },
    servers: ids(50).map((id) => ({ id })),
  });
  const leases = KEYS.slice(0, 2000).map((hashKey, i) => {
    if (i % 10 === 0) fixture.clock.advance(1);
    return fixture.take({ hashKey });
  });
  const most = Math.max(...fixture.pool.servers.map(({ slot }) => fixture.slots.inFlight(slot)));
  t.ok(most <= Math.ceil((1.5 * 2000) / 50), `${most}`);
  for (const lease of leases) lease.release('ok');
  t.end();
});
