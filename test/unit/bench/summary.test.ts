import t from 'tap';
import type { Sample } from '../../../bench/measure.ts';
import {
  betterPeer,
  judgeCpu,
  judgeH2,
  judgeLatency,
  judgeStartup,
  judgeThreads,
  summarise,
} from '../../../bench/summary.ts';

/** Nine rounds of a subject in a cell; the machine gets slower from round to round, for all alike. */
function rounds(cell: string, subject: string, cpuUs: number, p99Ms = 1): Sample[] {
  return Array.from({ length: 9 }, (_, round) => ({
    cell,
    subject,
    round,
    requests: 10_000,
    cpuUsPerRequest: cpuUs * (1 + round / 10),
    requestsPerSecond: 1e6 / cpuUs,
    p50Ms: p99Ms / 2,
    p99Ms,
    foreignShare: 0,
  }));
}

t.test('summary: rows in the order asked for, ratios by pairs', (t) => {
  const samples = [...rounds('small alike', 'nginx', 20), ...rounds('small alike', 'sluice', 25)];
  const [cell] = summarise(samples, ['sluice', 'nginx', 'haproxy']);
  t.same(
    cell?.rows.map((row) => row.subject),
    ['sluice', 'nginx'],
    'who was not measured has no row',
  );
  const [ours, nginx] = cell?.rows ?? [];
  t.equal(ours?.oursOverThis, undefined);
  t.match(
    nginx?.cpuUs,
    { median: 28, low: 22, high: 34 },
    'the drift of the machine is in the absolute figure',
  );
  t.match(nginx?.oursOverThis, { median: 1.25, low: 1.25, high: 1.25 }, 'and not in the ratio');
  t.end();
});

t.test('samples that come out of order are paired by their round', (t) => {
  const samples = [...rounds('small alike', 'nginx', 20), ...rounds('small alike', 'sluice', 25).reverse()];
  t.match(summarise(samples, ['nginx'])[0]?.rows[0]?.oursOverThis, { low: 1.25, high: 1.25 });
  t.end();
});

t.test('without ours there are figures but no ratios and no judgements', (t) => {
  const samples = rounds('small alike', 'nginx', 20);
  t.equal(summarise(samples, ['nginx'])[0]?.rows[0]?.oursOverThis, undefined);
  t.same(judgeCpu(samples), []);
  t.end();
});

t.test('the better peer is the one of the cell', (t) => {
  const samples = [
    ...rounds('small alike', 'nginx', 17),
    ...rounds('small alike', 'haproxy', 20),
    ...rounds('1m alike', 'nginx', 1_122),
    ...rounds('1m alike', 'haproxy', 815),
  ];
  t.equal(betterPeer(samples, 'small alike'), 'nginx');
  t.equal(betterPeer(samples, '1m alike'), 'haproxy');
  t.equal(betterPeer(samples, 'no such'), undefined);
  t.end();
});

t.test('judgements: small cells to both limits, libraries the other way round, the mean over cells', (t) => {
  const samples = [
    ...rounds('small alike', 'nginx', 20),
    ...rounds('small alike', 'sluice', 25),
    ...rounds('small alike', 'http-proxy', 110),
    ...rounds('small alike', 'fast-proxy', 40),
    ...rounds('1m alike', 'haproxy', 1_000),
    ...rounds('1m alike', 'sluice', 800),
    ...rounds('1m alike', 'http-proxy', 1_000),
  ];
  t.same(
    judgeCpu(samples).map(({ what, bound, limit, verdict }) => `${what} ${bound} ${limit}: ${verdict}`),
    [
      'small alike: ours / nginx at most 1.35: holds',
      'small alike: ours / nginx at most 1.2: missed',
      'small alike: http-proxy / ours at least 4: holds',
      'small alike: fast-proxy / ours at least 2: missed',
      '1m alike: ours / haproxy at most 1.2: holds',
      'geometric mean of 2 cells: ours / the better of nginx, haproxy at most 1: holds',
    ],
  );
  t.end();
});

t.test('latency, threads and start-up', (t) => {
  const cell = 'small alike';
  const latency = judgeLatency([...rounds(cell, 'sluice', 20, 1.3), ...rounds(cell, 'haproxy', 20, 1)]);
  t.match(latency, [{ unit: 'ms', verdict: 'missed' }]);
  t.same(judgeLatency(rounds(cell, 'sluice', 20)), [], 'nothing to compare with');
  const threads = judgeThreads([...rounds(cell, 'one', 20), ...rounds(cell, 'two', 21)], 'one', 'two');
  t.match(threads, [{ value: { median: 1.05 }, verdict: 'holds' }]);
  t.match(judgeStartup([900, 950, 1_000, 1_600, 940, 930, 920, 910, 905]), [{ verdict: 'holds' }]);
  t.same(judgeStartup([]), []);
  t.end();
});

t.test('HTTP/2 is held to twice what nginx needs', (t) => {
  const cell = 'h2-small alike';
  t.match(judgeH2([...rounds(cell, 'nginx', 20), ...rounds(cell, 'sluice', 39)]), [
    { value: { median: 1.95 }, limit: 2, bound: 'at most', verdict: 'holds' },
  ]);
  t.match(judgeH2([...rounds(cell, 'nginx', 20), ...rounds(cell, 'sluice', 42)]), [{ verdict: 'missed' }]);
  t.same(judgeH2(rounds(cell, 'sluice', 39)), [], 'without nginx there is nothing to compare with');
  t.end();
});
