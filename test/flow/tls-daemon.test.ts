/** TLS towards clients through the whole daemon (B50): which certificate, which protocol, and new files while it serves. */
import { once } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import t from 'tap';
import type { CertificateMaterial } from '../../src/tls/index.ts';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { get, ok, Peer, RawServer } from '../support/peer.ts';
import { onePool } from '../support/proxied.ts';
import { authorityFor, materialFor } from '../support/tls-fixture.ts';

const authority = authorityFor('shop.test', 'api.test');
const NAMES = { shop: ['shop.test'], wild: ['*.shop.test'], api: ['api.shop.test'] } as const;

/** Writes a pair beside its place and renames it there, key first. @returns what the file's `certificates` say */
function put(folder: string, name: string, { certPem, keyPem }: CertificateMaterial) {
  const [cert, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  for (const [file, text] of [
    [key, keyPem],
    [cert, certPem],
  ] as const) {
    writeFileSync(`${file}.new`, text, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }
  return { cert, key };
}

async function start(folder: string, server: RawServer) {
  const materials = Object.fromEntries(
    Object.entries(NAMES).map(([name, names]) => [name, materialFor(authority, name, names)]),
  ) as Record<keyof typeof NAMES, CertificateMaterial>;
  const certificates = Object.fromEntries(
    Object.entries(materials).map(([name, material]) => [name, put(folder, name, material)]),
  );
  const tls = { certificates: Object.keys(NAMES) };
  const base = { address: '127.0.0.1', port: 0 };
  const listeners = {
    raw: { ...base, tls },
    node: { ...base, engine: 'node' as const, tls },
    strict: { ...base, tls: { ...tls, strict_sni: true } },
    h1: { ...base, http2: false, tls },
  };
  return {
    materials,
    daemon: await DaemonFixture.start(onePool([server], { file: { certificates, listeners } })),
  };
}

/** A connection with its hands shaken, or the code of the error. */
async function shake(port: number, options: ConnectionOptions): Promise<TLSSocket | string> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
  const failed = new Promise<string>((resolve) =>
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message)),
  );
  return Promise.race([once(socket, 'secureConnect').then(() => socket), failed]);
}

t.test('names and protocols (B50)', async (t) => {
  await using server = await RawServer.open('server');
  const { materials, daemon: fixture } = await start(t.testdir(), server);
  await using daemon = fixture;
  const names: [servername: string, plain: keyof typeof NAMES, strict: keyof typeof NAMES | undefined][] = [
    ['shop.test', 'shop', 'shop'],
    ['SHOP.Test', 'shop', 'shop'],
    ['api.shop.test', 'api', 'api'],
    ['API.shop.test', 'api', 'api'],
    ['other.shop.test', 'wild', 'wild'],
    ['a.b.shop.test', 'shop', undefined],
    ['unknown.example', 'shop', undefined],
    ['', 'shop', undefined],
  ];
  for (const listener of ['raw', 'node', 'h1', 'strict'])
    for (const [servername, plain, strict] of names) {
      const want = listener === 'strict' ? strict : plain;
      const shaken = await shake(daemon.port(listener), { servername });
      const name = `${listener}: "${servername}"`;
      if (typeof shaken === 'string') {
        t.equal(want, undefined, name);
        t.match(shaken, /ALERT_HANDSHAKE_FAILURE/, name);
        continue;
      }
      t.equal(shaken.getPeerX509Certificate()?.fingerprint256, want && materials[want].fingerprint, name);
      shaken.destroy();
    }
  const protocols: [offered: string[] | undefined, agreed: string | false, withoutHttp2: string | false][] = [
    [['h2', 'http/1.1'], 'h2', 'http/1.1'],
    [['http/1.1', 'h2'], 'h2', 'http/1.1'],
    [['http/1.1'], 'http/1.1', 'http/1.1'],
    [['h2'], 'h2', 'refused'],
    [['spdy/3'], 'refused', 'refused'],
    [undefined, false, false],
  ];
  for (const listener of ['raw', 'node', 'h1'])
    for (const [ALPNProtocols, agreed, withoutHttp2] of protocols) {
      const want = listener === 'h1' ? withoutHttp2 : agreed;
      const shaken = await shake(daemon.port(listener), {
        servername: 'shop.test',
        ...(ALPNProtocols && { ALPNProtocols }),
      });
      const name = `${listener}: ${ALPNProtocols}`;
      if (typeof shaken === 'string') {
        t.equal(want, 'refused', name);
        t.match(shaken, /NO_APPLICATION_PROTOCOL/, name);
        continue;
      }
      t.equal(shaken.alpnProtocol, want, name);
      shaken.destroy();
    }
});

t.test('new certificates while it serves: nobody is dropped or refused (B50)', async (t) => {
  const folder = t.testdir();
  await using server = await RawServer.open('server');
  const { materials, daemon: fixture } = await start(folder, server);
  await using daemon = fixture;
  const trust = { servername: 'shop.test', ca: authority.certPem, rejectUnauthorized: true };
  let held: Peer | undefined;
  for (const listener of ['raw', 'node'] as const) {
    const port = daemon.port(listener);
    // One that waits for its answer while the files change.
    const socket = await shake(port, trust);
    if (typeof socket === 'string') throw new Error(socket);
    await using client = new Peer(socket, 'client');
    client.write(get('/held'));
    // Both listeners share the connections to the server.
    held ??= await server.accept();
    await held.request();

    const before = materials.shop;
    const after = materialFor(authority, 'shop', NAMES.shop);
    put(folder, 'shop', after);
    materials.shop = after;
    for (let shown: string | undefined = before.fingerprint; shown !== after.fingerprint; ) {
      const next = await shake(port, trust);
      if (typeof next === 'string') throw new Error(`${listener}: refused in between: ${next}`);
      shown = next.getPeerX509Certificate()?.fingerprint256;
      next.destroy();
      if (shown !== before.fingerprint) t.equal(shown, after.fingerprint, `${listener}: the new one`);
    }
    held.write(ok('held'));
    t.equal((await client.answer()).body, 'held', `${listener}: what was under way is answered`);
    client.write(get('/again'));
    await held.request();
    held.write(ok('again'));
    t.equal((await client.answer()).body, 'again', `${listener}: and its connection goes on`);
  }
});
