/** One test pool, all algorithms: what every one of them must do whatever it is called. */
import t from 'tap';
import { PROBE_INTERVAL_MS, STATE } from '../../../src/kernel/slots.ts';
import { ALGORITHMS, type AlgorithmName, type Lease } from '../../../src/pool/index.ts';
import { PoolFixture, said } from '../../support/pool-fixture.ts';

const COUNTED: readonly AlgorithmName[] = ['round_robin', 'weighted', 'least_connections', 'least_time'];
/** What the points of a ring are off by, as a part of a share: one over the root of some 160. */
const RING_SIGMA = 0.09;

/** How far a share of `picks` may be off: nothing where turns are counted, five sigma where dice are thrown. */
function tolerance(algorithm: AlgorithmName, picks: number, share: number): number {
  if (COUNTED.includes(algorithm)) return 0;
  const dice = picks * share * (1 - share);
  return 5 * Math.sqrt(algorithm === 'consistent_hash' ? dice + (picks * share * RING_SIGMA) ** 2 : dice);
}

for (const algorithm of ALGORITHMS) {
  const isByWeight = algorithm !== 'first';
  /** Whether it gets its part; of `first` that is nothing while there is room before it. */
  const everyShare = (got: Record<string, number>, id: string): boolean =>
    isByWeight ? (got[id] ?? 0) > 50 : true;
  t.test(algorithm, (t) => {
    t.test('shares by weight; weight 0 gets nothing (B19)', (t) => {
      if (!isByWeight) return void t.end();
      for (const weights of [
        [1, 1, 1, 0],
        [5, 1, 1, 0],
        [0, 1000, 500, 500],
        [3, 3, 9, 6],
      ]) {
        const fixture = new PoolFixture({
          algorithm,
          servers: weights.map((weight, i) => ({ id: `s${i}`, weight })),
        });
        const sum = weights.reduce((a, b) => a + b);
        const picks = 7 * 1000 * 2;
        const whole = picks - (picks % sum);
        const got = fixture.spread(whole);
        weights.forEach((weight, i) => {
          const expected = (whole * weight) / sum;
          const off = Math.abs((got[`s${i}`] ?? 0) - expected);
          const allowed = tolerance(algorithm, whole, weight / sum);
          t.ok(
            off <= allowed,
            `${weights}: s${i} got ${got[`s${i}`]}, wanted ${expected} ± ${allowed.toFixed(0)}`,
          );
        });
        t.equal(fixture.inFlight(), 0);
      }
      t.end();
    });

    t.test('never picks what was tried, then says that all were tried', (t) => {
      const fixture = new PoolFixture({ algorithm, servers: ['a', 'b', 'c'].map((id) => ({ id })) });
      for (let client = 0; client < 50; client++) {
        const leases: Lease[] = [];
        const tried = () => leases.map((lease) => lease.server);
        for (let n = 0; n < 3; n++) leases.push(fixture.take({ hashKey: client, tried: tried() }));
        t.equal(new Set(tried()).size, 3);
        t.equal(said(fixture.pool.pick(fixture.ctx({ hashKey: client, tried: tried() }))), 'tried_all');
        for (const lease of leases) lease.release('ok');
      }
      t.equal(fixture.inFlight(), 0);
      t.end();
    });

    t.test('a server gets nothing while it is not up, and its share again after', (t) => {
      const fixture = new PoolFixture({ algorithm, servers: ['a', 'b', 'c'].map((id) => ({ id })) });
      const { slot } = fixture.server('b');
      for (const [set, clear] of [
        [0, STATE.healthy],
        [STATE.draining, 0],
        [STATE.maintenance, 0],
      ] as const) {
        fixture.slots.setState(slot, set, clear);
        t.notOk('b' in fixture.spread(300));
        fixture.slots.setState(slot, STATE.healthy, STATE.draining | STATE.maintenance);
        t.ok(everyShare(fixture.spread(300), 'b'));
      }
      fixture.slots.setWeight(slot, 0);
      t.notOk('b' in fixture.spread(300));
      fixture.slots.setWeight(slot, 1);
      fixture.slots.retire(slot);
      t.notOk('b' in fixture.spread(300), 'its slot has another owner');
      t.equal(fixture.inFlight(), 0);
      t.end();
    });

    t.test('says so when nobody is up, and goes on when somebody is', (t) => {
      const fixture = new PoolFixture({ algorithm, servers: ['a', 'b'].map((id) => ({ id })) });
      fixture.down('a', 'b');
      t.equal(said(fixture.pool.pick(fixture.ctx())), 'no_server');
      fixture.up('b');
      t.same(fixture.spread(10), { b: 10 });
      const empty = new PoolFixture({ algorithm, servers: [] });
      t.equal(said(empty.pool.pick(empty.ctx())), 'no_server');
      t.end();
    });

    t.test('backups serve when no primary can be reached, by weight (B24)', (t) => {
      const fixture = new PoolFixture({
        algorithm,
        servers: [{ id: 'a' }, { id: 'b' }, { id: 'x', backup: true, weight: 2 }, { id: 'y', backup: true }],
      });
      t.same(Object.keys(fixture.spread(100)).sort(), isByWeight ? ['a', 'b'] : ['a']);
      fixture.down('a');
      t.same(fixture.spread(100), { b: 100 });
      fixture.down('b');
      const got = fixture.spread(3000);
      t.same(Object.keys(got).sort(), isByWeight ? ['x', 'y'] : ['x']);
      if (isByWeight) t.ok(Math.abs((got['x'] ?? 0) - 2000) <= tolerance(algorithm, 3000, 2 / 3));
      const backup = fixture.take();
      t.equal(backup.why, 'backup');
      backup.release('ok');
      fixture.up('a', 'b');
      const tried = [fixture.server('a'), fixture.server('b')];
      t.match(Object.keys(fixture.spread(10, { tried })).join(), /^[xy]/, 'both primaries were tried');
      t.end();
    });

    t.test('caps hold and freed places are found (B23)', (t) => {
      const fixture = new PoolFixture({ algorithm, servers: ['a', 'b', 'c'].map((id) => ({ id, max: 2 })) });
      const leases = Array.from({ length: 6 }, (_, i) => fixture.take({ hashKey: i * 7919 }));
      t.ok(['a', 'b', 'c'].every((id) => fixture.slots.inFlight(fixture.server(id).slot) === 2));
      t.equal(said(fixture.pool.pick(fixture.ctx())), 'busy');
      const freed = leases[3];
      freed?.release('ok');
      const again = fixture.take();
      t.equal(again.server, freed?.server);
      again.release('ok');
      for (const lease of leases) lease.release('ok');
      t.equal(fixture.inFlight(), 0, 'released twice, counted once');
      t.end();
    });

    t.test('a refused connection sends everybody elsewhere; one probe at a time brings it back', (t) => {
      const fixture = new PoolFixture({ algorithm, servers: ['a', 'b', 'c'].map((id) => ({ id })) });
      const { slot } = fixture.server('a');
      fixture.slots.markSuspect(slot, fixture.clock.nowMs());
      t.notOk('a' in fixture.spread(300));
      fixture.clock.advance(PROBE_INTERVAL_MS);
      const leases = Array.from({ length: 300 }, (_, i) => fixture.take({ hashKey: i * 7919 }));
      const probes = leases.filter((lease) => lease.server.id === 'a');
      t.equal(probes.length, 1);
      t.equal(probes[0]?.why, 'probe');
      probes[0]?.release('connect_error');
      fixture.clock.advance(PROBE_INTERVAL_MS - 1);
      t.notOk('a' in fixture.spread(300));
      fixture.clock.advance(1);
      for (let i = 0; i < 300 && fixture.slots.isSuspect(slot); i++)
        fixture.take({ hashKey: i * 7919 }).release('ok');
      t.notOk(fixture.slots.isSuspect(slot), 'the next probe was answered');
      for (const lease of leases) lease.release('ok');
      t.ok(everyShare(fixture.spread(300), 'a'));
      t.equal(fixture.inFlight(), 0);
      t.end();
    });

    t.test('when all are suspect they are tried all the same, backups last', (t) => {
      const fixture = new PoolFixture({
        algorithm,
        servers: [{ id: 'a' }, { id: 'b' }, { id: 'x', backup: true }],
      });
      for (const server of fixture.pool.servers)
        fixture.slots.markSuspect(server.slot, fixture.clock.nowMs());
      const first = fixture.take();
      const second = fixture.take({ tried: [first.server] });
      const third = fixture.take({ tried: [first.server, second.server] });
      t.same([first.server.id, second.server.id].sort(), ['a', 'b']);
      t.equal(third.server.id, 'x');
      t.same([first.why, second.why, third.why], ['suspect', 'suspect', 'suspect']);
      fixture.slots.clearSuspect(fixture.server('x').slot);
      t.equal(fixture.take().server.id, 'x', 'a sound backup goes before suspect primaries');
      t.end();
    });

    t.test(
      'who warms up gets a growing part of its share, and all of it when nobody else is left (B25)',
      (t) => {
        const fixture = new PoolFixture({ algorithm, servers: ['a', 'b'].map((id) => ({ id })) });
        const { slot } = fixture.server('a');
        const RAMP_MS = 10_000;
        const got = (): number => (fixture.spread(2000)['a'] ?? 0) / 2000;
        const whole = got();
        fixture.slots.setRamp(slot, RAMP_MS, fixture.clock.nowMs());
        t.ok(got() < 0.2 * whole, 'a tenth at first');
        fixture.clock.advance(RAMP_MS / 2);
        const half = got();
        t.ok(half > 0.3 * whole && half < 0.75 * whole, `half of ${whole} then: ${half}`);
        fixture.down('b');
        t.equal(got(), 1, 'nobody else is left');
        fixture.up('b');
        fixture.clock.advance(RAMP_MS / 2);
        t.ok(Math.abs(got() - whole) < 0.1, 'the whole after it');
        t.equal(fixture.inFlight(), 0);
        t.end();
      },
    );

    t.test('who warms up alone has its whole cap', (t) => {
      const fixture = new PoolFixture({ algorithm, servers: [{ id: 'a', max: 20 }] });
      fixture.slots.setRamp(fixture.server('a').slot, 10_000, fixture.clock.nowMs());
      const leases = Array.from({ length: 20 }, () => fixture.take());
      t.equal(said(fixture.pool.pick(fixture.ctx())), 'busy');
      for (const lease of leases) lease.release('ok');
      t.end();
    });

    t.test('panic: when too few are healthy all are tried, unless a backup is (B26)', (t) => {
      const servers = ['a', 'b', 'c', 'd'].map((id) => ({ id, max: 100 }));
      const fixture = new PoolFixture({ algorithm, panic: 0.5, servers });
      const checked = (it: PoolFixture): void => {
        for (const { slot } of it.pool.servers) it.slots.setState(slot, STATE.checked, 0);
      };
      checked(fixture);
      fixture.down('a', 'b');
      t.same(Object.keys(fixture.spread(300)).sort(), isByWeight ? ['c', 'd'] : ['c'], 'half are enough');
      fixture.down('c');
      const got = fixture.spread(300);
      t.same(Object.keys(got).sort(), isByWeight ? ['a', 'b', 'c', 'd'] : ['a']);
      fixture.down('d');
      const lease = fixture.take();
      t.equal(lease.why, 'panic', 'none is');
      lease.release('ok');
      fixture.slots.setState(fixture.server('b').slot, STATE.maintenance, 0);
      t.notOk('b' in fixture.spread(300), 'what people say still holds');
      const reserved = new PoolFixture({
        algorithm,
        panic: 0.5,
        servers: [{ id: 'a' }, { id: 'x', backup: true }],
      });
      checked(reserved);
      reserved.down('a');
      t.same(reserved.spread(10), { x: 10 });
      reserved.down('x');
      t.same(reserved.spread(10), { a: 10 });
      t.end();
    });

    t.test('the ejected are the last resort, backups and suspects before them', (t) => {
      const fixture = new PoolFixture({
        algorithm,
        servers: [{ id: 'a' }, { id: 'b' }, { id: 'x', backup: true }],
      });
      const eject = (id: string): void => fixture.slots.setState(fixture.server(id).slot, STATE.ejected, 0);
      eject('a');
      t.same(fixture.spread(10), { b: 10 });
      fixture.down('b');
      t.same(fixture.spread(10), { x: 10 });
      fixture.slots.markSuspect(fixture.server('x').slot, fixture.clock.nowMs());
      t.equal(fixture.take().server.id, 'x');
      fixture.down('x');
      const lease = fixture.take();
      t.same([lease.server.id, lease.why], ['a', 'ejected']);
      lease.release('ok');
      fixture.up('x');
      eject('x');
      t.same(Object.keys(fixture.spread(100)).sort(), ['a', 'x'], 'all of them share');
      fixture.down('a', 'x');
      t.equal(said(fixture.pool.pick(fixture.ctx())), 'no_server');
      t.end();
    });

    t.test('finds the only one of 1 000 that can take it', (t) => {
      const servers = Array.from({ length: 1000 }, (_, i) => ({ id: `s${i}`, weight: 1 + (i % 5), max: 1 }));
      const fixture = new PoolFixture({ algorithm, servers });
      for (const server of fixture.pool.servers)
        if (server.id !== 's777') fixture.slots.tryAcquire(server.slot, 1, 0);
      const lease = fixture.take({ hashKey: 5 });
      t.equal(lease.server.id, 's777');
      t.equal(said(fixture.pool.pick(fixture.ctx())), 'busy');
      lease.release('ok');
      t.end();
    });
    t.end();
  });
}
