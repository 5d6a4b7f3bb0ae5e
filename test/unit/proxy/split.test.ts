/** Sides of a split: shares, steadiness, and who moves when weights change. */
import t from 'tap';
import { hashText } from '../../../src/pool/index.ts';
import { PoolSplit } from '../../../src/proxy/split.ts';

const KEYS = Array.from({ length: 20_000 }, (_, i) => hashText(`10.${i >> 8}.${i & 255}.7`));

function sides(weights: Readonly<Record<string, number>>): string[] {
  const split = new PoolSplit(Object.entries(weights).map(([pool, weight]) => ({ pool, weight })));
  return KEYS.map((key) => split.poolOf(key));
}

const shareOf = (all: readonly string[], pool: string): number =>
  all.filter((it) => it === pool).length / all.length;

t.test('shares follow the weights', (t) => {
  const all = sides({ a: 70, b: 25, c: 5, off: 0 });
  for (const [pool, share] of [
    ['a', 0.7],
    ['b', 0.25],
    ['c', 0.05],
    ['off', 0],
  ] as const)
    t.ok(Math.abs(shareOf(all, pool) - share) < 0.01, `${pool}: ${shareOf(all, pool)}`);
  t.same(sides({ a: 70, b: 25, c: 5, off: 0 }), all, 'the same again');
  t.same(new Set(sides({ only: 1, off: 0 })), new Set(['only']));
  t.end();
});

t.test('a changed weight moves clients to that pool or from it, and no more than it must', (t) => {
  const before = sides({ a: 80, b: 15, c: 5 });
  const rows: readonly (readonly [Record<string, number>, pool: string, most: number])[] = [
    // c from 5/100 to 10/105: another 4.5 %
    [{ a: 80, b: 15, c: 10 }, 'c', 0.055],
    [{ a: 80, b: 15, c: 0 }, 'c', 0.06],
    [{ a: 80, b: 15, c: 5, d: 10 }, 'd', 0.1],
    [{ c: 5, b: 15, a: 80 }, '', 0],
    [{ a: 160, b: 30, c: 10 }, '', 0],
  ];
  for (const [weights, pool, most] of rows) {
    const after = sides(weights);
    const moved = before.flatMap((from, i) => (after[i] === from ? [] : [[from, after[i]]]));
    t.ok(moved.length / KEYS.length <= most, `${JSON.stringify(weights)}: ${moved.length} moved`);
    t.ok(moved.every((it) => it.includes(pool)));
  }
  t.end();
});

t.test('clients of one side are all over the servers of its pool', (t) => {
  const all = sides({ a: 50, b: 50 });
  // ip_hash over two servers is decided by the same key: it must not know the side.
  const again = new PoolSplit([
    { pool: 'x', weight: 1 },
    { pool: 'y', weight: 1 },
  ]);
  const within = KEYS.filter((_, i) => all[i] === 'a').map((key) => again.poolOf(key));
  t.ok(Math.abs(shareOf(within, 'x') - 0.5) < 0.02);
  t.end();
});
