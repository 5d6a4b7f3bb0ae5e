import { spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import { makeLeaf } from '../../src/tls/forge-certificates.ts';
import {
  CertificateStore,
  compileTls,
  ListenerTls,
  makeCertificate,
  type TlsEvent,
  tlsErrorKind,
  trustInstructions,
} from '../../src/tls/index.ts';
import { readPair } from '../../src/tls/pem.ts';
import { authorityFor, echoServer, handshake, listenerOptions, materialFor } from '../support/tls-fixture.ts';

const DAY_MS = 86_400_000;
const deps = { clock: systemClock };

async function newFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-tls-'));
  t.teardown(() => rm(folder, { recursive: true }));
  return join(folder, 'certs');
}

/** The machine's clock, some days ahead. */
function aheadBy(days: number): Clock {
  return { ...systemClock, wallMs: () => systemClock.wallMs() + days * DAY_MS };
}

t.test('the chain verifies in node:tls and in curl', async (t) => {
  const directory = await newFolder(t);
  const events: TlsEvent[] = [];
  const store = new CertificateStore(
    { certificates: { local: { kind: 'self_signed', names: ['localhost', '*.shop.test'] } }, directory },
    { ...deps, onEvent: (event) => events.push(event) },
  );
  t.equal(store.authorityFile(), join(directory, 'local-ca.crt'));
  await store.start();
  t.teardown(() => store.stop());
  t.strictSame(
    events.map((event) => event.type),
    ['certificate_made', 'authority_made', 'certificate_loaded'],
  );
  t.match(events[1]?.message, /curl --cacert .*local-ca\.crt/, 'it says how to trust it');

  const ca = await readFile(join(directory, 'local-ca.crt'), 'latin1');
  const listener = new ListenerTls(compileTls(listenerOptions(store.materials())));
  await using server = await echoServer(() => listener.socketOptions());
  for (const servername of ['localhost', 'www.shop.test']) {
    t.equal((await handshake(server.port, { servername, ca })).error, undefined, servername);
  }
  t.equal((await handshake(server.port, { ca })).error, undefined, 'by address');
  t.match((await handshake(server.port, { servername: 'a.b.shop.test', ca })).error, {
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  });
  t.match(
    (await handshake(server.port, { servername: 'localhost' })).error,
    Error,
    'not without the authority',
  );

  const web = createServer(listener.serverOptions(), (_request, response) => response.end('hello'));
  web.listen(0, '127.0.0.1');
  await once(web, 'listening');
  const { port } = web.address() as AddressInfo;
  for (const host of ['localhost', 'www.shop.test', '127.0.0.1']) {
    const args = ['-sS', '-m', '10', '--noproxy', '*', '--cacert', join(directory, 'local-ca.crt')];
    args.push('--connect-to', `::127.0.0.1:${port}`, `https://${host}:${port}/`);
    const child = spawn('curl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const said: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => said.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
    const isInstalled = await once(child, 'close').then(
      () => true,
      () => false,
    );
    if (isInstalled) t.equal(Buffer.concat(said).toString(), 'hello', `curl trusts ${host}`);
    else t.comment('curl is not installed');
  }
  web.close();
});

t.test('the certificates are what browsers ask for, the keys are private', async (t) => {
  const directory = await newFolder(t);
  const made = await makeCertificate({ names: ['Shop.test', '10.1.2.3'], directory }, deps);
  t.strictSame(made.material.names, ['shop.test', '10.1.2.3']);
  t.strictSame([made.isNew, made.isNewAuthority], [true, true]);
  t.equal(made.keyFile, join(directory, 'shop.test.key'));
  const leaf = new X509Certificate(await readFile(made.certFile));
  const authority = new X509Certificate(await readFile(made.authorityFile));
  t.ok(leaf.validToDate.getTime() - leaf.validFromDate.getTime() <= 397 * DAY_MS);
  t.ok(leaf.validFromDate.getTime() < systemClock.wallMs() - DAY_MS / 2, 'clocks may be behind');
  t.equal(leaf.ca, false);
  t.equal(authority.ca, true);
  t.strictSame(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1'], 'for servers only');
  t.ok(leaf.serialNumber.length >= 30 && leaf.serialNumber !== authority.serialNumber);
  t.ok(leaf.verify(authority.publicKey));
  if (process.platform !== 'win32') {
    t.equal((await stat(directory)).mode & 0o777, 0o700);
    for (const name of await readdir(directory)) {
      const want = name.endsWith('.key') ? 0o600 : 0o644;
      t.equal((await stat(join(directory, name))).mode & 0o777, want, name);
    }
  }
  t.strictSame((await readdir(directory)).sort(), [
    'local-ca.crt',
    'local-ca.key',
    'shop.test.crt',
    'shop.test.key',
  ]);
});

t.test('what is good is kept, what is not is made anew', async (t) => {
  const directory = await newFolder(t);
  const make = async (names: string[], clock: Clock = systemClock) => {
    const made = await makeCertificate({ names, directory, name: 'local' }, { clock });
    return { ...made, ca: await readFile(made.authorityFile, 'latin1') };
  };
  const first = await make(['localhost']);
  const second = await make(['localhost']);
  t.strictSame([second.isNew, second.isNewAuthority], [false, false]);
  t.equal(second.material.fingerprint, first.material.fingerprint);

  const other = await make(['localhost', 'shop.test']);
  t.strictSame([other.isNew, other.isNewAuthority], [true, false], 'other names, same authority');

  const publicName = await make(['localhost', 'shop.example.com']);
  t.strictSame(
    [publicName.isNew, publicName.isNewAuthority],
    [true, true],
    'a name the authority may not sign',
  );
  const back = await make(['localhost', 'shop.test']);
  t.strictSame([back.isNew, back.isNewAuthority], [true, false], 'the new authority may sign the old names');
  t.equal(back.ca, publicName.ca);

  t.equal((await make(['localhost', 'shop.test'], aheadBy(360))).isNew, false, '36 days left');
  const renewed = await make(['localhost', 'shop.test'], aheadBy(370));
  t.strictSame([renewed.isNew, renewed.isNewAuthority], [true, false], '26 days left');
  const tenYears = await make(['localhost', 'shop.test'], aheadBy(3300));
  t.strictSame([tenYears.isNew, tenYears.isNewAuthority], [true, true], 'the authority would end too soon');

  await rm(tenYears.certFile);
  const copied = await make(['localhost', 'shop.test'], aheadBy(3300));
  t.equal(copied.isNew, false);
  t.equal(await readFile(copied.certFile, 'latin1'), copied.material.certPem, 'a lost copy comes back');
});

t.test('files of others are never replaced', async (t) => {
  const directory = await newFolder(t);
  await makeCertificate({ names: ['localhost'], directory }, deps);
  const foreign = makeLeaf(authorityFor(), ['shop.test'], systemClock.wallMs());
  for (const [file, text] of [
    ['shop.key', foreign.keyPem],
    ['shop.key', 'something'],
    ['shop.key', ''],
    ['shop.crt', 'something'],
  ] as const) {
    await writeFile(join(directory, file), text);
    await t.rejects(makeCertificate({ names: ['shop.test'], directory, name: 'shop' }, deps), {
      code: 'tls_not_ours',
      message: new RegExp(file),
    });
    t.equal(await readFile(join(directory, file), 'latin1'), text, 'untouched');
    await rm(join(directory, file));
    await rm(join(directory, 'shop.key'), { force: true });
  }
  for (const name of ['local-ca', '../x', '.hidden', '']) {
    await t.rejects(makeCertificate({ names: ['a.test'], directory, name }, deps), {
      code: 'tls_self_signed_name',
    });
  }
});

t.test('the authority cannot sign for the rest of the world', async (t) => {
  const authority = authorityFor();
  const bank = materialFor(authority, 'bank', ['bank.example.com']);
  const listener = new ListenerTls(compileTls(listenerOptions([bank])));
  await using server = await echoServer(() => listener.socketOptions());
  const seen = await handshake(server.port, { servername: 'bank.example.com', ca: authority.certPem });
  t.match(seen.error, { message: 'permitted subtree violation' });
  t.equal(tlsErrorKind(seen.error), 'certificate_rejected');
});

t.test('a folder that cannot be written says so', async (t) => {
  const directory = await newFolder(t);
  await writeFile(directory, 'a file, not a folder');
  await t.rejects(makeCertificate({ names: ['localhost'], directory: join(directory, 'x') }, deps), {
    code: /tls_cannot_(write|read)/,
    hint: /\w/,
  });
});

t.test('how to trust', async (t) => {
  const text = trustInstructions("/a b/it's/local-ca.crt");
  t.match(text, "curl --cacert '/a b/it'\\''s/local-ca.crt' https://localhost");
  for (const word of [
    'update-ca-certificates',
    'update-ca-trust',
    'security add-trusted-cert',
    'Firefox',
    'nssdb',
  ]) {
    t.match(text, word);
  }
});

t.test('a leaf read as a pair has its loopback names', async (t) => {
  const leaf = makeLeaf(authorityFor(), ['localhost', '127.0.0.1', '::1'], systemClock.wallMs());
  const pair = readPair('x', { ...leaf, certFile: 'x', keyFile: 'x' });
  t.strictSame(pair.names, ['localhost', '127.0.0.1', '::1']);
});
