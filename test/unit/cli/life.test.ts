import t from 'tap';
import { beginLife, type Life } from '../../../src/cli/life.ts';
import { ECHO_MS, StopSignals } from '../../../src/cli/stop-signals.ts';
import { FakeContext } from '../../support/cli-context.ts';
import { FakeClock } from '../../support/fake-clock.ts';

t.test('what a stop signal means after those before it', (t) => {
  const rows: readonly (readonly [at: readonly number[], verdicts: readonly string[]])[] = [
    [[0], ['drain']],
    [
      [0, 1, 50, ECHO_MS - 1],
      ['drain', 'echo', 'echo', 'echo'],
    ],
    [
      [0, ECHO_MS],
      ['drain', 'now'],
    ],
    // The second request's own echo is no third one, but it is over by then anyway.
    [
      [0, 10, 5000, 5001],
      ['drain', 'echo', 'now', 'now'],
    ],
  ];
  for (const [at, verdicts] of rows) {
    const signals = new StopSignals();
    t.same(
      at.map((ms) => signals.next(ms)),
      verdicts,
      at.join(' '),
    );
  }
  t.end();
});

function make(): { life: Life; did: string[]; stopped: PromiseWithResolvers<0 | 3>; context: FakeContext } {
  const did: string[] = [];
  const stopped = Promise.withResolvers<0 | 3>();
  const life: Life = {
    stop: () => {
      did.push('stop');
      return stopped.promise;
    },
    reload: async () => void did.push('reload'),
    dumpState: () => void did.push('dump'),
    fail: async (error) => void did.push(`fail ${error}`),
    onStopping: (signal) => void did.push(`stopping ${signal}`),
  };
  return { life, did, stopped, context: new FakeContext('/', new FakeClock()) };
}

t.test('a signal drains, its echo does not hurry it', async (t) => {
  const { life, did, stopped, context } = make();
  const { over } = beginLife(life, context);
  context.signal('SIGUSR2');
  context.signal('SIGHUP');
  context.signal('SIGINT');
  context.signal('SIGINT');
  context.signal('SIGHUP');
  stopped.resolve(0);
  t.equal(await over, 0);
  t.same(did, ['dump', 'reload', 'stopping SIGINT', 'stop'], 'no reload while it stops');
});

t.test('asked again, it ends at once', async (t) => {
  const { life, did, context } = make();
  const { over } = beginLife(life, context);
  context.signal('SIGTERM');
  (context.clock as FakeClock).advance(ECHO_MS);
  context.signal('SIGTERM');
  t.equal(await over, 3);
  t.same(did, ['stopping SIGTERM', 'stop']);
});

t.test('a cut drain has its own code', async (t) => {
  const { life, stopped, context } = make();
  const { over } = beginLife(life, context);
  context.signal('SIGQUIT');
  stopped.resolve(3);
  t.equal(await over, 3);
});

t.test('its time is over: no signal, one stop', async (t) => {
  const { life, did, stopped, context } = make();
  const { over, end } = beginLife(life, context);
  end();
  end();
  context.signal('SIGTERM');
  stopped.resolve(0);
  t.equal(await over, 0);
  t.same(did, ['stop']);
});

t.test('the terminal was closed: SIGHUP stops', async (t) => {
  const { life, did, stopped, context } = make();
  const { over } = beginLife(life, context);
  context.isClosed = true;
  context.signal('SIGHUP');
  stopped.resolve(0);
  t.equal(await over, 0);
  t.same(did, ['stopping SIGHUP', 'stop']);
});

t.test('an error that nobody caught, and one in a reload', async (t) => {
  const { life, did, context } = make();
  const { over } = beginLife(life, context);
  context.throwUncaught('x');
  t.equal(await over, 1);
  t.same(did, ['fail x']);

  const other = make();
  const failing = beginLife({ ...other.life, reload: () => Promise.reject('y') }, other.context);
  other.context.signal('SIGHUP');
  t.equal(await failing.over, 1);
  t.same(other.did, ['fail y']);
});

t.test('a stop that fails is told to the caller', async (t) => {
  const { life, stopped, context } = make();
  const { over } = beginLife(life, context);
  context.signal('SIGTERM');
  stopped.reject(new Error('cannot'));
  await t.rejects(over, { message: 'cannot' });
});
