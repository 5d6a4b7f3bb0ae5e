/** The live model of pools and servers: states, slots, what is told of them. */
import t from 'tap';
import { COUNTER } from '../../../src/kernel/slot-counters.ts';
import { STATE } from '../../../src/kernel/slots.ts';
import { RegistryFixture as Fixture, pool, server } from '../../support/registry-fixture.ts';

t.test('a server that stays keeps its slot and its health (B34)', async (t) => {
  const fixture = new Fixture([pool([server('a'), server('b')])]);
  fixture.healthy('a');
  const before = fixture.registry.server('web', 'a');
  fixture.reload([pool([server('c'), server('a', { weight: 2 })])]);
  const after = fixture.registry.server('web', 'a');
  t.same(after.slot, before.slot);
  t.equal(after.state, 'healthy');
  t.equal(after.healthMs, 3);
  t.equal(fixture.registry.server('web', 'c').state, 'unknown');
  fixture.reload([pool([server('c')])]);
  fixture.reload([pool([server('c'), server('a')])]);
  const again = fixture.registry.server('web', 'a');
  t.not(`${again.slot.slot}/${again.slot.generation}`, `${before.slot.slot}/${before.slot.generation}`);
  t.equal(again.state, 'unknown', 'who was away is looked at anew');
});

t.test('another address under the same id is another machine, and begins anew', async (t) => {
  const fixture = new Fixture([pool([server('a'), server('b')])]);
  const { registry, slots } = fixture;
  fixture.healthy('a');
  const old = registry.server('web', 'a').slot;
  slots.counters.count(old.slot, 0, COUNTER.picks, 5);
  slots.countError(old.slot, 0);
  registry.setEjected('web', 'a', true, 'errors');
  registry.patch('web', 'a', { draining: true }, 'test');
  t.equal(slots.tryAcquire(old.slot, 0, 1), true, 'a request is on its way');
  fixture.events.length = 0;
  fixture.reload([pool([server('a', { host: '10.0.0.2' }), server('b')])]);
  const { slot, state, ejectedWhy, isDraining, healthMs } = registry.server('web', 'a');
  t.not(slot.slot, old.slot, 'the place of the old one is held until that request is over');
  t.same(
    { state, ejectedWhy, isDraining, healthMs },
    { state: 'unknown', ejectedWhy: '', isDraining: false, healthMs: -1 },
  );
  t.same(
    [slots.counters.totals(slot.slot).picks, slots.errorsInARow(slot.slot), slots.inFlight(slot.slot)],
    [0, 0, 0],
  );
  t.same(fixture.told('server_change'), [
    { pool: 'web', server: 'a', change: 'changed', by: 'configuration' },
  ]);
  fixture.reload([pool([server('a', { host: '10.0.0.2', port: 81 }), server('b')])]);
  t.not(registry.server('web', 'a').slot.slot, slot.slot, 'so is another port');
});

t.test('states, in the order of what matters most', async (t) => {
  const fixture = new Fixture([pool([server('a')])]);
  const state = (): string => fixture.registry.server('web', 'a').state;
  const { registry } = fixture;
  t.equal(state(), 'unknown');
  t.equal(registry.isSettled(), false);
  t.equal(fixture.healthy('a', false), false, 'unknown to unhealthy is no fall');
  t.equal(state(), 'unhealthy');
  t.equal(registry.isSettled(), true);
  t.equal(fixture.healthy('a'), false);
  t.equal(state(), 'healthy');
  t.equal(fixture.healthy('a', false), true, 'it has just turned unhealthy');
  t.equal(fixture.healthy('a', false), false, 'only once');
  fixture.healthy('a');
  registry.patch('web', 'a', { draining: true }, 'test');
  t.equal(state(), 'draining');
  registry.patch('web', 'a', { maintenance: true }, 'test');
  t.equal(state(), 'maintenance');
  registry.patch('web', 'a', { maintenance: false, draining: false }, 'test');
  t.equal(state(), 'healthy');
  t.same(
    fixture
      .told('server_state')
      .map((it) => `${(it as { from: string }).from} > ${(it as { to: string }).to}`),
    [
      'unknown > unhealthy',
      'unhealthy > healthy',
      'healthy > unhealthy',
      'unhealthy > healthy',
      'healthy > draining',
      'draining > maintenance',
      'maintenance > healthy',
    ],
  );
});

t.test('unchecked servers are taken for healthy, from the moment the check goes', async (t) => {
  const fixture = new Fixture([pool([server('a')])]);
  fixture.healthy('a', false);
  fixture.reload([pool([server('a')], { isChecked: false })]);
  t.equal(fixture.registry.server('web', 'a').state, 'healthy');
  t.equal(fixture.registry.isSettled(), true);
});

t.test('what a patch writes stands in the slot at once', async (t) => {
  const fixture = new Fixture([pool([server('a')])]);
  const { slot } = fixture.registry.server('web', 'a').slot;
  fixture.registry.patch(
    'web',
    'a',
    { weight: 0, maxConnections: 12, maintenance: true, draining: true },
    'test',
  );
  t.equal(fixture.slots.weight(slot), 0);
  t.equal(fixture.slots.maxConnections(slot), 12);
  t.equal(fixture.slots.state(slot) & STATE.maintenance, STATE.maintenance);
  t.equal(fixture.slots.state(slot) & STATE.draining, STATE.draining);
  t.same(fixture.told('server_change').at(-1), { pool: 'web', server: 'a', change: 'changed', by: 'test' });
});

t.test('a reload tells what it changed', async (t) => {
  const fixture = new Fixture([pool([server('a'), server('b'), server('c')])]);
  fixture.events.length = 0;
  fixture.reload([pool([server('a'), server('b', { weight: 2 }), server('d')])]);
  t.same(
    fixture
      .told('server_change')
      .map((it) => `${(it as { server: string }).server} ${(it as { change: string }).change}`),
    ['b changed', 'd added', 'c removed'],
  );
});

t.test('a plan changes nothing', async (t) => {
  const fixture = new Fixture([pool([server('a')])]);
  const { registry } = fixture;
  registry.plan([pool([server('z')])]);
  registry.withAdded('web', server('b'), [pool([server('a')])]);
  registry.withRemoved('web', 'a', [pool([server('a')])]);
  t.same(fixture.ids(), ['a']);
});

t.test('pools come and go, and two of them may have servers of the same name (B37)', async (t) => {
  const fixture = new Fixture([pool([server('a')]), pool([server('a', { weight: 7 })], { name: 'api' })]);
  t.same(fixture.registry.poolNames(), ['web', 'api']);
  t.not(
    fixture.registry.server('web', 'a').slot.slot,
    fixture.registry.server('api', 'a').slot.slot,
    'each has a slot of its own',
  );
  fixture.reload([pool([server('a')], { name: 'api' })]);
  t.same(fixture.registry.poolNames(), ['api']);
});

t.test('what is not there is an error that says what is', async (t) => {
  const { registry } = new Fixture([pool([server('a')])]);
  const file = [pool([server('a')])];
  t.throws(() => registry.servers('nope'), { code: 'no_pool', hint: /web/ });
  t.throws(() => registry.server('web', 'nope'), { code: 'no_server', hint: /There are: a/ });
  t.throws(() => registry.patch('web', 'nope', {}, 'test'), { code: 'no_server' });
  t.throws(() => registry.withRemoved('web', 'nope', file), { code: 'no_server' });
  t.throws(() => registry.withAdded('web', server('a'), file), { code: 'server_exists' });
  t.equal(
    registry.reportHealth('web', 'nope', { isHealthy: true, why: '', responseMs: 1 }),
    false,
    'a late check',
  );
});

t.test('slow start: who came later or recovered warms up, who is there at the start does not', (t) => {
  const slow = { slowStartMs: 10_000 };
  const share = (it: Fixture, id: string): number =>
    it.slots.rampShare(it.registry.server('web', id).slot.slot, it.clock.nowMs());
  const checked = new Fixture([pool([server('a'), server('b')], slow)]);
  checked.healthy('a');
  t.equal(share(checked, 'a'), 1, 'its first check');
  checked.healthy('a', false);
  checked.clock.advance(60_000);
  checked.healthy('a');
  t.equal(share(checked, 'a'), 0.1, 'it recovered');
  checked.clock.advance(5000);
  t.equal(share(checked, 'a'), 0.5);
  checked.healthy('a');
  checked.reload([pool([server('a'), server('b', { weight: 2 }), server('c')], slow)]);
  t.equal(share(checked, 'a'), 0.5, 'further checks and reloads change nothing');
  checked.healthy('c');
  t.equal(share(checked, 'c'), 0.1, 'it came while the pool was running');
  checked.clock.advance(10_000);
  t.same([share(checked, 'a'), share(checked, 'c')], [1, 1]);
  checked.registry.patch('web', 'c', { maintenance: true }, 'test');
  checked.clock.advance(60_000);
  checked.registry.patch('web', 'c', { maintenance: false }, 'test');
  t.equal(share(checked, 'c'), 0.1, 'back from maintenance');

  const unchecked = { ...slow, isChecked: false };
  const plain = new Fixture([pool([server('a')], unchecked)]);
  t.equal(share(plain, 'a'), 1);
  plain.reload([pool([server('a'), server('b')], unchecked)]);
  t.same([share(plain, 'a'), share(plain, 'b')], [1, 0.1]);

  const without = new Fixture([pool([server('a')])]);
  for (const isHealthy of [true, false, true]) without.healthy('a', isHealthy);
  t.equal(share(without, 'a'), 1);
  t.end();
});

t.test('ejected: until it is let back, or its checks had it down and up again', (t) => {
  const it = new Fixture([pool([server('a'), server('b')])]);
  const live = (): { state: string; ejectedWhy: string } => it.registry.server('web', 'a');
  it.healthy('a');
  it.registry.setEjected('web', 'a', true, '5 errors in a row');
  t.match(live(), { state: 'ejected', ejectedWhy: '5 errors in a row' });
  it.healthy('a');
  t.equal(live().state, 'ejected', 'its checks were fine all the time');
  it.registry.setEjected('web', 'a', false, 'its time is over');
  t.match(live(), { state: 'healthy', ejectedWhy: '' });
  it.registry.setEjected('web', 'a', true, 'again');
  it.healthy('a', false);
  t.equal(live().state, 'unhealthy');
  it.healthy('a');
  t.match(live(), { state: 'healthy', ejectedWhy: '' });
  it.registry.setEjected('web', 'gone', true, 'nobody');
  t.same(
    it.told('server_state').map((event) => (event as { to: string }).to),
    ['healthy', 'ejected', 'healthy', 'ejected', 'unhealthy', 'healthy'],
  );
  t.same(
    it.registry.refs('web').map(({ id }) => id),
    ['a', 'b'],
  );
  t.same(it.registry.refs('none'), []);
  t.end();
});
