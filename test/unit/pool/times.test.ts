/** Choosing by how long servers take: what is observed, how it fades, what a failure costs. */
import t from 'tap';
import { DECAY_MS, PEAK_DECAY_MS } from '../../../src/kernel/slot-times.ts';
import type { AlgorithmName } from '../../../src/pool/index.ts';
import { PoolFixture } from '../../support/pool-fixture.ts';

const near = (value: number, wanted: number): boolean => Math.abs(value - wanted) < wanted * 0.001;

t.test('the peak goes up at once and comes down with time', (t) => {
  const fixture = new PoolFixture({ servers: [{ id: 'a' }], threads: 2 });
  const { slot } = fixture.server('a');
  const { times } = fixture.slots;
  const now = (): number => fixture.clock.nowMs();
  t.equal(times.peakMs(slot, now()), -1, 'nothing was observed');
  times.observe(slot, 0, 10, now());
  times.observe(slot, 0, 100, now());
  t.equal(times.peakMs(slot, now()), 100);
  times.observe(slot, 0, 10, now());
  t.equal(times.peakMs(slot, now()), 100, 'no time has passed');
  fixture.clock.advance(PEAK_DECAY_MS);
  t.ok(near(times.peakMs(slot, now()), 100 / Math.E), 'it fades while nothing is heard');
  times.observe(slot, 0, 10, now());
  t.ok(near(times.peakMs(slot, now()), 100 / Math.E + 10 * (1 - 1 / Math.E)));
  times.observe(slot, 1, 80, now());
  t.equal(times.peakMs(slot, now()), 80, 'the worst that any thread has seen');
  t.equal(times.peakMs(slot, now() - 5), 80, 'a request that began a little earlier');
  fixture.slots.retire(slot);
  fixture.slots.clear(slot);
  t.equal(times.peakMs(slot, now()), -1, 'the next owner begins anew');
  t.end();
});

for (const algorithm of ['peak_ewma', 'least_time'] as const satisfies readonly AlgorithmName[]) {
  t.test(algorithm, (t) => {
    const three = (): PoolFixture =>
      new PoolFixture({ algorithm, servers: ['a', 'b', 'slow'].map((id) => ({ id })) });
    /** Requests one after the other: each answered as its server does. */
    const play = (fixture: PoolFixture, count: number, answer: (id: string) => [number, number]) => {
      const got: Record<string, number> = { a: 0, b: 0, slow: 0 };
      for (let i = 0; i < count; i++) {
        const lease = fixture.take();
        const [status, ms] = answer(lease.server.id);
        got[lease.server.id] = (got[lease.server.id] ?? 0) + 1;
        fixture.clock.advance(1);
        lease.answered(status, ms);
        lease.release('ok');
      }
      return got;
    };

    t.test('a slow server gets little, and all of its share again when it is fast', (t) => {
      const fixture = three();
      const got = play(fixture, 3000, (id) => [200, id === 'slow' ? 400 : 10]);
      t.ok((got['slow'] ?? 0) < 60, JSON.stringify(got));
      fixture.clock.advance(8 * DECAY_MS);
      const after = play(fixture, 3000, () => [200, 10]);
      t.ok((after['slow'] ?? 0) > 600, JSON.stringify(after));
      t.end();
    });

    t.test('all that slows for a moment does not make a slow server as good', (t) => {
      const fixture = three();
      play(fixture, 30, (id) => [200, id === 'slow' ? 200 : 20]);
      play(fixture, 300, (id) => [200, id === 'slow' ? 240 : 60]);
      const held = Array.from({ length: 28 }, () => fixture.take());
      const isSlow = ({ server }: { server: { id: string } }): boolean => server.id === 'slow';
      const most = algorithm === 'peak_ewma' ? 1 : 4; // of 9, if all were alike
      t.ok(held.filter(isSlow).length <= most, `${held.map(({ server }) => server.id)}`);
      for (const lease of held) lease.release('ok');
      t.end();
    });

    t.test('one that fails fast is not taken for a fast one', (t) => {
      const got = play(three(), 3000, (id) => (id === 'slow' ? [500, 1] : [200, 40]));
      t.ok((got['slow'] ?? 0) < 60, JSON.stringify(got));
      t.end();
    });

    t.test('what is in flight counts as well', (t) => {
      const fixture = three();
      play(fixture, 300, () => [200, 10]);
      const held = Array.from({ length: 300 }, () => fixture.take());
      const counts = fixture.pool.servers.map(({ slot }) => fixture.slots.inFlight(slot));
      // Who has not been heard of is thought to take three times as long.
      t.ok(Math.min(...counts) > 30, `${counts}`);
      for (const lease of held) lease.release('ok');
      t.end();
    });

    t.test('a failure without an answer counts against it', (t) => {
      const fixture = three();
      play(fixture, 300, () => [200, 10]);
      for (const outcome of ['reset', 'timeout', 'bad_answer'] as const) {
        const lease = fixture.take();
        lease.release(outcome);
        const { slot } = lease.server;
        const { times } = fixture.slots;
        const nowMs = fixture.clock.nowMs();
        t.ok(times.peakMs(slot, nowMs) >= 999, outcome);
        t.ok(times.steadyMs(slot, nowMs) > 60, outcome);
      }
      const spared = fixture.take();
      const before = fixture.slots.times.peakMs(spared.server.slot, fixture.clock.nowMs());
      spared.release('client_abort');
      t.equal(fixture.slots.times.peakMs(spared.server.slot, fixture.clock.nowMs()), before);
      t.end();
    });
    t.end();
  });
}

t.test('others observe nothing', (t) => {
  const fixture = new PoolFixture({ algorithm: 'round_robin', servers: [{ id: 'a' }] });
  const lease = fixture.take();
  lease.answered(200, 10);
  lease.release('ok');
  t.equal(fixture.slots.times.peakMs(lease.server.slot, fixture.clock.nowMs()), -1);
  t.end();
});

t.test('first fills the first, then the next', (t) => {
  const fixture = new PoolFixture({
    algorithm: 'first',
    servers: ['a', 'b', 'c'].map((id) => ({ id, max: 3 })),
  });
  const order = Array.from({ length: 7 }, () => fixture.take());
  t.same(
    order.map((lease) => lease.server.id),
    ['a', 'a', 'a', 'b', 'b', 'b', 'c'],
  );
  order[1]?.release('ok');
  t.equal(fixture.take().server.id, 'a');
  t.end();
});
