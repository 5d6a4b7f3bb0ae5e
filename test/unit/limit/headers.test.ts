import t from 'tap';
import { RateRule, type RateRuleOptions, rateLimitHeaders, Verdict } from '../../../src/limit/index.ts';

function verdict(fields: Partial<Verdict>): Verdict {
  return Object.assign(new Verdict(), fields);
}

t.test('field lines, to the letter', async (t) => {
  const rule = new RateRule({ name: 'route:api', count: 20, windowMs: 60_000 });
  t.same(
    rateLimitHeaders(verdict({ allowed: false, remaining: 0, resetMs: 11_001, retryAfterMs: 11_001 }), rule),
    [
      ['Retry-After', '12'],
      ['RateLimit-Policy', '"default";q=20;w=60'],
      ['RateLimit', '"default";r=0;t=12'],
    ],
  );
  t.same(rateLimitHeaders(verdict({ remaining: 19, resetMs: 60_875 }), rule), [
    ['RateLimit-Policy', '"default";q=20;w=60'],
    ['RateLimit', '"default";r=19;t=61'],
  ]);
  const short = verdict({ allowed: false, resetMs: 1, retryAfterMs: 1 });
  t.same(rateLimitHeaders(short, rule)[0], ['Retry-After', '1'], 'never 0 for a refusal');
});

t.test('policies', async (t) => {
  const rows: [options: Partial<RateRuleOptions>, policy: string][] = [
    [{ count: 100, windowMs: 1000 }, '"default";q=100;w=1'],
    [{ count: 100, windowMs: 1000, burst: 200 }, '"default";q=200;w=2'],
    [{ count: 10, windowMs: 1000, burst: 5 }, '"default";q=5;w=1'],
    [{ count: 1, windowMs: 500 }, '"default";q=1;w=1'],
    [{ count: 20, windowMs: 60_000, policy: 'login' }, '"login";q=20;w=60'],
    [{ count: 20, windowMs: 60_000, policy: 'a"b\\c\r\n\u00e9' }, '"a\\"b\\\\c???";q=20;w=60'],
  ];
  for (const [options, policy] of rows)
    t.equal(new RateRule({ name: 'x', count: 1, windowMs: 1, ...options }).policyText, policy);
});

t.test('a rule is known by its name and numbers', async (t) => {
  const id = (options: Partial<RateRuleOptions>): string => {
    const rule = new RateRule({ name: 'x', count: 20, windowMs: 60_000, ...options });
    return `${rule.idHi}/${rule.idLo}`;
  };
  t.equal(id({}), id({ policy: 'another label' }), 'unchanged by a reload: the counts stay');
  const all = [id({}), id({ name: 'y' }), id({ count: 21 }), id({ windowMs: 1000 }), id({ burst: 20 })];
  t.equal(new Set(all).size, all.length, 'changed: the counts start anew');
});

t.test('numbers out of range', async (t) => {
  const rows: Partial<RateRuleOptions>[] = [
    { count: 0 },
    { count: 1.5 },
    { count: Number.NaN },
    { count: 2e9 },
    { windowMs: 0 },
    { windowMs: 3e9 },
    { burst: 0 },
    { burst: -1 },
    { count: 1, windowMs: 2e9, burst: 1e9 },
  ];
  for (const options of rows)
    t.throws(
      () => new RateRule({ name: 'route:api', count: 1, windowMs: 1000, ...options }),
      { code: 'bad_rate_limit', message: /route:api/ },
      JSON.stringify(options),
    );
});
