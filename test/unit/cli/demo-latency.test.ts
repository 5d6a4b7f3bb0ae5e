import t from 'tap';
import { Latency } from '../../../src/cli/demo/latency.ts';
import { SeededRandom } from '../../../src/kernel/random.ts';

t.test('nothing yet', (t) => {
  t.equal(new Latency().quantile(0.5), 0);
  t.end();
});

t.test('quantiles are within two percent of the true ones', (t) => {
  const random = new SeededRandom(Number(process.env['SEED'] ?? 20_261_121));
  t.comment(`SEED=${random.seed}`);
  const latency = new Latency();
  const all: number[] = [];
  for (let i = 0; i < 5000; i++) {
    const ms = Math.exp(random.next() * 10 - 3);
    all.push(ms);
    latency.add(ms);
  }
  all.sort((a, b) => a - b);
  for (const fraction of [0.01, 0.5, 0.9, 0.99, 1]) {
    const exact = all[Math.ceil(all.length * fraction) - 1] ?? 0;
    const found = latency.quantile(fraction);
    t.ok(Math.abs(found - exact) <= exact * 0.02, `${fraction}: ${found} for ${exact}`);
  }
  t.end();
});

t.test('times beyond both ends are kept at the ends', (t) => {
  const latency = new Latency();
  latency.add(0);
  t.ok(latency.quantile(1) <= 0.011);
  latency.add(1e12);
  t.ok(latency.quantile(1) > 1e6);
  t.end();
});
