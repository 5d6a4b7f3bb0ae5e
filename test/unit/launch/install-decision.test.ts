import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { decideInstall, takeLock } from '../../../src/install.mjs';

const entry = (version: string, more = {}) => ({ version, integrity: `sha512-${version}`, ...more });
const lock = {
  packages: {
    '': { version: '0.1.0' },
    'node_modules/a': entry('1.0.0'),
    'node_modules/a/node_modules/@scope/b': entry('2.0.0'),
    'node_modules/tool': entry('3.0.0', { dev: true }),
    'node_modules/for-windows': entry('4.0.0', { optional: true }),
    'node_modules/linked': { link: true },
  },
};
const installed = (changes: Record<string, unknown> = {}) => {
  const packages: Record<string, { version: string }> = Object.fromEntries(
    Object.entries({ ...lock.packages, ...changes }).filter(
      ([path, value]) => path !== '' && value !== undefined,
    ),
  ) as Record<string, { version: string }>;
  return { packages };
};

t.test('what is installed is compared with what the lockfile names', async (t) => {
  const cases: ReadonlyArray<[string, Parameters<typeof decideInstall>[0], RegExp | undefined]> = [
    [
      'nothing installed, or interrupted',
      { lock, installed: undefined, withDev: false },
      /missing or incomplete/,
    ],
    ['an empty record', { lock, installed: {}, withDev: false }, /a is not installed/],
    ['all as named', { lock, installed: installed(), withDev: true }, undefined],
    [
      'another version',
      { lock, installed: installed({ 'node_modules/a': entry('0.9.0') }), withDev: false },
      /a is 0\.9\.0 and should be 1\.0\.0/,
    ],
    [
      'another file of the same version',
      {
        lock,
        installed: installed({ 'node_modules/a': { ...entry('1.0.0'), integrity: 'sha512-other' } }),
        withDev: false,
      },
      /a is 1\.0\.0/,
    ],
    [
      'a nested one is missing',
      { lock, installed: installed({ 'node_modules/a/node_modules/@scope/b': undefined }), withDev: false },
      /^@scope\/b is not installed$/,
    ],
    [
      'an optional one is missing',
      { lock, installed: installed({ 'node_modules/for-windows': undefined }), withDev: true },
      undefined,
    ],
    [
      'an optional one is of another version',
      { lock, installed: installed({ 'node_modules/for-windows': entry('3.9.0') }), withDev: true },
      /for-windows is 3\.9\.0/,
    ],
    [
      'a tool is missing and not needed',
      { lock, installed: installed({ 'node_modules/tool': undefined }), withDev: false },
      undefined,
    ],
    [
      'a tool is missing and needed',
      { lock, installed: installed({ 'node_modules/tool': undefined }), withDev: true },
      /tool is not installed/,
    ],
    [
      'more is installed than named',
      { lock, installed: installed({ 'node_modules/extra': entry('1.0.0') }), withDev: true },
      undefined,
    ],
  ];
  for (const [name, state, reason] of cases) {
    const decision = decideInstall(state);
    if (reason === undefined) t.same(decision, { install: false }, name);
    else t.match(decision, { install: true, reason }, name);
  }
});

t.test('this checkout’s own lockfile and installation agree', async (t) => {
  const read = (file: string) => JSON.parse(readFileSync(file, 'utf8'));
  const state = { lock: read('package-lock.json'), installed: read('node_modules/.package-lock.json') };
  t.same(decideInstall({ ...state, withDev: true }), { install: false });
});

t.test('the lock is held by one, and handed on', async (t) => {
  const file = join(t.testdir({}), 'lock');
  const order: string[] = [];
  const first = await takeLock(file, () => t.fail('nobody holds it'));
  const second = takeLock(file, (holder) => {
    t.equal(holder.pid, process.pid);
    order.push('second waits');
    first.release();
    order.push('first released');
  }).then((held) => {
    order.push('second has it');
    return held;
  });
  (await second).release();
  t.same(order, ['second waits', 'first released', 'second has it']);
  t.same(readdirSync(join(file, '..')), [], 'nothing is left behind');
});

t.test('the lock of a dead holder is taken over by exactly one of many', async (t) => {
  const file = join(t.testdir({}), 'lock');
  // Process ids end at 2^22 on Linux and far below elsewhere: this one never lives.
  const dead = { pid: 2 ** 22 + 1, nonce: 'dead' };
  writeFileSync(file, JSON.stringify(dead));
  let holders = 0;
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      const held = await takeLock(file, () => {});
      holders += 1;
      t.equal(holders, 1, 'alone');
      await new Promise((done) => setImmediate(done));
      holders -= 1;
      held.release();
    }),
  );
  t.same(readdirSync(join(file, '..')), []);
});

t.test('a dead launcher whose npm still runs keeps the lock', async (t) => {
  const file = join(t.testdir({}), 'lock');
  writeFileSync(file, JSON.stringify({ pid: 2 ** 22 + 1, nonce: 'dead', childPid: process.pid }));
  await t.rejects(
    takeLock(file, () => {}, 0),
    { message: /held for too long.*delete it/ },
  );
  t.ok(existsSync(file));
});

t.test('the holder can name the npm that works for it', async (t) => {
  const file = join(t.testdir({}), 'lock');
  const held = await takeLock(file, () => {});
  held.alsoHeldBy(4711);
  t.match(JSON.parse(readFileSync(file, 'utf8')), { pid: process.pid, childPid: 4711 });
  held.release();
  t.same(readdirSync(join(file, '..')), []);
});
