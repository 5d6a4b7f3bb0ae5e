import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { COMPONENTS, type ComponentName, commandOf, component, needs } from '../../support/needs.ts';

const folder = t.testdir({ wrk: '#!/bin/sh\n', 'valkey-server': '#!/bin/sh\n', curl: 'not executable' });
chmodSync(join(folder, 'wrk'), 0o755);
chmodSync(join(folder, 'valkey-server'), 0o755);

/** Before the tests add one of their own. */
const declared = Object.values(COMPONENTS).flatMap(({ debianPackages }) => debianPackages);

t.test('.ci/run installs every component', async (t) => {
  const script = readFileSync('.ci/run', 'utf8');
  const packages = /packages=\((.*)\)/.exec(script)?.[1]?.split(' ') ?? [];
  for (const name of declared) t.ok(packages.includes(name), name);
});

/** A name that no machine has, whatever is installed here. */
const absent = 'not-a-command' as ComponentName;
Object.assign(COMPONENTS, {
  [absent]: { commands: ['sluice-no-such-command'], debianPackages: ['some-package', 'another'] },
});

const found = { PATH: folder };
const required = { PATH: folder, SLUICE_REQUIRE_COMPONENTS: '1' };

t.test('a command on PATH is found, by its other name too', async (t) => {
  t.equal(commandOf('wrk', found), join(folder, 'wrk'));
  t.equal(component('wrk', required), false);
  t.ok(commandOf('redis-server', found), 'valkey counts');
  t.not(commandOf('curl', found), join(folder, 'curl'), 'a file that cannot be run does not');
});

t.test('a missing one skips and says what installs it', async (t) => {
  t.equal(component(absent, found), 'not-a-command is not installed: apt-get install some-package another');
  const calls: string[] = [];
  const fake = {
    skip: (reason: string) => calls.push(`skip ${reason}`),
    fail: (reason: string) => calls.push(`fail ${reason}`),
  };
  t.equal(needs(fake, absent, found), false);
  t.equal(needs(fake, absent, required), false);
  t.equal(needs(fake, 'wrk', required), true);
  t.same(calls, [
    'skip not-a-command is not installed: apt-get install some-package another',
    'fail not-a-command is not installed: apt-get install some-package another',
  ]);
});

t.test('a missing one fails where all are required', async (t) => {
  t.throws(() => component(absent, required), { message: /not-a-command is not installed: apt-get install/ });
});
