/** The running estimate of a quantile, held to what sorting says; seeds are printed with what fails. */
import t from 'tap';
import { QuantileEstimate } from '../../../src/forward/index.ts';
import { SeededRandom } from '../../../src/kernel/random.ts';

/** Values by their chance, 0 to 1. */
const SHAPES: Record<string, (chance: number) => number> = {
  uniform: (chance) => 1 + 99 * chance,
  exponential: (chance) => 0.5 - 10 * Math.log(1 - chance),
  'two kinds, a tenth slow': (chance) => (chance < 0.9 ? 5 + chance : 100 + 400 * (chance - 0.9)),
};

for (const [name, shape] of Object.entries(SHAPES))
  for (const quantile of [0.5, 0.95, 0.99])
    t.test(`p${quantile * 100} of ${name}`, async (t) => {
      for (const seed of [1, 2, 3]) {
        const random = new SeededRandom(seed);
        const estimate = new QuantileEstimate(quantile);
        // Far off at first.
        estimate.observe(3000);
        let below = 0;
        const REST = 20_000;
        for (let i = 0; i < 4000; i++) estimate.observe(shape(random.next()));
        for (let i = 0; i < REST; i++) {
          const value = shape(random.next());
          if (value <= estimate.value) below++;
          estimate.observe(value);
        }
        t.ok(Math.abs(below / REST - quantile) < 0.03, `seed ${seed}: ${below / REST}`);
      }
    });

t.test('says nothing before it has seen some; follows a change', async (t) => {
  const estimate = new QuantileEstimate(0.95);
  for (let i = 0; i < 19; i++) {
    t.equal(estimate.value, Number.POSITIVE_INFINITY);
    estimate.observe(10);
  }
  estimate.observe(10);
  t.ok(estimate.value < 13 && estimate.value > 8, `${estimate.value}`);
  for (let i = 0; i < 200; i++) estimate.observe(100);
  t.ok(estimate.value > 90, `${estimate.value}`);
});
