import t from 'tap';
import { clientKey } from '../../../src/pool/index.ts';
import { PoolFixture } from '../../support/pool-fixture.ts';

const CLIENTS = Array.from({ length: 4000 }, (_, i) => clientKey(`10.${i >> 8}.${i & 255}.7`));

function homes(fixture: PoolFixture, pool = fixture.pool): string[] {
  return CLIENTS.map((key) => {
    const lease = fixture.take({ hashKey: key }, pool);
    lease.release('ok');
    return lease.server.id;
  });
}

function pool(weights: Record<string, number>): PoolFixture {
  return new PoolFixture({
    algorithm: 'ip_hash',
    servers: Object.entries(weights).map(([id, weight]) => ({ id, weight })),
  });
}

t.test('a client has one home: in every thread, in every order of the file', (t) => {
  const fixture = pool({ a: 1, b: 1, c: 1 });
  const first = homes(fixture);
  t.same(homes(fixture), first);
  t.same(homes(fixture, fixture.compile({ thread: 1 })), first);
  t.same(homes(pool({ c: 1, a: 1, b: 1 })), first);
  t.end();
});

t.test(
  'a server that leaves moves its own clients only, to all others; when it is back so are they (B21)',
  (t) => {
    const fixture = pool({ a: 1, b: 1, c: 1, d: 1, e: 1 });
    const before = homes(fixture);
    fixture.down('c');
    const without = homes(fixture);
    const moved = new Set<string>();
    before.forEach((home, i) => {
      if (home === 'c') moved.add(without[i] ?? '');
    });
    t.ok(before.every((home, i) => home === 'c' || home === without[i]));
    t.same([...moved].sort(), ['a', 'b', 'd', 'e']);
    t.same(homes(pool({ a: 1, b: 1, d: 1, e: 1 })), without, 'down and removed are the same');
    fixture.up('c');
    t.same(homes(fixture), before);
    t.end();
  },
);

t.test('a full or suspect home is passed over for that request alone', (t) => {
  const fixture = pool({ a: 1, b: 1, c: 1 });
  const before = homes(fixture);
  const { slot } = fixture.server('a');
  fixture.slots.setMaxConnections(slot, 1);
  fixture.slots.tryAcquire(slot, 1, 0);
  const during = homes(fixture);
  t.ok(before.every((home, i) => (home === 'a' ? during[i] !== 'a' : during[i] === home)));
  fixture.slots.release(slot, 1);
  t.same(homes(fixture), before);
  t.end();
});

t.test('a changed weight moves clients only to the server that gained', (t) => {
  const fixture = pool({ a: 2, b: 2, c: 2 });
  const before = homes(fixture);
  fixture.slots.setWeight(fixture.server('b').slot, 4);
  const after = homes(fixture);
  t.ok(before.every((home, i) => after[i] === home || after[i] === 'b'));
  const share = after.filter((home) => home === 'b').length / after.length;
  t.ok(Math.abs(share - 0.5) < 0.04, `b has ${share}`);
  t.end();
});

t.test('addresses that differ in one digit are spread evenly', (t) => {
  const fixture = pool(Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`10.0.0.${i}:80`, 1])));
  const counts: Record<string, number> = {};
  for (const home of homes(fixture)) counts[home] = (counts[home] ?? 0) + 1;
  for (const [id, count] of Object.entries(counts))
    t.ok(Math.abs(count - 500) < 110, `${id}: ${count} of 500`);
  t.end();
});
