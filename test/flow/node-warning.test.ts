/** A daemon on a Node with known holes says so once, in its log, and serves. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { runCommandLine } from '../../src/cli/index.ts';
import { delay, systemClock } from '../../src/kernel/clock.ts';
import { FakeContext } from '../support/cli-context.ts';

t.test('one warning at the start', async (t) => {
  const folder = t.testdir({});
  const log = join(folder, 'log');
  const input = {
    threads: 1,
    admin: { listen: '127.0.0.1:0' },
    store: { path: join(folder, 'data') },
    logs: { file: log },
    listen: '127.0.0.1:0',
    servers: ['127.0.0.1:9'],
    health: false,
  };
  writeFileSync(join(folder, 'sluice.yaml'), JSON.stringify(input));
  const context = Object.assign(new FakeContext(folder), { nodeVersion: '26.5.0' });
  const running = runCommandLine(['run', '--config', join(folder, 'sluice.yaml')], context);
  const lines = (): { level: string; message: string }[] =>
    existsSync(log)
      ? readFileSync(log, 'utf8')
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line))
      : [];
  while (!lines().some((it) => it.message === 'ready')) await delay(systemClock, 10);
  context.signal('SIGTERM');
  t.equal(await running, 0);
  const warnings = lines().filter((it) => it.message.startsWith('Node '));
  t.match(warnings, [{ level: 'warn', message: /^Node 26\.5\.0 has known holes .* Install Node 26\.5\.1/ }]);
  t.equal(warnings.length, 1);
});
