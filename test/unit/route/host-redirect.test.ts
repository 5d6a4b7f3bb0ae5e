import t from 'tap';
import {
  normalizeHost,
  normalizePath,
  parsePathPattern,
  redirectLocation,
} from '../../../src/route/index.ts';
import { checkRedirect } from '../../../src/route/redirect.ts';

t.test('the normal form of a host', async (t) => {
  const table: [raw: string, normal: string][] = [
    ['t.example', 't.example'],
    ['T.EXAMPLE', 't.example'],
    ['t.example:8080', 't.example'],
    ['t.example.', 't.example'],
    ['T.example.:80', 't.example'],
    ['t.example:', 't.example'],
    ['[::1]', '[::1]'],
    ['[FE80::1]:443', '[fe80::1]'],
    ['10.0.0.1:80', '10.0.0.1'],
    ['', ''],
    ['.', '.'],
  ];
  for (const [raw, normal] of table) t.equal(normalizeHost(raw), normal, raw);
});

t.test('where redirects go', async (t) => {
  const table: [to: string, host: string, target: string, location: string | undefined, port?: number][] = [
    ['https', 'shop.example', '/a?b=c', 'https://shop.example/a?b=c'],
    ['https', 'shop.example:80', '/', 'https://shop.example/'],
    ['https', 'shop.example:8080', '/a', 'https://shop.example:8443/a', 8443],
    ['https', '[::1]:80', '/a', 'https://[::1]:8443/a', 8443],
    ['https', '[::1]', '/a', 'https://[::1]/a'],
    ['https', 'shop.example', '//evil.example/x', 'https://shop.example//evil.example/x'],
    ['https', 'shop.example', '*', 'https://shop.example/'],
    ['https', '', '/a', undefined],
    ['https', 'a\r\nSet-Cookie: x', '/a', undefined],
    ['https', 'user@shop.example', '/a', undefined],
    ['https', 'a/b', '/a', undefined],
    ['https', 'a', '/x\r\nSet-Cookie: y', 'https://a/x%0D%0ASet-Cookie:%20y'],
    ['https', 'a', '/caf\xe9', 'https://a/caf%E9'],
    ['/new', 'a', '/old/x', '/new'],
    ['/new', 'a', '/old?q=1', '/new?q=1'],
    ['/new?', 'a', '/old?q=1', '/new?'],
    ['/new#top', 'a', '/old?q=1', '/new?q=1#top'],
    ['/new', 'a', '/old?q=\r\nx', '/new?q=%0D%0Ax'],
    ['https://other.example/x', 'a', '/old?q=1', 'https://other.example/x?q=1'],
  ];
  for (const [to, host, target, location, httpsPort] of table) {
    const redirect = httpsPort === undefined ? { to, status: 308 } : { to, status: 308, httpsPort };
    t.equal(redirectLocation(redirect, { host, target }), location, `${to} ${host} ${target}`);
  }
});

t.test('what a prefix has left over', async (t) => {
  const old = ['/old/*'];
  const table: [to: string, paths: string[], target: string, location: string][] = [
    ['/new/*', old, '/old/a/b', '/new/a/b'],
    ['/new/*', old, '/old', '/new'],
    ['/new/*', old, '/old/', '/new/'],
    ['/new/*', old, '/old/a?q=1', '/new/a?q=1'],
    ['/new/*?v=2', old, '/old/a?q=1', '/new/a?v=2'],
    ['/new/*#top', old, '/old/a?q=1', '/new/a?q=1#top'],
    ['/new/*#?', old, '/old/a?q=1', '/new/a?q=1#?'],
    ['/*', old, '/old/a', '/a'],
    ['/*', old, '/old', '/'],
    ['https://www.example.com/*', old, '/old/a', 'https://www.example.com/a'],
    ['https://www.example.com/*', old, '/old', 'https://www.example.com/'],
    ['https://www.example.com/x/*', old, '/old', 'https://www.example.com/x'],
    ['https://www.example.com/*', [], '/old/a?q', 'https://www.example.com/old/a?q'],
    ['https://www.example.com/*', ['*'], '/', 'https://www.example.com/'],
    ['/new/*', ['/x', '/a/*', '/a/b/*'], '/a/b/c', '/new/b/c'],
    ['/new/*', ['/x', '/a/*'], '/x', '/new'],
    ['/new/*', ['/@me/*'], '/%40me/it', '/new/it'],
    ['/new/*', [], '*', '/new'],
    // No other host can be named, and no line ended.
    ['/*', old, '/old//evil.example', '/evil.example'],
    ['/*', old, '//old//evil.example', '/evil.example'],
    ['/*', old, '/old/.//evil.example', '/evil.example'],
    ['/*', old, '/old/@evil.example', '/@evil.example'],
    ['https://www.example.com/*', old, '/old/@evil.example', 'https://www.example.com/@evil.example'],
    ['https://www.example.com/*', old, '/old/.evil.example', 'https://www.example.com/.evil.example'],
    ['/*', old, '/old/%0d%0aSet-Cookie:x', '/%0D%0ASet-Cookie:x'],
    ['/*', old, '/old/caf\xe9', '/caf%E9'],
  ];
  for (const [to, paths, target, location] of table) {
    t.doesNotThrow(() => checkRedirect({ to, status: 308 }), to);
    const path = normalizePath(target.replace(/\?.*/, '')) as string;
    const request = { host: 'a', target, path };
    t.equal(
      redirectLocation({ to, status: 308 }, request, paths.map(parsePathPattern)),
      location,
      `${to} ${target}`,
    );
  }
  // What browsers would take for a slash is no path at all.
  t.type(normalizePath('/old/\\evil.example'), 'object');
});

t.test('a query that stays behind', async (t) => {
  const request = { host: 'a', target: '/old/x?q=1', path: '/old/x' };
  const location = (to: string): string | undefined =>
    redirectLocation({ to, status: 308, keepsQuery: false }, request, [parsePathPattern('/old/*')]);
  t.equal(location('/new/*'), '/new/x');
  t.equal(location('/new?a=b'), '/new?a=b');
  t.equal(location('https'), 'https://a/old/x');
});

t.test('redirects that are checked when compiled', async (t) => {
  for (const to of ['https', '/new', '/', 'http://x.example', 'https://x.example/a?b#c'])
    t.doesNotThrow(() => checkRedirect({ to, status: 301 }), to);
  for (const to of [
    '',
    'new',
    '//evil.example',
    'ftp://x',
    'https://',
    'javascript:alert(1)',
    '/a b',
    '/a\r\nb',
    '/é',
    '/\\evil.example',
    '/a*',
    '/*/b',
    '/*/*',
    '/*?*',
    'https://*',
    'https:///*',
    'https://www.*/',
  ])
    t.throws(() => checkRedirect({ to, status: 301 }), { code: 'bad_redirect' }, to);
  for (const status of [200, 300, 304, 306, 400])
    t.throws(() => checkRedirect({ to: '/x', status }), { code: 'bad_redirect' }, String(status));
});
