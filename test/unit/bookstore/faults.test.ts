import t from 'tap';
import { checkFaults, Faults } from '../../../src/bookstore/faults.ts';

t.test('faults keep what is not named, and count down', async (t) => {
  const faults = new Faults();
  t.strictSame(faults.toJSON(), { fail: 0, slowMs: 0, unhealthy: false });
  t.equal(faults.takeFailure(), false);
  faults.set({ fail: 1, slowMs: 5 });
  faults.set({ unhealthy: true });
  t.strictSame(faults.toJSON(), { fail: 1, slowMs: 5, unhealthy: true });
  t.strictSame([faults.takeFailure(), faults.takeFailure()], [true, false]);
  faults.clear();
  t.strictSame([faults.slowMs, faults.isUnhealthy], [0, false]);
});

t.test('settings are checked', async (t) => {
  t.equal(checkFaults({ fail: 3, slowMs: 10_000, unhealthy: false }).ok, true);
  for (const wrong of [{ fail: -1 }, { slowMs: 10_001 }, { unhealthy: 1 }, { other: 1 }, []]) {
    t.equal(checkFaults(wrong).ok, false, JSON.stringify(wrong));
  }
});
