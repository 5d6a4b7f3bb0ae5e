import t from 'tap';
import {
  decideHealth,
  type HealthState,
  type HealthStatus,
  initialHealth,
  nextCheckDelayMs,
  restartStreaks,
} from '../../../src/control/health/decide.ts';
import type { ProbeResult } from '../../../src/control/health/options.ts';

const PASS: ProbeResult = { ok: true, responseMs: 3 };
const FAIL: ProbeResult = { ok: false, responseMs: 7, why: 'connect refused' };

function stateOf(status: HealthStatus, successes: number, failures: number): HealthState {
  return { ...initialHealth(0), status, successes, failures };
}

t.test('every status, every streak, both results (B38)', async (t) => {
  const rules = { rise: 2, fall: 3 };
  const table: [HealthStatus, number, number, ProbeResult, HealthStatus, string][] = [
    ['unknown', 0, 0, PASS, 'healthy', 'check passed'],
    ['unknown', 0, 0, FAIL, 'unhealthy', 'connect refused'],
    ['healthy', 1, 0, PASS, 'healthy', 'check passed'],
    ['healthy', 9, 0, FAIL, 'healthy', 'check 1 of 3 failed: connect refused'],
    ['healthy', 0, 1, FAIL, 'healthy', 'check 2 of 3 failed: connect refused'],
    ['healthy', 0, 2, FAIL, 'unhealthy', 'connect refused (3 times in a row)'],
    ['healthy', 0, 2, PASS, 'healthy', 'check passed'],
    ['unhealthy', 0, 5, FAIL, 'unhealthy', 'connect refused'],
    ['unhealthy', 0, 5, PASS, 'unhealthy', 'check 1 of 2 passed'],
    ['unhealthy', 1, 0, PASS, 'healthy', '2 checks passed in a row'],
    ['unhealthy', 1, 0, FAIL, 'unhealthy', 'connect refused'],
  ];
  for (const [from, successes, failures, result, to, why] of table) {
    const name = `${from} ${successes}/${failures} ${result.ok ? 'pass' : 'fail'}`;
    const decision = decideHealth(stateOf(from, successes, failures), result, rules, 500);
    t.equal(decision.state.status, to, name);
    t.equal(decision.why, why, `${name}: why`);
    t.strictSame(decision.transition, from === to ? undefined : { from, to }, `${name}: transition`);
    t.equal(decision.state.sinceMs, from === to ? 0 : 500, `${name}: since`);
    t.equal(decision.state.successes, result.ok ? successes + 1 : 0, `${name}: successes`);
    t.equal(decision.state.failures, result.ok ? 0 : failures + 1, `${name}: failures`);
    t.equal(decision.state.responseMs, result.responseMs, `${name}: response time`);
    t.equal(decision.state.checkedMs, 500, `${name}: checked`);
  }
});

t.test('a check that could not be made for want of sockets says nothing about the server', async (t) => {
  const rules = { rise: 1, fall: 1 };
  const ours: ProbeResult = { ok: false, responseMs: 7, why: 'too many open files', isOurs: true };
  for (const status of ['healthy', 'unhealthy'] as const) {
    const state = stateOf(status, 0, 0);
    const decision = decideHealth(state, ours, rules, 500);
    t.equal(decision.state, state, status);
    t.equal(decision.transition, undefined);
    t.match(decision.why, /no check could be made: too many open files/);
  }
  t.equal(decideHealth(stateOf('unknown', 0, 0), ours, rules, 500).state.status, 'unhealthy');
});

t.test('rise 1 and fall 1 need one result, and say so without a count', async (t) => {
  const rules = { rise: 1, fall: 1 };
  t.equal(decideHealth(stateOf('healthy', 4, 0), FAIL, rules, 1).why, 'connect refused');
  t.equal(decideHealth(stateOf('unhealthy', 0, 4), PASS, rules, 1).why, 'check passed');
  t.equal(decideHealth(stateOf('unhealthy', 0, 4), PASS, rules, 1).state.status, 'healthy');
});

t.test('the last failure is kept after recovery', async (t) => {
  const failed = decideHealth(initialHealth(0), FAIL, { rise: 1, fall: 1 }, 1).state;
  t.equal(decideHealth(failed, PASS, { rise: 1, fall: 1 }, 2).state.lastFailure, 'connect refused');
});

t.test('a changed check keeps the verdict and forgets the streak', async (t) => {
  const state = restartStreaks(stateOf('healthy', 0, 2));
  t.match(state, { status: 'healthy', successes: 0, failures: 0 });
});

t.test('when to look again', async (t) => {
  const check = { intervalMs: 5000, jitterFraction: 0.1 };
  const steady = stateOf('healthy', 3, 0);
  t.equal(nextCheckDelayMs(steady, check, 0, 0.5), 5000, 'the interval');
  t.equal(nextCheckDelayMs(steady, check, 0, 0), 4500, 'less a tenth');
  t.ok(Math.abs(nextCheckDelayMs(steady, check, 0, 0.999999) - 5500) < 1, 'plus a tenth');
  t.equal(nextCheckDelayMs(steady, check, 800, 0.5), 4200, 'the check itself counts');
  t.equal(nextCheckDelayMs(steady, check, 9000, 0.5), 20, 'never without a pause');
  t.equal(nextCheckDelayMs(stateOf('healthy', 0, 1), check, 0, 0.5), 1000, 'sooner while it fails');
  t.equal(nextCheckDelayMs(stateOf('unhealthy', 1, 0), check, 0, 0.5), 1000, 'sooner while it recovers');
  t.equal(nextCheckDelayMs(stateOf('unhealthy', 0, 9), check, 0, 0.5), 5000, 'not while it is simply down');
  t.equal(
    nextCheckDelayMs(stateOf('healthy', 0, 1), { ...check, intervalMs: 100 }, 0, 0.5),
    100,
    'short stays short',
  );
  t.equal(
    nextCheckDelayMs(steady, { intervalMs: 300_000, jitterFraction: 0 }, 0, 0.9),
    300_000,
    'five minutes',
  );
});
