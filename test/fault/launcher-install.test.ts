/**
 * The launcher's own `npm ci`: when, once, and what it says when it fails. A folder with copies of the launcher stands
 * for the checkout, and a script of the test for npm (the real one is used by test/flow/package.test.ts).
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { LAUNCHER, launch } from '../support/launched.ts';

const NPM = `
  import { appendFileSync, copyFileSync, existsSync, mkdirSync } from 'node:fs';
  appendFileSync('npm.log', process.argv.slice(2).join(' ') + '\\n');
  if (existsSync('npm-fails')) { console.error('npm error network'); process.exit(1); }
  if (existsSync('npm-hangs')) { process.on('SIGTERM', () => { appendFileSync('npm.log', 'stopped\\n'); process.exit(143); }); console.error('hanging'); setInterval(() => {}, 1000); }
  else { mkdirSync('node_modules', { recursive: true }); setTimeout(() => copyFileSync('package-lock.json', 'node_modules/.package-lock.json'), 300); }
  console.log('added 1 package');`;

/** A checkout whose program prints "program ran". */
function makeCheckout(folder: string): {
  root: string;
  start: () => ReturnType<typeof launch>;
  npmRuns: () => string[];
} {
  mkdirSync(join(folder, 'src'), { recursive: true });
  mkdirSync(join(folder, 'npm'));
  for (const name of ['launch.mjs', 'install.mjs'])
    copyFileSync(join(LAUNCHER, '..', name), join(folder, 'src', name));
  const packages = {
    '': { version: '1.0.0' },
    'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
  };
  const files = {
    'src/main.ts': 'const text: string = "program ran"; console.log(text, process.argv.slice(2).join(" "));',
    'tsconfig.json': '{}',
    'package.json': '{"name":"x","type":"module"}',
    'package-lock.json': JSON.stringify({ packages }),
    'npm/npm-cli.js': NPM,
    'npm/package.json': '{"type":"module"}',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return {
    root: folder,
    start: () =>
      launch(['run', '--json'], {
        launcher: join(folder, 'src', 'launch.mjs'),
        environment: { npm_execpath: join(folder, 'npm', 'npm-cli.js') },
      }),
    npmRuns: () => {
      const log = join(folder, 'npm.log');
      return existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [];
    },
  };
}

t.test('installs when node_modules is missing, says so on stderr only, then runs the program', async (t) => {
  const checkout = makeCheckout(t.testdir({}));
  const { code, stdout, stderr } = await checkout.start().ended;
  t.equal(code, 0, stderr);
  t.equal(stdout, 'program ran run --json');
  t.match(
    stderr,
    /node_modules is missing or incomplete: running npm ci in .*[\s\S]*added 1 package[\s\S]*installed in/,
  );
  t.match(checkout.npmRuns(), [/^ci --include=dev --include=optional/]);

  t.match(
    await checkout.start().ended,
    { code: 0, stdout: 'program ran run --json', stderr: '' },
    'nothing to do',
  );
  t.equal(checkout.npmRuns().length, 1);

  const lockfile = join(checkout.root, 'package-lock.json');
  writeFileSync(
    lockfile,
    readFileSync(lockfile, 'utf8').replace(
      '"node_modules/a":{"version":"1.0.0"',
      '"node_modules/a":{"version":"1.1.0"',
    ),
  );
  t.match(await checkout.start().ended, { code: 0, stderr: /a is 1\.0\.0 and should be 1\.1\.0/ }, 'stale');
  t.equal(checkout.npmRuns().length, 2);
});

t.test('launchers that start at once install once', async (t) => {
  const checkout = makeCheckout(t.testdir({}));
  const ends = await Promise.all([checkout.start().ended, checkout.start().ended, checkout.start().ended]);
  for (const { code, stdout } of ends) t.same([code, stdout], [0, 'program ran run --json']);
  t.equal(checkout.npmRuns().length, 1);
  t.notOk(existsSync(join(checkout.root, '.install-lock')));
});

t.test(
  'a failed npm ci is explained, the program does not run, and the next start tries again',
  async (t) => {
    const checkout = makeCheckout(t.testdir({ 'npm-fails': '' }));
    for (const runs of [1, 2]) {
      const end = await checkout.start().ended;
      t.match(end, {
        code: 1,
        stdout: '',
        stderr: /npm error network[\s\S]*npm ci failed \(exit code 1\).*start again or run `npm ci`/,
      });
      t.equal(checkout.npmRuns().length, runs);
      t.notOk(existsSync(join(checkout.root, '.install-lock')));
    }
  },
);

t.test('the lock of a launcher that was killed does not stop the next', async (t) => {
  const checkout = makeCheckout(t.testdir({}));
  writeFileSync(join(checkout.root, '.install-lock'), JSON.stringify({ pid: 2 ** 22 + 1, nonce: 'dead' }));
  t.match(await checkout.start().ended, { code: 0, stdout: 'program ran run --json' });
});

t.test('a signal while installing ends npm and then the launcher', async (t) => {
  const checkout = makeCheckout(t.testdir({ 'npm-hangs': '' }));
  const launched = checkout.start();
  await new Promise<void>((done) => {
    launched.child.stderr?.on('data', (text: string) => {
      if (text.includes('hanging')) done();
    });
  });
  launched.child.kill('SIGTERM');
  const { signal, stdout } = await launched.ended;
  t.equal(signal, 'SIGTERM');
  t.equal(stdout, '');
  t.equal(checkout.npmRuns().at(-1), 'stopped');
});

t.test('an unreadable lockfile is an error with advice', async (t) => {
  const checkout = makeCheckout(t.testdir({}));
  writeFileSync(join(checkout.root, 'package-lock.json'), '{ "packages": ');
  t.match(await checkout.start().ended, {
    code: 1,
    stderr: /package-lock\.json cannot be read; restore it from git/,
  });
});
