import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import forge from 'node-forge';
import t from 'tap';
import { loadConfig } from '../../../src/config/index.ts';
import { load, loadFine, report } from './loading.ts';

const NOW = Date.UTC(2026, 10, 21);
const DAY = 86_400_000;

function keyPair(): { privateKey: string; publicKey: string } {
  return generateKeyPairSync('rsa', {
    modulusLength: 1024, // small: nothing is protected by it
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}

/** A certificate, valid for these days from now, and its key. */
function makeCertificate(fromDays: number, toDays: number): { cert: string; key: string } {
  const pair = keyPair();
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(pair.publicKey);
  certificate.serialNumber = '01';
  certificate.validity.notBefore = new Date(NOW + fromDays * DAY);
  certificate.validity.notAfter = new Date(NOW + toDays * DAY);
  certificate.setSubject([{ name: 'commonName', value: 'shop.example' }]);
  certificate.setIssuer([{ name: 'commonName', value: 'shop.example' }]);
  certificate.sign(forge.pki.privateKeyFromPem(pair.privateKey), forge.md.sha256.create());
  return { cert: forge.pki.certificateToPem(certificate), key: pair.privateKey };
}

const good = makeCertificate(-1, 90);
const encrypted = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
}).privateKey;

function findings(files: Readonly<Record<string, string | Error>>): string[] {
  const text = `certificates:
  shop: { cert: a.crt, key: a.key }
listeners: { s: { port: 443, tls: { certificates: shop } } }
routes: [{ pool: web }]
pools: { web: { servers: ["https://a"], upstream: { tls: { ca: ca.crt } } } }
`;
  const readFile = (path: string): string => {
    const found = files[path.replace('/etc/sluice/', '')];
    if (typeof found === 'string') return found;
    throw found ?? Object.assign(new Error('none'), { code: 'ENOENT' });
  };
  return report(load(text, { checkFiles: true, readFile, wallMs: NOW }));
}

t.test('certificates, keys and authorities', (t) => {
  const fine = { 'a.crt': good.cert, 'a.key': good.key, 'ca.crt': good.cert };
  const expired = makeCertificate(-90, -1);
  const early = makeCertificate(1, 90);
  const denied = Object.assign(new Error('denied'), { code: 'EACCES' });
  const rows: readonly (readonly [string, Readonly<Record<string, string | Error>>, ...string[]])[] = [
    ['all is well', fine],
    [
      'expired',
      { ...fine, 'a.crt': expired.cert, 'a.key': expired.key },
      '2:17-22 warning certificates.shop.cert: "a.crt" expired on 2026-11-20: clients will refuse it.',
    ],
    [
      'not yet valid',
      { ...fine, 'a.crt': early.cert, 'a.key': early.key },
      '2:17-22 warning certificates.shop.cert: "a.crt" is valid only from 2026-11-22: clients will refuse it.',
    ],
    [
      'another key',
      { ...fine, 'a.key': keyPair().privateKey },
      '2:29-34 error certificates.shop.key: this private key does not belong to the certificate "a.crt".',
    ],
    [
      'encrypted key',
      { ...fine, 'a.key': encrypted },
      '2:29-34 error certificates.shop.key: "a.key" is encrypted. Decrypt it: openssl pkey -in a.key -out plain.key',
    ],
    [
      'swapped',
      { ...fine, 'a.crt': good.key, 'a.key': good.cert },
      '2:17-22 error certificates.shop.cert: "a.crt" holds a private key, not a certificate. Are cert and key swapped?',
      '2:29-34 error certificates.shop.key: "a.key" holds a certificate, not a private key. Are cert and key swapped?',
    ],
    [
      'rubbish',
      { ...fine, 'a.crt': 'rubbish', 'a.key': '' },
      '2:17-22 error certificates.shop.cert: "a.crt" holds no certificate in PEM form.',
      '2:29-34 error certificates.shop.key: "a.key" holds no private key in PEM form',
    ],
    [
      'missing',
      { 'a.crt': good.cert, 'a.key': denied },
      '2:29-34 error certificates.shop.key: the private key "a.key" may not be read by this user (/etc/sluice/a.key).',
      '5:64-70 error pools.web.upstream.tls.ca: the file of authorities "ca.crt" does not exist (/etc/sluice/ca.crt).',
    ],
    [
      'authorities',
      { ...fine, 'ca.crt': 'none' },
      '5:64-70 error pools.web.upstream.tls.ca: "ca.crt" holds no certificate in PEM form.',
    ],
  ];
  for (const [name, files, ...expected] of rows) {
    const found = findings(files);
    t.equal(found.length, expected.length, name, { found });
    for (const [index, each] of expected.entries()) t.ok(found[index]?.startsWith(each), name, { found });
  }
  t.end();
});

t.test('files of pages', (t) => {
  const respond = 'routes: [{ respond: { file: a.bin } }]\nlisteners: { http: { port: 80 } }\n';
  const page = 'error_pages: { 404: a.bin }\nroutes: [{ respond: 204 }]\nlisteners: { http: { port: 80 } }\n';
  const folder = t.testdir({ 'a.bin': '' });
  const rows: [what: string, text: string, content: Buffer, expected: RegExp | null][] = [
    ['an answer of bytes', respond, Buffer.from([0, 255, 254]), null],
    ['a page of bytes', page, Buffer.from([0, 255, 254]), /is not text in UTF-8/],
    ['a page with a NUL', page, Buffer.from('a\0b'), /is not text in UTF-8/],
    ['a page that says U+FFFD', page, Buffer.from('\uFFFD'), null],
    ['as large as may be', respond, Buffer.alloc(1024 * 1024), null],
    ['too large', respond, Buffer.alloc(1024 * 1024 + 1), /at most 1MiB: they are kept in memory/],
  ];
  for (const [what, text, content, expected] of rows) {
    writeFileSync(join(folder, 'a.bin'), content);
    const source = { text: text, name: 'sluice.yaml', baseDir: folder };
    const found = report(loadConfig(source, { env: {}, wallMs: NOW }));
    if (expected === null) t.strictSame(found, [], what);
    else t.match(found.join(), expected, what);
  }
  t.end();
});

t.test('a certificate and its key in one file', (t) => {
  const text = `certificates: { shop: { cert: both.pem, key: both.pem } }
listeners: { s: { port: 443, tls: { certificates: shop } } }
routes: [{ respond: 204 }]
`;
  const options = { checkFiles: true, readFile: () => good.key + good.cert, wallMs: NOW };
  t.strictSame(loadFine(t, text, options).warnings, []);
  t.end();
});
