/** What the demo invites people to do: kill a bookstore. Nobody notices, and it comes back. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import t from 'tap';
import { RESTART_MS } from '../../src/cli/demo/fleet.ts';
import { type DemoServer, QUIET_DEMO } from '../support/demo-process.ts';
import { isRunning } from '../support/processes.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

t.test('kill -9 of a bookstore under traffic', async (t) => {
  await using demo = new SluiceProcess([
    ...QUIET_DEMO,
    ...['--rate', '200', '--duration', '60s'],
    ...['--data', t.testdir({})],
  ]);
  const ready = await demo.event('ready');
  const [first, victim] = ready['servers'] as [DemoServer, DemoServer];
  const isServing = (id: string) => (line: Readonly<Record<string, unknown>>) =>
    (line['servers'] as { id: string; per_second: number }[]).some((it) => it.id === id && it.per_second > 0);
  await demo.event('traffic', isServing(victim.id));
  process.kill(victim.pid, 'SIGKILL');
  const died = await demo.event('server_died');
  t.match(died, { address: victim.address, how: 'SIGKILL', restart_in_ms: RESTART_MS });
  t.match(await demo.event('server_state'), { server: victim.id, to: /^(unhealthy|ejected)$/ });
  const seen = demo.lines.length;
  await demo.event('traffic', isServing(first.id), seen);

  const started = await demo.event('server_started', () => true, seen);
  t.match(started, { address: victim.address, again: true });
  t.not(started['pid'], victim.pid);
  await demo.event('server_state', (line) => line['server'] === victim.id && line['to'] === 'healthy', seen);
  await demo.event('traffic', isServing(victim.id), demo.lines.length);

  demo.child.kill('SIGTERM');
  const summary = await demo.event('summary');
  t.match(summary, { failed: 0 }, JSON.stringify(summary));
  t.ok(Number(summary['requests']) > 500, `${summary['requests']} requests`);
  t.match(await demo.ended, { code: 0 });
  t.notOk(isRunning(Number(started['pid'])));
});

t.test('kill -9 of main while it drains: the bookstores go too', async (t) => {
  await using demo = new SluiceProcess([...QUIET_DEMO, '--data', t.testdir({})]);
  const ready = await demo.event('ready');
  const pids = (ready['servers'] as DemoServer[]).map(({ pid }) => pid);
  demo.child.kill('SIGTERM');
  await demo.event('stopping');
  process.kill(demo.pid, 'SIGKILL');
  await demo.ended;
  const giveUpAt = performance.now() + 2000;
  while (pids.some(isRunning) && performance.now() < giveUpAt) await nextTurn();
  t.same(pids.filter(isRunning), []);
});
