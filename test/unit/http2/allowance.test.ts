import t from 'tap';
import { Allowance, Noise } from '../../../src/http2/allowance.ts';

t.test('what is spent comes back with time, up to the burst', (t) => {
  const allowance = new Allowance(10, 2, 0);
  t.equal(allowance.spend(10, 0), true);
  t.equal(allowance.spend(2, 1000), true);
  t.equal(allowance.spend(1, 1000), false);
  t.equal(allowance.spend(9, 100_000), true, 'not more than the burst');
  t.equal(allowance.spend(2, 100_000), false);
  t.end();
});

t.test('what carries something is no noise', (t) => {
  const noise = new Noise(100, 0, 0);
  noise.useful(1000);
  t.equal(noise.look(1000, 0, 1), true);
  noise.useful(500);
  t.equal(noise.look(1050, 0, 2), true);
  t.equal(noise.look(1150, 0, 3), true, 'what it was overrated by is not kept');
  t.equal(noise.look(1151, 0, 4), false);
  t.end();
});

t.test('what lies in buffers counts when it is seen', (t) => {
  const noise = new Noise(10, 0, 0);
  t.equal(noise.look(5000, 5000, 1), true);
  noise.useful(5000);
  t.equal(noise.look(5005, 0, 2), true);
  t.equal(noise.look(5011, 0, 3), false);
  t.end();
});

t.test('bodies that nobody wants any more are excused', (t) => {
  const noise = new Noise(10, 0, 0);
  noise.excuse(1000);
  t.equal(noise.look(600, 0, 1), true);
  t.equal(noise.look(1010, 0, 2), true);
  t.equal(noise.look(1011, 0, 3), false);
  t.end();
});
