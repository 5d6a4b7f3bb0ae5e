import t from 'tap';
import { SeededRandom } from '../../../src/kernel/random.ts';
import { AliasTable } from '../../../src/pool/algorithms/alias-table.ts';
import { PoolFixture } from '../../support/pool-fixture.ts';

t.test(
  'least_connections keeps what is in flight in proportion to the weights, over all threads (B20)',
  (t) => {
    const fixture = new PoolFixture({
      algorithm: 'least_connections',
      servers: [{ id: 'a', weight: 5 }, { id: 'b' }, { id: 'c' }],
    });
    const other = fixture.compile({ thread: 1 });
    for (let i = 0; i < 70; i++) fixture.take({}, i % 2 === 0 ? other : fixture.pool);
    t.same(
      ['a', 'b', 'c'].map((id) => fixture.slots.inFlight(fixture.server(id).slot)),
      [50, 10, 10],
    );
    t.end();
  },
);

t.test('least_connections always finds the least, and shares ties (B20)', (t) => {
  const random = new SeededRandom(42);
  const servers = Array.from({ length: 20 }, (_, i) => ({ id: `s${i}` }));
  const fixture = new PoolFixture({ algorithm: 'least_connections', servers });
  for (const server of fixture.pool.servers)
    for (let n = random.below(9) + 1; n > 0; n--) fixture.slots.tryAcquire(server.slot, 1, 0);
  for (let i = 0; i < 100; i++) {
    const loads = fixture.pool.servers.map((server) => fixture.slots.inFlight(server.slot));
    const { server } = fixture.take();
    t.equal(loads[server.index], Math.min(...loads));
  }
  const even = new PoolFixture({ algorithm: 'least_connections', servers: servers.slice(0, 4) });
  for (const server of even.pool.servers) even.slots.tryAcquire(server.slot, 1, 0);
  t.same(even.spread(40), { s0: 10, s1: 10, s2: 10, s3: 10 });
  t.end();
});

t.test('least_connections leaves a nearly idle heavy server its advantage', (t) => {
  const fixture = new PoolFixture({
    algorithm: 'least_connections',
    servers: [
      { id: 'heavy', weight: 100 },
      { id: 'light', weight: 1 },
    ],
  });
  const got = Array.from({ length: 50 }, () => fixture.take().server.id);
  t.equal(got.filter((id) => id === 'light').length, 0);
  t.end();
});

t.test('power_of_two takes the less loaded of any two (B22)', (t) => {
  const fixture = new PoolFixture({ algorithm: 'power_of_two', servers: [{ id: 'a' }, { id: 'b' }] });
  for (let n = 0; n < 3; n++) fixture.slots.tryAcquire(fixture.server('a').slot, 1, 0);
  t.same(fixture.spread(200), { b: 200 }, 'two different ones are drawn every time');
  t.end();
});

t.test('power_of_two is far more even than random', (t) => {
  const servers = Array.from({ length: 200 }, (_, i) => ({ id: `s${i}` }));
  const peak = (algorithm: 'power_of_two' | 'random'): number => {
    const fixture = new PoolFixture({ algorithm, servers, seed: 3 });
    for (let i = 0; i < 2000; i++) fixture.take();
    return Math.max(...fixture.pool.servers.map((server) => fixture.slots.inFlight(server.slot)));
  };
  t.ok(peak('power_of_two') <= 13, `mean 10, power_of_two ${peak('power_of_two')}`);
  t.ok(peak('random') >= 17, `mean 10, random ${peak('random')}`);
  t.end();
});

t.test('power_of_two keeps what is in flight near the weights', (t) => {
  const fixture = new PoolFixture({
    algorithm: 'power_of_two',
    servers: [
      { id: 'a', weight: 6 },
      { id: 'b', weight: 3 },
      { id: 'c', weight: 1 },
    ],
  });
  for (let i = 0; i < 1000; i++) fixture.take();
  const got = ['a', 'b', 'c'].map((id) => fixture.slots.inFlight(fixture.server(id).slot));
  got.forEach((count, i) => {
    t.ok(Math.abs(count - ([600, 300, 100][i] ?? 0)) <= 20, `${got} for 600, 300, 100`);
  });
  t.end();
});

t.test('the alias table draws by weight', (t) => {
  const random = new SeededRandom(11);
  for (const weights of [[1], [1, 1000], [1, 2, 3, 4], Array.from({ length: 300 }, (_, i) => 1 + (i % 10))]) {
    const table = new AliasTable();
    table.rebuild(weights);
    const draws = 200_000;
    const counts = weights.map(() => 0);
    for (let i = 0; i < draws; i++) {
      const at = table.draw(random);
      counts[at] = (counts[at] ?? 0) + 1;
    }
    const sum = weights.reduce((a, b) => a + b);
    const isFar = (i: number): boolean => {
      const share = (weights[i] ?? 0) / sum;
      return Math.abs((counts[i] ?? 0) - draws * share) > 5 * Math.sqrt(draws * share * (1 - share));
    };
    t.notOk(
      weights.some((_, i) => isFar(i)),
      `${weights.length} weights, seed ${random.seed}`,
    );
  }
  t.end();
});
