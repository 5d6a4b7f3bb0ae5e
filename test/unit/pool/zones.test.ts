/** The own zone first, and how much of it spills when it does not suffice. */
import t from 'tap';
import { STATE } from '../../../src/kernel/slots.ts';
import { ALGORITHMS } from '../../../src/pool/index.ts';
import { nearShare } from '../../../src/pool/zones.ts';
import { PoolFixture } from '../../support/pool-fixture.ts';

const SERVERS = [
  { id: 'near-1', zone: 'a' },
  { id: 'near-2', zone: 'a' },
  { id: 'near-3', zone: 'a' },
  { id: 'far-1', zone: 'b' },
  { id: 'far-2', zone: 'b' },
  { id: 'far-3', zone: '' },
];

t.test('what the near ones take', async (t) => {
  const table: [healthy: number, all: number, share: number][] = [
    [3, 3, 1],
    [5, 7, 1],
    [2, 3, 0.933],
    [1, 3, 0.467],
    [1, 10, 0.14],
    [0, 3, 0],
    [0, 0, 0],
  ];
  for (const [healthy, all, share] of table)
    t.equal(Math.round(nearShare(healthy, all) * 1000) / 1000, share, `${healthy} of ${all}`);
});

for (const algorithm of ALGORITHMS) {
  t.test(algorithm, async (t) => {
    const PICKS = 6000;
    const nearOf = (fixture: PoolFixture): number =>
      Object.entries(fixture.spread(PICKS))
        .filter(([id]) => id.startsWith('near'))
        .reduce((sum, [, count]) => sum + count, 0) / PICKS;
    const down = (fixture: PoolFixture, ...ids: string[]): void => {
      for (const id of ids) fixture.slots.setState(fixture.server(id).slot, 0, STATE.healthy);
    };
    const zoned = (more: object = {}) => new PoolFixture({ algorithm, servers: SERVERS, zone: 'a', ...more });

    const fixture = zoned();
    t.equal(nearOf(fixture), 1, 'all of it while all are up');
    down(fixture, 'near-1');
    const two = nearOf(fixture);
    t.ok(Math.abs(two - 0.933) < 0.03, `two of three: ${two}`);
    down(fixture, 'near-2');
    const one = nearOf(fixture);
    t.ok(Math.abs(one - 0.467) < 0.04, `one of three: ${one}`);
    down(fixture, 'near-3');
    t.equal(nearOf(fixture), 0, 'nobody');
    const away = zoned();
    down(away, 'far-1', 'far-2', 'far-3', 'near-1', 'near-2');
    t.equal(nearOf(away), 1, 'nobody is elsewhere');
    const drained = zoned();
    drained.slots.setState(drained.server('near-1').slot, STATE.draining, 0);
    t.equal(nearOf(drained), 1, 'who is drained on purpose is not missing');
    const unzoned = new PoolFixture({ algorithm, servers: SERVERS });
    t.ok(algorithm === 'first' || nearOf(unzoned) < 0.8, 'without a zone of its own all are alike');
    const elsewhere = zoned({ zone: 'c' });
    t.ok(algorithm === 'first' || nearOf(elsewhere) < 0.8, 'nobody is in the own zone');
  });
}

t.test('who finds the zone full goes to another one, and says so', async (t) => {
  const fixture = new PoolFixture({
    algorithm: 'round_robin',
    zone: 'a',
    servers: [
      { id: 'near', zone: 'a', max: 1 },
      { id: 'far', zone: 'b', max: 1 },
    ],
    queue: { max: 0, timeoutMs: 0 },
  });
  const first = fixture.take();
  const second = fixture.take();
  t.same([first.server.id, first.why], ['near', 'round_robin']);
  t.same([second.server.id, second.why], ['far', 'other_zone']);
  t.match(fixture.pool.pick(fixture.ctx()), { kind: 'none', reason: 'busy' });
  first.release('ok');
  const third = fixture.take();
  t.equal(third.server.id, 'near');
  second.release('ok');
  third.release('ok');
});

t.test('it is always the same keys that spill', async (t) => {
  for (const algorithm of ['ip_hash', 'consistent_hash'] as const) {
    const fixture = new PoolFixture({ algorithm, servers: SERVERS, zone: 'a' });
    fixture.slots.setState(fixture.server('near-1').slot, 0, STATE.healthy);
    fixture.slots.setState(fixture.server('near-2').slot, 0, STATE.healthy);
    const pickOf = (hashKey: number): string => {
      const lease = fixture.take({ hashKey });
      lease.release('ok');
      return lease.server.id;
    };
    const keys = Array.from({ length: 300 }, (_, i) => (i * 0x9e3779b1) >>> 0);
    const before = keys.map(pickOf);
    t.same(keys.map(pickOf), before, algorithm);
    t.ok(new Set(before).size === 4, `${algorithm}: the near one and all far ones get keys`);
  }
});

t.test('panic is about the pool, not about a zone', async (t) => {
  const fixture = new PoolFixture({ algorithm: 'random', servers: SERVERS, zone: 'a', panic: 0.5 });
  for (const { id } of SERVERS) fixture.slots.setState(fixture.server(id).slot, STATE.checked, 0);
  for (const id of ['near-1', 'near-2']) fixture.slots.setState(fixture.server(id).slot, 0, STATE.healthy);
  const got = fixture.spread(2000);
  t.same([got['near-1'], got['near-2']], [undefined, undefined], 'four of six are healthy');
  for (const id of ['far-1', 'far-2']) fixture.slots.setState(fixture.server(id).slot, 0, STATE.healthy);
  const all = fixture.spread(2000);
  t.equal(Object.keys(all).length, 6, 'two of six are: all are tried');
});
