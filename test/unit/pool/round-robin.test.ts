import t from 'tap';
import { SmoothSequence } from '../../../src/pool/algorithms/smooth-sequence.ts';
import { PoolFixture } from '../../support/pool-fixture.ts';

function order(weights: readonly number[], turns: number): number[] {
  const sequence = new SmoothSequence();
  sequence.rebuild(weights);
  return Array.from({ length: turns }, (_, turn) => sequence.indexAt(turn));
}

t.test("the order is nginx's", (t) => {
  t.equal(
    order([5, 1, 1], 14)
      .map((i) => 'abc'[i])
      .join(''),
    'aabacaaaabacaa',
  );
  t.equal(order([1, 1, 1], 6).join(''), '012012');
  t.equal(order([400, 400], 4).join(''), '0101');
  t.equal(order([2, 1], 6).join(''), '010010');
  t.equal(order([4], 3).join(''), '000');
  t.equal(order([1000, 500, 500], 8).join(''), '01200120');
  const none = new SmoothSequence();
  none.rebuild([]);
  t.equal(none.indexAt(0), -1);
  t.end();
});

t.test('every cycle is exact and nobody comes in a burst, whatever the size (B19)', (t) => {
  const many = Array.from({ length: 1000 }, (_, i) => 1 + ((i * 7919) % 1000));
  const cases: readonly (readonly number[])[] = [[7, 3, 2], [1, 2, 3, 4, 5], [1000, 999, 1], [1000, 1], many];
  for (const weights of cases) {
    const cycle = weights.reduce((sum, weight) => sum + weight, 0);
    const seen = order(weights, cycle);
    const counts = weights.map(() => 0);
    const last = weights.map(() => -1);
    let worst = 0;
    seen.forEach((i, turn) => {
      counts[i] = (counts[i] ?? 0) + 1;
      const lastTurn = last[i] ?? -1;
      if (lastTurn >= 0) worst = Math.max(worst, ((turn - lastTurn) * (weights[i] ?? 0)) / cycle);
      last[i] = turn;
    });
    t.same(counts, weights, `${weights.length} weights: ${cycle} turns`);
    t.ok(worst <= 4, `${weights.length} weights: the longest gap is ${worst.toFixed(2)} of the even one`);
  }
  t.ok(
    order(many, 10_000).every((i, turn, all) => i !== all[turn + 1]),
    'nobody twice in a row among 1 000',
  );
  t.end();
});

t.test('two threads share one order', (t) => {
  const fixture = new PoolFixture({
    servers: [{ id: 'a', weight: 5 }, { id: 'b' }, { id: 'c' }],
    threads: 2,
  });
  const other = fixture.compile({ thread: 1 });
  const got = Array.from(
    { length: 14 },
    (_, i) => fixture.take({}, i % 3 === 0 ? other : fixture.pool).server.id,
  );
  t.equal(got.join(''), 'aabacaaaabacaa');
  t.end();
});

t.test('who loses a turn is replaced by all others in turn', (t) => {
  const fixture = new PoolFixture({
    servers: ['a', 'b', 'c', 'd'].map((id) => ({ id, max: id === 'b' ? 1 : 0 })),
  });
  fixture.slots.tryAcquire(fixture.server('b').slot, 1, 0);
  t.same(fixture.spread(300), { a: 100, c: 100, d: 100 });
  t.end();
});

t.test('a changed weight changes the order at once', (t) => {
  const fixture = new PoolFixture({ algorithm: 'weighted', servers: [{ id: 'a' }, { id: 'b' }] });
  t.same(fixture.spread(40), { a: 20, b: 20 });
  fixture.slots.setWeight(fixture.server('a').slot, 3);
  t.same(fixture.spread(40), { a: 30, b: 10 });
  t.end();
});
