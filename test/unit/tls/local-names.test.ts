import t from 'tap';
import { makeAuthority, permittedOf } from '../../../src/tls/forge-certificates.ts';
import { certifiableNames, isPermitted, permittedWith } from '../../../src/tls/local-names.ts';

t.test('names as they stand in the certificate', async (t) => {
  t.strictSame(certifiableNames(['localhost']), ['localhost', '127.0.0.1', '::1']);
  t.strictSame(certifiableNames(['Shop.TEST.', 'shop.test', '*.shop.test']), ['shop.test', '*.shop.test']);
  t.strictSame(certifiableNames(['bücher.test']), ['xn--bcher-kva.test']);
  t.strictSame(certifiableNames(['10.1.2.3', '[FE80::1]']), ['10.1.2.3', 'fe80::1']);
  for (const bad of [
    '',
    '*',
    '*.',
    'a b',
    'a..b',
    '-a.test',
    'a*.test',
    '*.*.test',
    'http://a',
    'x'.repeat(64),
    'a/b',
    '1.2.3',
  ]) {
    t.throws(() => certifiableNames([bad]), { code: 'tls_self_signed_name' }, JSON.stringify(bad));
  }
  t.throws(() => certifiableNames([]), { code: 'tls_self_signed_name' });
});

t.test('what the authority may sign', async (t) => {
  const permitted = permittedWith(undefined, ['*.shop.example.com', '203.0.113.7', '2001:db8::1', 'a.test']);
  for (const name of ['localhost', 'a.localhost', 'x.y.test', '127.8.9.1', '10.9.9.9', '::1', 'fd00::1']) {
    t.ok(isPermitted(permitted, name), name);
  }
  for (const name of ['shop.example.com', '*.shop.example.com', '203.0.113.7', '2001:db8::1']) {
    t.ok(isPermitted(permitted, name), name);
  }
  for (const name of [
    'example.com',
    'bank.com',
    'nottest',
    'xlocalhost',
    '203.0.113.8',
    '8.8.8.8',
    '2001:db8::2',
  ]) {
    t.notOk(isPermitted(permitted, name), name);
  }
  t.equal(permitted.dns.filter((name) => name === 'a.test').length, 0, 'what is fine anyway is not listed');
});

t.test('a certificate tells its constraints again', async (t) => {
  const permitted = permittedWith(undefined, ['shop.example.com', '203.0.113.7', '2001:db8::1']);
  const again = permittedOf(makeAuthority(permitted, 1.7e12).certPem);
  t.strictSame(again, permitted);
  t.strictSame(permittedWith(again, ['localhost']), permitted, 'nothing is added twice or lost');
});
