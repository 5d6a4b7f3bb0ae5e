import { once } from 'node:events';
import { appendFile, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import t, { type Test } from 'tap';
import { systemClock } from '../../src/kernel/clock.ts';
import {
  type CertificateMaterial,
  CertificateStore,
  type CertificateStoreOptions,
  compileTls,
  ListenerTls,
  type TlsEvent,
} from '../../src/tls/index.ts';
import {
  authorityFor,
  echoServer,
  handshake,
  listenerOptions,
  Mailbox,
  materialFor,
} from '../support/tls-fixture.ts';

const authority = authorityFor();
const fresh = () => materialFor(authority, 'shop', ['shop.test']);
const DAY_MS = 86_400_000;

async function newFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-tls-'));
  t.teardown(() => rm(folder, { recursive: true }));
  return folder;
}

async function writePair(folder: string, pair: CertificateMaterial): Promise<void> {
  await writeFile(join(folder, 'shop.crt'), pair.certPem);
  await writeFile(join(folder, 'shop.key'), pair.keyPem);
}

/** A store over `shop.crt` and `shop.key` in the folder. No polling unless asked: the watch must do. */
function storeOver(folder: string, more: Partial<CertificateStoreOptions> = {}) {
  const events = new Mailbox<TlsEvent>();
  const changes = new Mailbox<readonly CertificateMaterial[]>();
  const store = new CertificateStore(
    {
      certificates: {
        shop: { kind: 'files', cert: join(folder, 'shop.crt'), key: join(folder, 'shop.key') },
      },
      directory: folder,
      debounceMs: 20,
      settleMs: 20,
      pollMs: DAY_MS,
      ...more,
    },
    { clock: systemClock, onEvent: events.put, onChange: changes.put },
  );
  return { store, events, changes };
}

t.test('new files are served to new connections, open ones go on (B50)', async (t) => {
  const folder = await newFolder(t);
  const before = fresh();
  await writePair(folder, before);
  const { store, changes } = storeOver(folder);
  await store.start();
  t.teardown(() => store.stop());
  const options = listenerOptions(store.materials());
  const listener = new ListenerTls(compileTls(options));
  await using server = await echoServer(() => listener.socketOptions());

  const open = connect({
    host: '127.0.0.1',
    port: server.port,
    servername: 'shop.test',
    ca: authority.certPem,
  });
  await once(open, 'data');
  t.equal(open.getPeerX509Certificate()?.fingerprint256, before.fingerprint);

  const after = fresh();
  await writePair(folder, after);
  const materials = await changes.next();
  t.equal(materials[0]?.fingerprint, after.fingerprint);
  listener.use(compileTls({ ...options, materials }));

  const seen = await handshake(server.port, { servername: 'shop.test', ca: authority.certPem });
  t.equal(seen.fingerprint, after.fingerprint, 'a new connection gets the new one');
  open.write('still here');
  t.equal(String((await once(open, 'data'))[0]), 'still here', 'the old connection works');
  open.destroy();
});

t.test('editors rename, Kubernetes swaps a link (B58)', async (t) => {
  const folder = await newFolder(t);
  await writePair(folder, fresh());
  const renamed = storeOver(folder);
  await renamed.store.start();
  t.teardown(() => renamed.store.stop());
  const next = fresh();
  for (const [file, text] of [
    ['shop.crt', next.certPem],
    ['shop.key', next.keyPem],
  ] as const) {
    await writeFile(join(folder, `${file}.new`), text);
    await rename(join(folder, `${file}.new`), join(folder, file));
  }
  t.equal((await renamed.changes.next())[0]?.fingerprint, next.fingerprint, 'renamed over');

  const mount = join(folder, 'mount');
  const versions = [fresh(), fresh()] as const;
  await mkdir(mount);
  for (const [index, pair] of versions.entries()) {
    await mkdir(join(mount, `..v${index}`));
    await writePair(join(mount, `..v${index}`), pair);
  }
  await symlink('..v0', join(mount, '..data'));
  await symlink('..data/shop.crt', join(mount, 'shop.crt'));
  await symlink('..data/shop.key', join(mount, 'shop.key'));
  const linked = storeOver(mount);
  await linked.store.start();
  t.teardown(() => linked.store.stop());
  t.equal(linked.store.materials()[0]?.fingerprint, versions[0].fingerprint);
  await symlink('..v1', join(mount, '..data_tmp'));
  await rename(join(mount, '..data_tmp'), join(mount, '..data'));
  t.equal((await linked.changes.next())[0]?.fingerprint, versions[1].fingerprint, 'link swapped');
});

t.test('files that are written over bit by bit change once, when they are whole (B58)', async (t) => {
  const folder = await newFolder(t);
  const before = fresh();
  await writePair(folder, before);
  const { store, changes } = storeOver(folder);
  await store.start();
  t.teardown(() => store.stop());
  const next = fresh();
  const half = next.certPem.length >> 1;
  await writeFile(join(folder, 'shop.crt'), '');
  await store.reload();
  await writeFile(join(folder, 'shop.crt'), next.certPem.slice(0, half));
  await store.reload();
  await appendFile(join(folder, 'shop.crt'), next.certPem.slice(half));
  await store.reload();
  await writeFile(join(folder, 'shop.key'), next.keyPem.slice(0, 100));
  await store.reload();
  t.equal(store.materials()[0]?.fingerprint, before.fingerprint, 'nothing of it was taken before the end');
  t.equal(changes.size, 0);
  await appendFile(join(folder, 'shop.key'), next.keyPem.slice(100));
  t.equal((await changes.next())[0]?.fingerprint, next.fingerprint, 'complete');
  await store.reload();
  t.equal(changes.size, 0, 'once');
});

t.test('a bad pair leaves the one in use, and says so once', async (t) => {
  const folder = await newFolder(t);
  const before = fresh();
  await writePair(folder, before);
  const { store, events, changes } = storeOver(folder);
  await store.start();
  t.teardown(() => store.stop());
  const next = fresh();
  const kept = (event: TlsEvent) => event.type === 'certificate_kept';

  await writeFile(join(folder, 'shop.crt'), next.certPem.slice(0, 700));
  t.match(
    await events.until(kept),
    { name: 'shop', level: 'error', message: /shop\.crt ends in the middle/ },
    'half',
  );
  await writeFile(join(folder, 'shop.crt'), next.certPem);
  t.match(await events.until(kept), { message: /shop\.key is not the key of/ }, 'new certificate, old key');
  await store.reload();
  await store.reload();
  t.equal(events.size, 0, 'not said again');
  await rm(join(folder, 'shop.key'));
  t.match(await events.until(kept), { message: /cannot read .*shop\.key/ }, 'gone');
  t.equal(store.materials()[0]?.fingerprint, before.fingerprint, 'the old one was in use all the time');
  t.equal(changes.size, 0);

  await writeFile(join(folder, 'shop.key'), next.keyPem);
  t.equal((await changes.next())[0]?.fingerprint, next.fingerprint, 'complete at last');
});

t.test('start names all bad certificates', async (t) => {
  const folder = await newFolder(t);
  await writePair(folder, fresh());
  const file = (name: string) =>
    ({ kind: 'files', cert: join(folder, name), key: join(folder, 'shop.key') }) as const;
  const { store } = storeOver(folder, {
    certificates: { good: file('shop.crt'), missing: file('missing.crt'), wrong: file('shop.key') },
  });
  await t.rejects(store.start(), {
    code: 'tls_certificates',
    message: /missing\.crt.*shop\.key: there is no complete certificate/,
  });
  await store.stop();
  const { store: one } = storeOver(folder, { certificates: { missing: file('missing.crt') } });
  await t.rejects(one.start(), { code: 'tls_cannot_read', hint: /no such file/ });
  await one.stop();
});

t.test('an expired certificate is used, with a complaint', async (t) => {
  const folder = await newFolder(t);
  await writePair(folder, materialFor(authority, 'shop', ['shop.test'], systemClock.wallMs() - 500 * DAY_MS));
  const { store, events } = storeOver(folder);
  await store.start();
  t.teardown(() => store.stop());
  t.match(await events.until((event) => event.type === 'certificate_expired'), {
    level: 'error',
    name: 'shop',
  });
  await store.reload();
  t.equal(events.size, 0, 'said once');
});

t.test('a folder that is deleted and made again is found by the poll', async (t) => {
  const folder = join(await newFolder(t), 'inner');
  await mkdir(folder);
  await writePair(folder, fresh());
  const { store, events, changes } = storeOver(folder, { pollMs: 30 });
  await store.start();
  t.teardown(() => store.stop());
  await rm(folder, { recursive: true });
  await events.until((event) => event.type === 'certificate_kept');
  const next = fresh();
  await mkdir(folder);
  await writePair(folder, next);
  t.equal((await changes.next())[0]?.fingerprint, next.fingerprint);
});

t.test('self-signed certificates that were deleted come back', async (t) => {
  const folder = await newFolder(t);
  const { store, events, changes } = storeOver(folder, {
    certificates: { local: { kind: 'self_signed', names: ['localhost'] } },
  });
  await store.start();
  t.teardown(() => store.stop());
  const before = store.materials()[0]?.fingerprint;
  await rm(join(folder, 'local.key'));
  await events.until((event) => event.type === 'certificate_made');
  const after = (await changes.next())[0];
  t.not(after?.fingerprint, before);
  t.match(await readFile(join(folder, 'local.key'), 'latin1'), after?.certPem ?? '?');
  await writeFile(join(folder, 'local.key'), 'broken');
  t.match(await events.until((event) => event.type === 'certificate_kept'), {
    message: /stay as they are: .*in the way/,
  });
  t.equal(store.materials()[0]?.fingerprint, after?.fingerprint);
});

t.test('it stops before, while and after it starts', async (t) => {
  const folder = await newFolder(t);
  await writePair(folder, fresh());
  const never = storeOver(folder).store;
  await never.stop();
  await t.rejects(never.start());
  const { store, changes } = storeOver(folder);
  const starting = store.start();
  await store.stop();
  await store.stop();
  await starting;
  await writePair(folder, fresh());
  await store.reload();
  t.equal(changes.size, 0, 'a stopped store tells nothing');
});
