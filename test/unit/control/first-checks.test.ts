import t from 'tap';
import { FirstChecks } from '../../../src/control/first-checks.ts';
import { FakeClock } from '../../support/fake-clock.ts';

t.test('resolves with the look that finds it holding, and at once when it holds already', async (t) => {
  const checks = new FirstChecks(new FakeClock(), 3000);
  await checks.until(() => true);
  let isReady = false;
  let isOver = false;
  const waiting = checks
    .until(() => isReady)
    .then(() => {
      isOver = true;
    });
  checks.look();
  await Promise.resolve();
  t.notOk(isOver, 'a check that changed nothing');
  isReady = true;
  checks.look();
  await waiting;
  t.ok(isOver);
});

t.test('not for ever', async (t) => {
  const clock = new FakeClock();
  const checks = new FirstChecks(clock, 3000);
  let isOver = false;
  const waiting = checks
    .until(() => false)
    .then(() => {
      isOver = true;
    });
  clock.advance(2999);
  await Promise.resolve();
  t.notOk(isOver);
  clock.advance(1);
  await waiting;
  checks.look();
});
