/** Which of two limits of time passes first, and what is left of them when an attempt is over. */
import t from 'tap';
import { Deadlines } from '../../../src/kernel/deadlines.ts';
import { TimeLimits } from '../../../src/proxy/time-limits.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function limited(timeoutMs: number, attemptMs: number | undefined) {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const said: string[] = [];
  const owner = {
    onAttemptLate: () => {
      said.push('attempt');
      time?.endAttempt();
    },
    onRouteLate: () => {
      said.push('route');
      time?.stop();
    },
  };
  const time = TimeLimits.of(owner, { clock, deadlines }, clock.nowMs(), timeoutMs, attemptMs);
  return { clock, deadlines, time, said };
}

t.test('no limit costs nothing', async (t) => {
  const { time, deadlines } = limited(0, undefined);
  t.equal(time, null);
  t.equal(deadlines.size, 0);
});

t.test('an attempt that is late, then the whole', async (t) => {
  const { clock, deadlines, time, said } = limited(1000, 300);
  time?.beginAttempt();
  clock.advance(250);
  t.same(said, []);
  clock.advance(150);
  t.same(said, ['attempt']);
  clock.advance(500);
  t.same(said, ['attempt'], 'nothing is under way that could be late');
  clock.advance(300);
  t.same(said, ['attempt', 'route']);
  t.equal(deadlines.size, 0);
});

t.test('an attempt has no longer than the whole', async (t) => {
  const { clock, time, said } = limited(400, 300);
  clock.advance(200);
  time?.beginAttempt();
  clock.advance(400);
  t.same(said, ['route']);
});

t.test('attempts only: what has answered may go on', async (t) => {
  const { clock, deadlines, time, said } = limited(0, 100);
  t.equal(deadlines.size, 0);
  time?.beginAttempt();
  time?.endAttempt();
  clock.advance(10_000);
  t.same(said, []);
});
