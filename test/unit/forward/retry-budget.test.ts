/** How many attempts may be repeated, second by second. */
import t from 'tap';
import { RetryBudget } from '../../../src/forward/retry-budget.ts';

/** Spends until it is refused. */
function all(budget: RetryBudget, nowMs: number): number {
  let spent = 0;
  for (; spent < 100_000 && budget.hasLeft(nowMs); spent++) budget.spend(nowMs);
  return spent;
}

t.test('a share of the requests of ten seconds, and some a second', (t) => {
  const budget = new RetryBudget({ share: 0.2, perS: 10 });
  t.equal(all(budget, 1000), 100, 'ten a second, over ten seconds');
  for (let i = 0; i < 500; i++) budget.countRequest(2000);
  t.equal(all(budget, 2500), 100, '20 % of 500');
  t.equal(all(budget, 10_999), 0, 'the first hundred still counts');
  t.equal(all(budget, 11_000), 100, 'now no more');
  t.equal(all(budget, 12_000), 0, 'nor do its requests');
  t.equal(all(budget, 60_000), 100, 'after a rest');
  t.end();
});

t.test('over any length attempts stay within 1.2 of the requests and 10/s', (t) => {
  const budget = new RetryBudget({ share: 0.2, perS: 10 });
  let requests = 0;
  let retries = 0;
  const SECONDS = 120;
  for (let ms = 0; ms < SECONDS * 1000; ms += 5) {
    requests++;
    budget.countRequest(ms);
    // Every server fails: each attempt would be repeated twice.
    for (let i = 0; i < 2 && budget.hasLeft(ms); i++) {
      budget.spend(ms);
      retries++;
    }
  }
  t.ok(retries <= 0.2 * requests + 10 * (SECONDS + 10), `${retries} of ${requests}`);
  t.ok(retries > 0.2 * requests, 'and they are not refused for nothing');
  t.end();
});

t.test('nothing is allowed, and a change holds at once', (t) => {
  const budget = new RetryBudget({ share: 0, perS: 0 });
  for (let i = 0; i < 100; i++) budget.countRequest(1000);
  t.equal(all(budget, 1000), 0);
  budget.adjust({ share: 0.5, perS: 0 });
  t.equal(all(budget, 1000), 50);
  t.end();
});
