/** The demo's file is edited while it runs: the fleet follows. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { request } from 'undici';
import { type DemoServer, demoReady, QUIET_DEMO } from '../support/demo-process.ts';
import { isRunning } from '../support/processes.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

const SHIPPED = new URL('../../config/bookstore.yaml', import.meta.url).pathname;

t.test('the file is edited: servers come and go, a mistake changes nothing', async (t) => {
  const folder = t.testdir({ 'shop.yaml': readFileSync(SHIPPED, 'utf8') });
  const file = join(folder, 'shop.yaml');
  const args = [...QUIET_DEMO, '--config', file, '--data', join(folder, 'data'), '--rate', '50'];
  await using demo = new SluiceProcess(args);
  const before = await demoReady(demo);
  const [first, second, third] = before.servers as [DemoServer, DemoServer, DemoServer];

  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace('weight: 1', 'wieght: 1'));
  demo.child.kill('SIGHUP');
  t.match(await demo.event('reload'), { ok: false, why: /unknown key "wieght" – did you mean "weight"\?/ });
  t.ok([first, second, third].every(({ pid }) => isRunning(pid)));

  // The third leaves, a fourth comes, the first gets all it can.
  const edited = text
    .replace(/^.*127\.0\.0\.1:3003.*\n/m, '      - 127.0.0.1:3004\n')
    .replace('127.0.0.1:3001, weight: 1', '127.0.0.1:3001, weight: 9');
  writeFileSync(file, edited);
  const seen = demo.lines.length;
  demo.child.kill('SIGHUP');
  const started = await demo.event('server_started', () => true, seen);
  const reload = await demo.event('reload', () => true, seen);
  const fourth = String(started['address']);
  t.match(reload, { ok: true, pools: { books: { added: [fourth], removed: [third.id] } } });
  t.ok(
    demo.lines.indexOf(started) < demo.lines.indexOf(reload),
    'the new one runs before anything is sent to it',
  );
  t.same(
    (reload['servers'] as DemoServer[]).map(({ address }) => address),
    [first.address, second.address, fourth],
  );
  await demo.event('server_stopped', (line) => line['address'] === third.address, seen);
  t.notOk(isRunning(third.pid));
  t.ok(isRunning(first.pid) && isRunning(second.pid), 'the others were left alone');
  await demo.event(
    'traffic',
    ({ servers }) =>
      (servers as { id: string; per_second: number }[]).some((it) => it.id === fourth && it.per_second > 0),
    seen,
  );

  // The same through the API.
  writeFileSync(file, text);
  const again = demo.lines.length;
  const answer = await request(`${before.admin}/api/v1/reload`, {
    method: 'POST',
    headers: { authorization: `Bearer ${before.token}` },
  });
  t.equal(answer.statusCode, 200);
  await answer.body.dump();
  await demo.event('server_stopped', (line) => line['address'] === fourth, again);

  demo.child.kill('SIGTERM');
  const summary = await demo.event('summary');
  t.match(summary, { failed: 0 });
  t.match(await demo.ended, { code: 0 });
});
