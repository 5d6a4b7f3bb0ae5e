/** The set that members are linked in: the same as a Set in whatever is done to it, and nothing is kept alive by who has left. */
import t from 'tap';
import { type Linked, LinkedSet } from '../../../src/kernel/linked-set.ts';
import { SeededRandom } from '../../../src/kernel/random.ts';

class Member implements Linked<Member> {
  previous: Member | null = null;
  next: Member | null = null;
  readonly name: number;

  constructor(name: number) {
    this.name = name;
  }
}

const namesOf = (set: Iterable<Member>): number[] => [...set].map(({ name }) => name);

t.test('does what a Set does, in the same order', async (t) => {
  const random = new SeededRandom(7);
  const members = Array.from({ length: 12 }, (_, name) => new Member(name));
  const set = new LinkedSet<Member>();
  const model = new Set<Member>();
  for (let step = 0; step < 5000; step++) {
    const member = members[random.below(members.length)] as Member;
    if (random.below(2) === 0) {
      set.add(member);
      model.add(member);
    } else if (set.delete(member) !== model.delete(member))
      t.fail(`step ${step}: another word about having been there`);
    const [first] = model;
    const isSame =
      set.size === model.size &&
      set.has(member) === model.has(member) &&
      set.first === (first ?? null) &&
      namesOf(set).join() === namesOf(model).join();
    if (!isSame) t.fail(`step ${step}: ${namesOf(set)} instead of ${namesOf(model)}`);
  }
  for (const member of members) set.delete(member);
  t.same([set.size, set.first, namesOf(set)], [0, null, []]);
});

t.test('who has left refers to nobody', async (t) => {
  const set = new LinkedSet<Member>();
  const members = [1, 2, 3].map((name) => new Member(name));
  for (const member of members) set.add(member);
  for (const member of members) set.delete(member);
  t.same(
    members.map(({ previous, next }) => [previous, next]),
    [
      [null, null],
      [null, null],
      [null, null],
    ],
  );
});

t.test('going through it', async (t) => {
  const set = new LinkedSet<Member>();
  const [one, two, three] = [1, 2, 3].map((name) => new Member(name)) as [Member, Member, Member];
  for (const member of [one, two, three]) set.add(member);
  const seen: number[] = [];
  for (const { name } of set) {
    seen.push(name);
    if (name === 1) {
      set.delete(one);
      set.delete(two);
      set.add(new Member(4));
    }
  }
  t.same(seen, [1, 3], 'who leaves before its turn is left out, who comes is not among them');
  t.same(namesOf(set), [3, 4]);
});
