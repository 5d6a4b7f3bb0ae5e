import t from 'tap';
import { SlotAllocator } from '../../../src/kernel/slot-allocator.ts';
import { SlotTable, STATE } from '../../../src/kernel/slots.ts';

function setUp(capacity = 4) {
  const slots = SlotTable.create({ capacity, threads: 2, nowMs: 0 });
  return { slots, allocator: new SlotAllocator(slots) };
}

t.test('known keys keep their slot and what is in it', (t) => {
  const { slots, allocator } = setUp();
  const first = allocator.prepare(['a', 'b', 'a']);
  t.same(first.added, ['a', 'b']);
  first.commit();
  const a = first.slots.get('a');
  t.ok(a);
  if (!a) return t.end();
  slots.setWeight(a.slot, 9);
  const second = allocator.prepare(['c', 'a']);
  t.same(second.added, ['c']);
  t.equal(second.slots.get('a'), a);
  t.ok(
    slots.isOwned(first.slots.get('b')?.slot ?? -1, first.slots.get('b')?.generation ?? -1),
    'b is served until commit',
  );
  second.commit();
  t.equal(slots.weight(a.slot), 9);
  t.notOk(slots.isOwned(first.slots.get('b')?.slot ?? -1, first.slots.get('b')?.generation ?? -1));
  t.same([...allocator.owners.keys()], ['c', 'a']);
  const third = allocator.prepare(['d']);
  second.commit();
  second.abort();
  t.same([...allocator.owners.keys()], ['c', 'a'], 'a plan settles once');
  third.commit();
  t.same([...allocator.owners.keys()], ['d'], 'and leaves the next one alone');
  t.end();
});

t.test('an aborted plan leaves the old owners alone and gives its own slots back', (t) => {
  const { slots, allocator } = setUp(2);
  const first = allocator.prepare(['a']);
  first.commit();
  const a = first.slots.get('a') ?? { slot: -1, generation: -1 };
  const second = allocator.prepare(['b']);
  const b = second.slots.get('b') ?? { slot: -1, generation: -1 };
  t.throws(() => allocator.prepare(['x']), /neither committed nor aborted/);
  second.abort();
  t.ok(slots.isOwned(a.slot, a.generation));
  t.notOk(slots.isOwned(b.slot, b.generation));
  const third = allocator.prepare(['a', 'c']);
  third.commit();
  t.same(third.slots.get('c'), { slot: b.slot, generation: b.generation + 1 });
  t.end();
});

t.test('a slot gets a new owner only when nothing is in flight, and then it is empty', (t) => {
  const { slots, allocator } = setUp(2);
  const first = allocator.prepare(['a', 'b']);
  first.commit();
  const a = first.slots.get('a') ?? { slot: -1, generation: -1 };
  slots.setState(a.slot, STATE.healthy, 0);
  slots.counters.countAnswer(a.slot, 1, 200, 1);
  slots.tryAcquire(a.slot, 1, 0);
  allocator.prepare(['b']).commit();
  t.throws(() => allocator.prepare(['b', 'c']), { code: 'slots_exhausted', hint: /removed ones/ });
  t.same([...allocator.owners.keys()], ['b'], 'a failed plan changes nothing');
  slots.release(a.slot, 1);
  const plan = allocator.prepare(['b', 'c']);
  plan.commit();
  t.same(plan.slots.get('c'), { slot: a.slot, generation: a.generation + 1 });
  t.equal(slots.state(a.slot), 0);
  t.equal(slots.counters.totals(a.slot).answers[1], 0);
  t.end();
});

t.test('a plan that fails half-way gives back what it took', (t) => {
  const { slots, allocator } = setUp(2);
  t.throws(() => allocator.prepare(['a', 'b', 'c']), { code: 'slots_exhausted' });
  t.equal(allocator.owners.size, 0);
  const plan = allocator.prepare(['d', 'e']);
  plan.commit();
  t.same([...plan.slots.values()].map((ref) => ref.slot).sort(), [0, 1]);
  t.ok([...plan.slots.values()].every((ref) => slots.isOwned(ref.slot, ref.generation)));
  t.end();
});
