/** A request that another limit refuses costs nothing: what was counted is taken back, and only that. */
import fc from 'fast-check';
import t from 'tap';
import { type ClientKey, LimiterTable, RateRule, Verdict } from '../../../src/limit/index.ts';

const CLIENT: ClientKey = { hi: 0xffff, lo: 0x0a000001 };
const SEED = Buffer.from('0123456789abcdef', 'hex');
const RULES = [
  { name: 'window', count: 3, windowMs: 1000 },
  { name: 'bucket', count: 3, windowMs: 1000, burst: 3 },
];

for (const options of RULES) {
  const rule = new RateRule(options);
  const start = (): { take: (nowMs: number) => Verdict; table: LimiterTable } => {
    const table = LimiterTable.create({ entries: 8, seed: SEED, nowMs: 0 });
    return {
      table,
      take: (nowMs) => {
        const verdict = new Verdict();
        table.check(rule, CLIENT, nowMs, verdict);
        return verdict;
      },
    };
  };

  t.test(`${options.name}: taken and given back is not taken`, async (t) => {
    const { table, take } = start();
    for (let i = 0; i < 100; i++) {
      const { allowed, place } = take(5000);
      t.ok(allowed);
      table.giveBack(rule, CLIENT, place);
    }
    t.same(
      [1, 2, 3, 4].map(() => take(5000).allowed),
      [true, true, true, false],
    );
  });

  t.test(
    `${options.name}: of a client that is not known nothing is given back, and nothing is made`,
    async (t) => {
      const { table, take } = start();
      table.giveBack(rule, CLIENT, 0);
      t.same(
        [1, 2, 3, 4].map(() => take(0).allowed),
        [true, true, true, false],
      );
    },
  );

  t.test(`${options.name}: never more than the limit, whatever is given back when`, async () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(700), fc.boolean()), { maxLength: 80 }), (steps) => {
        const { table, take } = start();
        const passed: number[] = [];
        let now = 0;
        for (const [gap, isGivenBack] of steps) {
          now += gap;
          const { allowed, place } = take(now);
          if (!allowed) continue;
          if (isGivenBack) table.giveBack(rule, CLIENT, place);
          else passed.push(now);
        }
        // A window holds 3 of those that stayed; a bucket what it had and what came in.
        return passed.every((end) => {
          const within = passed.filter((it) => it > end - 1000 && it <= end).length;
          return within <= (rule.burst > 0 ? 6 : 3);
        });
      }),
    );
  });
}

t.test('a place that has left the window is not taken from what came later', async (t) => {
  const table = LimiterTable.create({ entries: 8, seed: SEED, nowMs: 0 });
  const rule = new RateRule({ name: 'r', count: 2, windowMs: 3200 });
  const verdict = new Verdict();
  const take = (nowMs: number): boolean => {
    table.check(rule, CLIENT, nowMs, verdict);
    return verdict.allowed;
  };
  t.ok(take(0));
  const { place } = verdict;
  // 33 counters of 100 ms: this is the same one, a lap later.
  t.ok(take(3300));
  t.ok(take(3300));
  table.giveBack(rule, CLIENT, place);
  t.notOk(take(3300));
});
