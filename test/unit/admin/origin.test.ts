import t from 'tap';
import { isLoopback, judgeOrigin } from '../../../src/admin/origin.ts';

const fields = (host?: string, origin?: string, secFetchSite?: string) => ({ host, origin, secFetchSite });
const loopback = { listenHost: '127.0.0.1', hosts: [] };

t.test('Host', async (t) => {
  const cases: [string | undefined, string, boolean][] = [
    [undefined, '127.0.0.1', true],
    ['localhost', '127.0.0.1', true],
    ['LOCALHOST:9900', '127.0.0.1', true],
    ['127.0.0.1:1', '127.0.0.1', true],
    ['127.9.9.9', '127.0.0.1', true],
    ['[::1]:9900', '127.0.0.1', true],
    ['[::ffff:127.0.0.1]', '127.0.0.1', true],
    ['', '127.0.0.1', false],
    ['evil.example', '127.0.0.1', false],
    ['127.0.0.1.evil.example', '127.0.0.1', false],
    ['localhost.', '127.0.0.1', false],
    ['localhost, evil', '127.0.0.1', false],
    ['localhost:80:80', '127.0.0.1', false],
    ['localhost/x', '127.0.0.1', false],
    ['10.0.0.5', '127.0.0.1', false],
    ['10.0.0.5', '10.0.0.5', true],
    ['10.0.0.6', '10.0.0.5', false],
    ['10.0.0.6', '0.0.0.0', true],
    ['10.0.0.6', '::', true],
    ['[2001:db8::1]', '', true],
    ['evil.example', '', false],
    ['lb.example', 'LB.example', true],
    ['other.example', 'lb.example', false],
  ];
  for (const [host, listenHost, ok] of cases)
    t.equal(judgeOrigin(fields(host), { listenHost, hosts: [] }).ok, ok, `${host} at ${listenHost}`);
  t.equal(judgeOrigin(fields('Admin.example:80'), { listenHost: '::', hosts: ['admin.example'] }).ok, true);
});

t.test('Origin and Sec-Fetch-Site', async (t) => {
  const at = 'localhost:9900';
  t.equal(judgeOrigin(fields(at, 'http://localhost:9900'), loopback).ok, true);
  t.equal(judgeOrigin(fields(at, 'https://LOCALHOST:9900'), loopback).ok, true, 'behind something with TLS');
  for (const origin of [
    'http://localhost',
    'http://localhost:9900/',
    'null',
    '',
    'file://',
    'localhost:9900',
  ])
    t.match(judgeOrigin(fields(at, origin), loopback), { ok: false, code: 'origin_refused' }, origin);
  t.equal(judgeOrigin(fields(undefined, 'http://localhost'), loopback).ok, false);
  for (const site of ['cross-site', 'same-site', 'none, cross-site', ''])
    t.equal(judgeOrigin(fields(at, undefined, site), loopback).ok, false, site);
});

t.test('what a stranger sent is shown without control characters', async (t) => {
  const verdict = judgeOrigin(fields('evil"\x1b[31m\n'), loopback);
  t.match(verdict, { detail: 'The Host field names "evil??[31m?".' });
});

t.test('loopback', async (t) => {
  for (const host of ['localhost', 'LocalHost', '127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1'])
    t.equal(isLoopback(host), true, host);
  for (const host of ['', '0.0.0.0', '::', '10.0.0.1', '128.0.0.1', 'example', '127.evil'])
    t.equal(isLoopback(host), false, host);
});
