import { generateKeyPairSync } from 'node:crypto';
import t from 'tap';
import { systemClock } from '../../../src/kernel/clock.ts';
import { SluiceError } from '../../../src/kernel/errors.ts';
import { makeLeaf } from '../../../src/tls/forge-certificates.ts';
import { isCutPem, pemBlocks, readPair } from '../../../src/tls/pem.ts';
import { checkAuthorities } from '../../../src/tls/upstream.ts';
import { authorityFor } from '../../support/tls-fixture.ts';

const authority = authorityFor('shop.example.com');
const leaf = makeLeaf(
  authority,
  ['shop.example.com', '*.shop.test', '10.0.0.1', '::1'],
  systemClock.wallMs(),
);
const other = makeLeaf(authority, ['other.test'], systemClock.wallMs());

function failure(certPem: string, keyPem: string): SluiceError {
  try {
    readPair('shop', { certPem, keyPem, certFile: 'shop.crt', keyFile: 'shop.key' });
  } catch (error) {
    if (error instanceof SluiceError) return error;
    throw error;
  }
  throw new Error('the pair was accepted');
}

t.test('a good pair', async (t) => {
  const text = `Some words\n${leaf.certPem}between\r\n${authority.certPem}# after\n`;
  const got = readPair('shop', { certPem: text, keyPem: leaf.keyPem, certFile: 'c', keyFile: 'k' });
  t.strictSame(got.names, ['shop.example.com', '*.shop.test', '10.0.0.1', '::1']);
  t.equal(pemBlocks(got.certPem).length, 2, 'the chain is kept');
  t.match(got.fingerprint, /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  t.ok(got.notAfterMs > got.notBeforeMs);
  t.strictSame(structuredClone(got), got, 'it can be posted to a thread');
  const both = leaf.keyPem + leaf.certPem;
  t.equal(
    readPair('x', { certPem: both, keyPem: both, certFile: 'b', keyFile: 'b' }).fingerprint,
    got.fingerprint,
  );
});

t.test('every bad pair says which file and what to do', async (t) => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const encrypted = privateKey
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
    .toString();
  const legacy = privateKey
    .export({ type: 'sec1', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
    .toString();
  const damaged = leaf.certPem.replace(/\n.{20}/, '\nAAAAAAAAAAAAAAAAAAAA');
  const badKey = leaf.keyPem.replace(/\n.{20}/, '\nAAAAAAAAAAAAAAAAAAAA');
  const cases: [string, string, string, string, RegExp][] = [
    ['no certificate', '', leaf.keyPem, 'tls_certificate', /shop\.crt: there is no complete certificate/],
    ['cut', leaf.certPem.slice(0, 600), leaf.keyPem, 'tls_file_cut', /shop\.crt ends in the middle/],
    [
      'chain cut',
      leaf.certPem + authority.certPem.slice(0, 300),
      leaf.keyPem,
      'tls_file_cut',
      /shop\.crt ends/,
    ],
    ['key cut', leaf.certPem, leaf.keyPem.slice(0, 300), 'tls_file_cut', /shop\.key ends in the middle/],
    ['damaged', damaged, leaf.keyPem, 'tls_certificate', /shop\.crt: certificate 1 is damaged/],
    ['no key', leaf.certPem, leaf.certPem, 'tls_key', /shop\.key: there is no complete private key/],
    ['damaged key', leaf.certPem, badKey, 'tls_key', /shop\.key: the private key is damaged/],
    ['encrypted', leaf.certPem, encrypted, 'tls_key', /shop\.key: the key is encrypted/],
    ['legacy encrypted', leaf.certPem, legacy, 'tls_key', /shop\.key: the key is encrypted/],
    ['mismatch', leaf.certPem, other.keyPem, 'tls_key_mismatch', /shop\.key is not the key of the first/],
  ];
  for (const [what, certPem, keyPem, code, message] of cases) {
    const error = failure(certPem, keyPem);
    t.equal(error.code, code, what);
    t.match(error.message, message, what);
    t.ok(error.hint, `${what}: there is a hint`);
    t.notMatch(
      `${error.message}${error.hint}`,
      leaf.keyPem.split('\n')[1] ?? '-',
      `${what}: no key in the text`,
    );
  }
  t.match(
    failure(authority.certPem + leaf.certPem, leaf.keyPem).hint,
    /certificate 2 in that file: put that/,
  );
});

t.test('a key that OpenSSL finds too short is refused here and not in a thread', async (t) => {
  const { execFileSync } = await import('node:child_process');
  const args = 'req -x509 -newkey rsa:1024 -nodes -days 2 -subj /CN=a.test -keyout - -out -'.split(' ');
  let both: string;
  try {
    both = execFileSync('openssl', args, { encoding: 'latin1', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    t.comment('openssl is not installed');
    return;
  }
  const error = failure(both, both);
  t.match(error.message, /OpenSSL refuses it: .*key too small/);
});

t.test('authorities are complete or an error', async (t) => {
  t.doesNotThrow(() => checkAuthorities(authority.certPem, 'ca.crt'));
  for (const [what, text] of [
    ['empty', ''],
    ['no certificate', leaf.keyPem],
    ['one cut off', authority.certPem + leaf.certPem.slice(0, 200)],
    ['damaged', authority.certPem.replace(/\n.{20}/, '\nAAAAAAAAAAAAAAAAAAAA')],
  ] as const) {
    t.throws(
      () => checkAuthorities(text, 'ca.crt'),
      { code: 'tls_authorities', message: /^ca\.crt: / },
      what,
    );
  }
});

t.test('a cut is seen', async (t) => {
  t.equal(isCutPem(''), false);
  t.equal(isCutPem(leaf.certPem), false);
  t.equal(isCutPem(`${leaf.certPem}-----BEGIN CERTIFICATE-----\n`), true);
});
