/** The work that an unknown user's password takes. */
import t from 'tap';
import { Decoys } from '../../../src/access/decoys.ts';
import { isPassword, type PasswordHash } from '../../../src/kernel/password-hash.ts';

const hashOf = (ln: number, seed: number, bytes = 32): PasswordHash => ({
  ...{ ln, r: 8, p: 1 },
  salt: Buffer.alloc(16, seed),
  hash: Buffer.alloc(bytes, seed),
});
const users = [hashOf(8, 1), hashOf(8, 2), hashOf(8, 3), hashOf(10, 4, 64)];
const names = Array.from({ length: 2000 }, (_, i) => `user${i}`);
const costsOf = (decoys: Decoys): string[] =>
  names.map((name) => {
    const found = decoys.of(name);
    return `${found?.ln} ${found?.r} ${found?.p} ${found?.hash.length}`;
  });

t.test('spread as those of the users are', (t) => {
  const costs = costsOf(new Decoys(users));
  t.same([...new Set(costs)].sort(), ['10 8 1 64', '8 8 1 32']);
  const dear = costs.filter((it) => it.startsWith('10')).length;
  // A quarter of them; 2000 names by chance, six deviations.
  t.ok(Math.abs(dear - 500) < 120, `${dear} of 2000`);
  t.end();
});

t.test('the same name costs the same, in each thread; who is unknown cannot work it out', (t) => {
  t.same(costsOf(new Decoys(users)), costsOf(new Decoys([...users])));
  t.notSame(costsOf(new Decoys(users)), costsOf(new Decoys([hashOf(8, 9), ...users.slice(1)])));
  t.end();
});

t.test('one cost for one cost, nothing without users, no password fits', async (t) => {
  t.same([...new Set(costsOf(new Decoys([hashOf(9, 1)])))], ['9 8 1 32']);
  t.equal(new Decoys([]).of('ann'), undefined);
  const decoy = new Decoys(users).of('ann') as PasswordHash;
  for (const password of ['', 'ann', 'secret']) t.notOk(await isPassword(Buffer.from(password), decoy));
});
