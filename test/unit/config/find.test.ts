import t from 'tap';
import { findConfig } from '../../../src/config/index.ts';

const NOTHING = (): boolean => false;

t.test('the order of the search', (t) => {
  const all = [
    '/srv/shop/sluice.yaml',
    '/srv/shop/config/sluice.yaml',
    '/xdg/sluice/sluice.yaml',
    '/etc/sluice/sluice.yaml',
  ];
  const expected = [
    'sluice.yaml',
    'config/sluice.yaml',
    '/xdg/sluice/sluice.yaml',
    '/etc/sluice/sluice.yaml',
  ];
  const env = { XDG_CONFIG_HOME: '/xdg', HOME: '/home/me' };
  expected.forEach((file, index) => {
    const there = new Set(all.slice(index));
    const found = findConfig({ env, cwd: '/srv/shop', exists: (path) => there.has(path) });
    t.strictSame(found, { found: true, file, by: 'search' });
  });
  t.strictSame(findConfig({ env, cwd: '/srv/shop', exists: NOTHING }), { found: false, tried: expected });
  t.end();
});

t.test('what is named is taken as it is, there or not', (t) => {
  const env = { SLUICE_CONFIG: 'from-env.yaml' };
  const options = { env, cwd: '/srv/shop', exists: NOTHING };
  t.strictSame(findConfig({ ...options, named: 'my.yaml' }), {
    found: true,
    file: 'my.yaml',
    by: '--config',
  });
  t.strictSame(findConfig(options), { found: true, file: 'from-env.yaml', by: '$SLUICE_CONFIG' });
  t.match(findConfig({ ...options, env: { SLUICE_CONFIG: '' } }), { found: false });
  t.end();
});

t.test('homes', (t) => {
  const tried = (env: Record<string, string>): unknown => findConfig({ env, cwd: '/', exists: NOTHING });
  t.match(tried({ HOME: '/home/me' }), { tried: [/./, /./, '/home/me/.config/sluice/sluice.yaml', /./] });
  t.strictSame(tried({}), {
    found: false,
    tried: ['sluice.yaml', 'config/sluice.yaml', '/etc/sluice/sluice.yaml'],
  });
  t.end();
});
