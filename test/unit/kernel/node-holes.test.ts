import { readFileSync } from 'node:fs';
import t from 'tap';
import { nodeWarning } from '../../../src/kernel/node-holes.ts';
import { MINIMUM_NODE } from '../../../src/launch.mjs';

t.test('versions of Node', async (t) => {
  const fine = [
    '24.18.1',
    'v24.18.1',
    '24.19.0',
    '24.22.1',
    '26.5.1',
    '26.10.0',
    '26.5.1-nightly20260801',
    '27.0.0',
    '28.1.2',
  ];
  for (const version of fine) t.equal(nodeWarning(version), undefined, version);
  const holed: [string, RegExp][] = [
    ['24.18.0', /Install Node 24\.18\.1 or newer/],
    ['24.9.0', /Install Node 24\.18\.1 or newer/],
    ['26.5.0', /Install Node 26\.5\.1 or newer/],
    ['26.0.0-rc.1', /Install Node 26\.5\.1 or newer/],
    ['25.9.9', /no fixes any more\. Install Node 24\.18\.1 or 26\.5\.1 or newer/],
    ['22.23.4', /no fixes any more\. Install Node 24\.18\.1 or 26\.5\.1 or newer/],
    ['x', /Install Node/],
  ];
  for (const [version, what] of holed) {
    t.match(nodeWarning(version), what, version);
    t.match(nodeWarning(version), new RegExp(`^Node ${version} has known holes in http, http2 and tls`));
  }
});

t.test('what we ask for, and what we bring along, is not warned of', async (t) => {
  t.equal(nodeWarning(MINIMUM_NODE), undefined, 'the oldest that the launcher takes');
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  const { optionalDependencies } = JSON.parse(text) as { optionalDependencies: Record<string, string> };
  const bundled = Object.entries(optionalDependencies).filter(([name]) => name.startsWith('node-'));
  t.ok(bundled.length >= 4);
  for (const [name, version] of bundled) t.equal(nodeWarning(version), undefined, `${name} ${version}`);
});
