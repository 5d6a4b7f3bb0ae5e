/** What becomes of servers when the file changes and when they are changed while running, and which of the two wins. */
import t from 'tap';
import {
  type PoolDefinition,
  Registry,
  type RegistryPlan,
  type ServerDefinition,
  serverKey,
} from '../../../src/control/index.ts';
import { SlotAllocator, type SlotRef } from '../../../src/kernel/slot-allocator.ts';
import { SlotTable, STATE } from '../../../src/kernel/slots.ts';
import { type AnyEvent, Events } from '../../../src/observe/index.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function server(id: string, more: Partial<ServerDefinition> = {}): ServerDefinition {
  return {
    id,
    host: '10.0.0.1',
    port: 80,
    weight: 1,
    backup: false,
    maxConnections: 0,
    maintenance: false,
    ...more,
  };
}

const pool = (servers: readonly ServerDefinition[], more: Partial<PoolDefinition> = {}): PoolDefinition => ({
  name: 'web',
  isChecked: true,
  slowStartMs: 0,
  servers,
  ...more,
});

/** A registry over real slots, driven as the applier drives it. */
class Fixture {
  readonly clock = new FakeClock();
  readonly slots = SlotTable.create({ capacity: 32, threads: 2, nowMs: this.clock.nowMs() });
  readonly #allocator = new SlotAllocator(this.slots);
  readonly events: AnyEvent[] = [];
  readonly registry: Registry;

  constructor(file: readonly PoolDefinition[] = []) {
    const events = new Events(this.clock, (_, thrown) => {
      throw thrown;
    });
    events.onAny((event) => this.events.push(event));
    this.registry = new Registry(this.slots, events, this.clock);
    if (file.length > 0) this.reload(file);
  }

  apply(plan: RegistryPlan): void {
    const keys = plan.pools.flatMap((it) => it.servers.map(({ id }) => serverKey(it.name, id)));
    const slots = this.#allocator.prepare(keys);
    this.registry.commit(plan, (key) => slots.slots.get(key) as SlotRef);
    slots.commit();
  }

  reload(file: readonly PoolDefinition[]): void {
    this.apply(this.registry.plan(file));
  }

  ids(name = 'web'): string[] {
    return this.registry.servers(name).map((it) => it.definition.id);
  }
  weight(id: string): number {
    const live = this.registry.server('web', id);
    const inSlot = this.slots.weight(live.slot.slot);
    if (inSlot !== live.definition.weight) throw new Error(`the slot of ${id} says ${inSlot}`);
    return inSlot;
  }
  healthy(id: string, isHealthy = true): boolean {
    return this.registry.reportHealth('web', id, { isHealthy, why: 'checked', responseMs: 3 });
  }
  told(name: AnyEvent['name']): unknown[] {
    return this.events.filter((it) => it.name === name).map((it) => it.payload);
  }
}

t.test('what a reload and runtime changes make of a server', async (t) => {
  /** File, what happens at run time, file, and then: is it there, with which weight, drained? */
  type Row = [
    name: string,
    before: ServerDefinition[],
    act: (it: Fixture) => void,
    after: ServerDefinition[],
    expected: { weight: number; isDraining: boolean; origin: string } | 'gone',
  ];
  const a = server('a');
  const b = server('b');
  const patch = (it: Fixture, change: Parameters<Registry['patch']>[2]): void =>
    void it.registry.patch('web', 'a', change, 'test');
  const nothing = (): void => {};
  const table: Row[] = [
    ['nothing changes', [a], nothing, [a], { weight: 1, isDraining: false, origin: 'file' }],
    [
      'the file changes',
      [a],
      nothing,
      [server('a', { weight: 5 })],
      { weight: 5, isDraining: false, origin: 'file' },
    ],
    ['the file drops it', [a, b], nothing, [b], 'gone'],
    [
      'patched; the file says the same',
      [a],
      (it) => patch(it, { weight: 9 }),
      [a],
      { weight: 9, isDraining: false, origin: 'file' },
    ],
    [
      'patched; the file changes another',
      [a, b],
      (it) => patch(it, { weight: 9 }),
      [a, server('b', { weight: 2 })],
      { weight: 9, isDraining: false, origin: 'file' },
    ],
    [
      'patched; the file changes it: the file wins',
      [a],
      (it) => patch(it, { weight: 9 }),
      [server('a', { weight: 5 })],
      { weight: 5, isDraining: false, origin: 'file' },
    ],
    [
      'patched weight; the file changes its cap: the file wins in all',
      [a],
      (it) => patch(it, { weight: 9 }),
      [server('a', { maxConnections: 7 })],
      { weight: 1, isDraining: false, origin: 'file' },
    ],
    [
      'drained; the file says the same',
      [a],
      (it) => patch(it, { draining: true }),
      [a],
      { weight: 1, isDraining: true, origin: 'file' },
    ],
    [
      'drained; the file changes it',
      [a],
      (it) => patch(it, { draining: true }),
      [server('a', { weight: 5 })],
      { weight: 5, isDraining: false, origin: 'file' },
    ],
    [
      'removed; the file says the same',
      [a, b],
      (it) => it.apply(it.registry.withRemoved('web', 'a', [pool([a, b])])),
      [a, b],
      'gone',
    ],
    [
      'removed; the file changes it',
      [a, b],
      (it) => it.apply(it.registry.withRemoved('web', 'a', [pool([a, b])])),
      [server('a', { weight: 5 }), b],
      { weight: 5, isDraining: false, origin: 'file' },
    ],
    [
      'added; the file does not know it',
      [b],
      (it) => it.apply(it.registry.withAdded('web', server('a', { weight: 3 }), [pool([b])])),
      [b],
      { weight: 3, isDraining: false, origin: 'api' },
    ],
    [
      'added; the file brings one of the same name',
      [b],
      (it) => it.apply(it.registry.withAdded('web', server('a', { weight: 3 }), [pool([b])])),
      [a, b],
      { weight: 1, isDraining: false, origin: 'file' },
    ],
    [
      'added and removed again',
      [b],
      (it) => {
        it.apply(it.registry.withAdded('web', a, [pool([b])]));
        it.apply(it.registry.withRemoved('web', 'a', [pool([b])]));
      },
      [b],
      'gone',
    ],
    [
      'removed, then added by hand',
      [a, b],
      (it) => {
        it.apply(it.registry.withRemoved('web', 'a', [pool([a, b])]));
        it.apply(it.registry.withAdded('web', server('a', { weight: 4 }), [pool([a, b])]));
      },
      [a, b],
      { weight: 4, isDraining: false, origin: 'file' },
    ],
  ];
  for (const [name, before, act, after, expected] of table) {
    const fixture = new Fixture([pool(before)]);
    act(fixture);
    // Twice: what a reload makes of it, the next one must not undo.
    for (const round of [1, 2]) {
      fixture.reload([pool(after)]);
      if (expected === 'gone') t.notOk(fixture.ids().includes('a'), `${name} (${round})`);
      else {
        const { isDraining, origin } = fixture.registry.server('web', 'a');
        t.same({ weight: fixture.weight('a'), isDraining, origin }, expected, `${name} (${round})`);
      }
    }
  }
});

t.test('a server that stays keeps its slot and its health', async (t) => {
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

t.test('pools come and go, and two of them may have servers of the same name', async (t) => {
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
