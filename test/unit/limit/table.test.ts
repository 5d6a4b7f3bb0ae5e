import t from 'tap';
import { fastRandom } from '../../../src/kernel/random.ts';
import {
  type ClientKey,
  clientKeyOf,
  LimiterTable,
  parseAddress,
  RateRule,
  Verdict,
} from '../../../src/limit/index.ts';

const SEED = Buffer.from('0123456789abcdef', 'hex');
const rule = new RateRule({ name: 'r', count: 2, windowMs: 1000 });

function client(number: number): ClientKey {
  return { hi: 0xffff, lo: number };
}

function allowed(table: LimiterTable, key: ClientKey, nowMs: number, under = rule): boolean {
  const verdict = new Verdict();
  table.check(under, key, nowMs, verdict);
  return verdict.allowed;
}

t.test('sizes', async (t) => {
  const entries = (wanted: number): number =>
    LimiterTable.create({ entries: wanted, seed: SEED, nowMs: 0 }).stats().entries;
  t.same([1, 8, 9, 1000, 65536].map(entries), [8, 8, 16, 1024, 65536]);
  const { buffer } = LimiterTable.create({ entries: 2 ** 20, seed: SEED, nowMs: 0 });
  t.ok(buffer.byteLength < 200 * 2 ** 20, `${buffer.byteLength} bytes for a million clients`);
});

t.test('clients and rules are counted apart', async (t) => {
  const table = LimiterTable.create({ entries: 64, seed: SEED, nowMs: 0 });
  const other = new RateRule({ name: 'other', count: 2, windowMs: 1000 });
  const burst = new RateRule({ name: 'r', count: 2, windowMs: 1000, burst: 1 });
  const a = clientKeyOf(parseAddress('10.0.0.1'));
  const b = clientKeyOf(parseAddress('10.0.0.2'));
  t.same(
    [1, 2, 3].map(() => allowed(table, a, 0)),
    [true, true, false],
  );
  t.ok(allowed(table, b, 0), 'another client');
  t.ok(allowed(table, a, 0, other), 'another rule');
  t.same(
    [1, 2].map(() => allowed(table, a, 0, burst)),
    [true, false],
    'the same rule with a burst',
  );
  t.notOk(allowed(table, a, 0), 'as before');
  const again = new RateRule({ name: 'r', count: 2, windowMs: 1000 });
  t.notOk(allowed(table, a, 0, again), 'the same rule after a reload: counts stay');
});

t.test('every thread sees the same table', async (t) => {
  const table = LimiterTable.create({ entries: 64, seed: SEED, nowMs: 500 });
  const threads = [0, 1].map((thread) => LimiterTable.attach(table.buffer, thread));
  t.same(
    threads.map((thread) => allowed(thread, client(1), 600)),
    [true, true],
  );
  t.notOk(allowed(table, client(1), 600));
});

t.test('a set that is full gives up expired entries first, then the one unused for longest', async (t) => {
  const table = LimiterTable.create({ entries: 8, seed: SEED, nowMs: 0 });
  for (let i = 0; i < 8; i++) allowed(table, client(i), i * 100);
  allowed(table, client(0), 750);
  t.equal(table.stats().evictedLive, 0);
  // All eight are live; 1 was used longest ago, 0 was used again.
  t.ok(allowed(table, client(8), 800));
  t.equal(table.stats().evictedLive, 1);
  t.notOk(allowed(table, client(0), 800), '0 is still limited');
  t.ok(allowed(table, client(1), 800), '1 was forgotten and starts anew: the table fails open');
  t.equal(table.stats().evictedLive, 2);
  // By 5 000 all have expired; new clients cost nobody a live entry.
  for (let i = 20; i < 28; i++) allowed(table, client(i), 5000);
  t.equal(table.stats().evictedLive, 2);
});

t.test('a client that keeps hammering stays limited while others come and go', async (t) => {
  const table = LimiterTable.create({ entries: 8, seed: SEED, nowMs: 0 });
  allowed(table, client(0), 0);
  allowed(table, client(0), 0);
  let now = 0;
  for (let i = 1; i < 500; i++) {
    now += 1;
    allowed(table, client(i), now);
    now += 1;
    if (now < 1000) t.notOk(allowed(table, client(0), now), `at ${now}`);
    // Uses are told apart in steps of 64 ms.
    if (i % 6 === 0) now += 64;
  }
  t.ok(table.stats().evictedLive > 0);
});

t.test('against a model: exact while the clients fit, whatever the mix', async (t) => {
  const random = fastRandom();
  t.comment(`seed ${random.seed}`);
  // 4096 entries for 300 clients × 2 rules: no set overflows.
  const table = LimiterTable.create({ entries: 4096, seed: SEED, nowMs: 0 });
  const bucket = new RateRule({ name: 'b', count: 5, windowMs: 1000, burst: 3 });
  const alone = new Map<string, LimiterTable>();
  let now = 0;
  let wrong = 0;
  for (let i = 0; i < 20_000; i++) {
    now += random.below(10);
    const key = client(random.below(300));
    const under = random.next() < 0.5 ? rule : bucket;
    const name = `${under.name} ${key.lo}`;
    const reference = alone.get(name) ?? LimiterTable.create({ entries: 8, seed: SEED, nowMs: 0 });
    alone.set(name, reference);
    if (allowed(table, key, now, under) !== allowed(reference, key, now, under)) wrong++;
  }
  t.equal(wrong, 0);
  t.equal(table.stats().evictedLive, 0);
});

t.test('what is no table of ours is refused', async (t) => {
  t.throws(() => LimiterTable.attach(new SharedArrayBuffer(64), 0), { code: 'bad_limiter_table' });
  t.throws(() => LimiterTable.create({ entries: 8, seed: Buffer.alloc(4), nowMs: 0 }), {
    code: 'bad_limiter_table',
  });
});
