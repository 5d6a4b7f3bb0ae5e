import { spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { systemClock } from '../../src/kernel/clock.ts';
import { makeCertificate } from '../../src/tls/index.ts';

const MODULE = new URL('../../src/tls/index.ts', import.meta.url).href;
const CLOCK = new URL('../../src/kernel/clock.ts', import.meta.url).href;

/** Waits for a line on stdin, so that all begin together; prints the fingerprint it ended up with. */
const PROGRAM = `
import { makeCertificate } from ${JSON.stringify(MODULE)};
import { systemClock } from ${JSON.stringify(CLOCK)};
const [directory, name, ...names] = process.argv.slice(1);
process.stdout.write('ready\\n');
process.stdin.once('data', async () => {
  const made = await makeCertificate({ directory, name, names }, { clock: systemClock });
  process.stdout.write(made.material.fingerprint + '\\n');
  process.exit(0);
});
`;

async function newFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-race-'));
  t.teardown(() => rm(folder, { recursive: true }));
  return join(folder, 'certs');
}

function begin(directory: string, name: string, names: readonly string[]) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM, directory, name, ...names], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  return {
    child,
    isReady: once(child.stdout, 'data'),
    go: () => child.stdin.write('go\n'),
    async result(): Promise<string> {
      await once(child, 'close');
      return said.trim().split('\n')[1] ?? `exit ${child.exitCode}`;
    },
  };
}

t.test('three processes that make the same certificate at once agree', async (t) => {
  for (let round = 0; round < 3; round++) {
    const directory = await newFolder(t);
    const all = [1, 2, 3].map(() => begin(directory, 'local', ['localhost']));
    await Promise.all(all.map((one) => one.isReady));
    const results = all.map((one) => one.result());
    for (const one of all) one.go();
    const fingerprints = new Set(await Promise.all(results));
    t.equal(fingerprints.size, 1, [...fingerprints].join(' '));
    const leaf = new X509Certificate(await readFile(join(directory, 'local.crt')));
    const authority = new X509Certificate(await readFile(join(directory, 'local-ca.crt')));
    t.ok(fingerprints.has(leaf.fingerprint256), 'and it is the one in the file');
    t.ok(leaf.verify(authority.publicKey), 'signed by the authority in the file');
    t.strictSame((await readdir(directory)).sort(), [
      'local-ca.crt',
      'local-ca.key',
      'local.crt',
      'local.key',
    ]);
  }
});

t.test('three that need three different authorities end with one for all', async (t) => {
  const directory = await newFolder(t);
  const wanted = ['a.example.com', 'b.example.org', 'c.example.net'];
  const all = wanted.map((host) => begin(directory, host, [host]));
  await Promise.all(all.map((one) => one.isReady));
  const results = all.map((one) => one.result());
  for (const one of all) one.go();
  for (const result of await Promise.all(results)) t.match(result, /^[0-9A-F:]{95}$/);
  // Whoever came last may have replaced the authority of the others: their next look puts that right.
  for (let look = 0; look < 2; look++) {
    for (const host of wanted) {
      await makeCertificate({ directory, name: host, names: [host] }, { clock: systemClock });
    }
  }
  const authority = new X509Certificate(await readFile(join(directory, 'local-ca.crt')));
  for (const host of wanted) {
    const leaf = new X509Certificate(await readFile(join(directory, `${host}.crt`)));
    t.ok(leaf.verify(authority.publicKey), host);
  }
});

t.test('killed at any moment, the next start has a good certificate', async (t) => {
  const directory = await newFolder(t);
  for (const afterMs of [30, 90, 150, 210]) {
    await rm(directory, { recursive: true, force: true });
    const one = begin(directory, 'local', ['localhost']);
    await one.isReady;
    one.go();
    const closed = once(one.child, 'close');
    systemClock.setTimer(afterMs, () => one.child.kill('SIGKILL'));
    await closed;
    const made = await makeCertificate(
      { directory, name: 'local', names: ['localhost'] },
      { clock: systemClock },
    );
    const authority = new X509Certificate(await readFile(made.authorityFile));
    const leaf = new X509Certificate(await readFile(made.certFile));
    t.ok(leaf.verify(authority.publicKey), `killed after about ${afterMs} ms`);
    t.equal(leaf.fingerprint256, made.material.fingerprint);
  }
});
