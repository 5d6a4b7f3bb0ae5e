/** What a configuration needs before it can be in force: where its certificates lie, authorities, ports. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  certificatesFolder,
  openCertificates,
  readAuthorityFiles,
  resolvePorts,
} from '../../../src/assembly/plan.ts';
import { loadConfig, type ResolvedConfig } from '../../../src/config/index.ts';
import { SluiceError } from '../../../src/kernel/errors.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { authorityFor, selfSignedPair } from '../../support/tls-fixture.ts';

function load(text: string, baseDir = '/etc/sluice'): ResolvedConfig {
  const options = { env: {}, wallMs: Date.UTC(2026, 10, 21), checkFiles: false };
  const result = loadConfig({ text, name: 'sluice.yaml', baseDir }, options);
  if (!result.ok) throw new Error(JSON.stringify(result.diagnostics));
  return result.config;
}

/** A folder of this test's own. */
function makeFolder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'sluice-plan-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function codeOf(act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (error) {
    return error instanceof SluiceError ? error.code : String(error);
  }
  return '';
}

const listeners = (text: string): ResolvedConfig =>
  load(
    `listeners: ${text}\nroutes: [{ respond: { status: 204 } }]\npools: { web: { servers: [10.0.0.1:80] } }\n`,
  );

t.test('where self-signed certificates lie', async (t) => {
  const pools =
    'listeners: { http: { port: 80 } }\nroutes: [{ pool: web }]\npools: { web: { servers: [10.0.0.1:80] } }\n';
  t.equal(certificatesFolder(load(pools, '/etc/sluice')), '/etc/sluice/certs');
  t.equal(certificatesFolder(load(pools, '/srv/app/config')), '/srv/app/certs', 'beside the folder config');
  t.equal(certificatesFolder(load(pools, '/srv/config/app')), '/srv/config/app/certs');
});

t.test('authorities of servers', async (t) => {
  const folder = makeFolder(t);
  const { certPem } = authorityFor('a.test');
  writeFileSync(join(folder, 'ca.pem'), certPem);
  writeFileSync(join(folder, 'junk.pem'), 'no certificate');
  const pool = (ca: string): string => `{ servers: [10.0.0.1:80], upstream: { tls: ${ca} } }`;
  const withPools = (...pools: string[]): ResolvedConfig =>
    load(
      `listeners: { http: { port: 80 } }\nroutes: [{ pool: p0 }]\npools:\n${pools.map((it, i) => `  p${i}: ${it}\n`).join('')}`,
      folder,
    );
  const good = pool('{ ca: ca.pem }');
  t.same([...readAuthorityFiles(withPools(good, good))], [[join(folder, 'ca.pem'), certPem]], 'read once');
  t.same([...readAuthorityFiles(withPools(pool('true')))], [], 'the usual ones');
  const missing = withPools(good, pool('{ ca: missing.pem }'));
  t.equal(await codeOf(() => readAuthorityFiles(missing)), 'ca_unreadable');
  t.throws(() => readAuthorityFiles(missing), new RegExp(`pool "p1".*${join(folder, 'missing.pem')}`));
  t.not(
    await codeOf(() => readAuthorityFiles(withPools(pool('{ ca: junk.pem }')))),
    '',
    'no authority in it',
  );
});

t.test('certificates of both kinds', async (t) => {
  const folder = makeFolder(t);
  const pair = selfSignedPair('b.test');
  writeFileSync(join(folder, 'b.crt'), pair.certPem);
  writeFileSync(join(folder, 'b.key'), pair.keyPem, { mode: 0o600 });
  const config = load(
    `certificates: { a: { self_signed: [localhost] }, b: { cert: b.crt, key: b.key } }
listeners: { https: { port: 443, tls: { certificates: [a, b] } } }
routes: [{ pool: web }]
pools: { web: { servers: [10.0.0.1:80] } }
`,
    folder,
  );
  const store = openCertificates(
    config,
    join(folder, 'certs'),
    new FakeClock(Date.now()),
    () => {},
    () => {},
  );
  await store.start();
  try {
    const materials = store.materials();
    t.same(materials.map((it) => it.name).sort(), ['a', 'b']);
    t.equal(materials.find((it) => it.name === 'b')?.certPem.trim(), pair.certPem.trim());
  } finally {
    await store.stop();
  }
});

const onLoopback = (port: number): string => `{ a: { address: 127.0.0.1, port: ${port} } }`;

t.test('the port of each listener', async (t) => {
  const taken = createServer();
  taken.listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.teardown(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  const none = new Map<string, { host: string | undefined; port: number }>();
  const at = (host: string | undefined, port: number, name = 'a'): typeof none =>
    new Map([[name, { host, port }]]);
  /** The file, what is open, and the port that `a` gets; a text is the error. */
  const table: [string, string, typeof none, number | string][] = [
    ['a taken port', onLoopback(port), none, 'port_taken'],
    ['it is taken by this very listener', onLoopback(port), at('127.0.0.1', port), port],
    ['a listener under another name has it', onLoopback(port), at('127.0.0.1', port, 'old'), port],
    ['port 0 keeps the number it got', onLoopback(0), at('127.0.0.1', port), port],
    ['it moves to an address where the port is taken', onLoopback(port), at('127.0.0.2', port), 'port_taken'],
    ['not an address of this machine', '{ a: { address: 192.0.2.1, port: 0 } }', none, 'listen_failed'],
  ];
  for (const [name, file, open, expected] of table) {
    let got: number | string | undefined;
    const code = await codeOf(async () => {
      got = (await resolvePorts(listeners(file), open)).get('a');
    });
    t.equal(code === '' ? got : code, expected, name);
  }
  const two = await resolvePorts(
    listeners('{ a: { address: 127.0.0.1, port: 0 }, b: { address: 127.0.0.1, port: 0 } }'),
    none,
  );
  t.ok((two.get('a') ?? 0) > 0 && (two.get('b') ?? 0) > 0, 'new ones on port 0 get numbers');
});
