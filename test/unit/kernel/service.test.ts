/** The contract of everything long-lived: any order of start and stop, each of them any number of times. */
import t from 'tap';
import { BaseService } from '../../../src/kernel/service.ts';

class Probe extends BaseService {
  readonly name = 'probe';
  readonly calls: string[] = [];
  readonly starting = Promise.withResolvers<void>();
  readonly stopping = Promise.withResolvers<void>();

  protected override async onStart(): Promise<void> {
    this.calls.push('start');
    await this.starting.promise;
    this.calls.push('started');
  }
  protected override async onStop(): Promise<void> {
    this.calls.push('stop');
    await this.stopping.promise;
    this.calls.push('stopped');
  }
}

function probe(): Probe {
  const it = new Probe();
  it.starting.resolve();
  it.stopping.resolve();
  return it;
}

t.test('started and stopped, once each however often it is asked for', async (t) => {
  const it = probe();
  t.equal(it.isRunning, false);
  await Promise.all([it.start(), it.start()]);
  t.equal(it.isRunning, true);
  await Promise.all([it.stop(), it.stop()]);
  await it.stop();
  t.equal(it.isRunning, false);
  t.same(it.calls, ['start', 'started', 'stop', 'stopped']);
});

t.test('stopped before it was started', async (t) => {
  const it = probe();
  await it.stop();
  t.same(it.calls, [], 'there is nothing to do');
  await t.rejects(it.start(), { message: 'probe was stopped and cannot start again' });
});

t.test('stopped while it starts: the start is waited for', async (t) => {
  const it = new Probe();
  it.stopping.resolve();
  const started = it.start();
  const stopped = it.stop();
  t.equal(it.isRunning, false);
  await new Promise((resolve) => setImmediate(resolve));
  t.same(it.calls, ['start']);
  it.starting.resolve();
  await Promise.all([started, stopped]);
  t.same(it.calls, ['start', 'started', 'stop', 'stopped']);
});

t.test('a start that failed half-way is cleaned up by the stop, which does not fail for it', async (t) => {
  const it = new Probe();
  it.stopping.resolve();
  const started = it.start();
  it.starting.reject(new Error('no port'));
  await t.rejects(started, { message: 'no port' });
  await t.rejects(it.start(), { message: 'no port' }, 'and it is not tried again');
  await it.stop();
  t.same(it.calls, ['start', 'stop', 'stopped']);
});

t.test('a stop that fails says so to everybody who waits for it', async (t) => {
  const it = new Probe();
  it.starting.resolve();
  await it.start();
  it.stopping.reject(new Error('stuck'));
  await t.rejects(it.stop(), { message: 'stuck' });
  await t.rejects(it.stop(), { message: 'stuck' });
});
