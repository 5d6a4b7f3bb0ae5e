/** TLS on both sides: names that choose certificates, servers that are not who they say. */

import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import t from 'tap';
import { AttackTarget } from '../support/attack-target.ts';
import { loadInput } from '../support/daemon-fixture.ts';
import { get, ok } from '../support/peer.ts';
import { authorityFor, materialFor, selfSignedPair, shakeHands } from '../support/tls-fixture.ts';

const authority = authorityFor('example');

function files(name: string, names: readonly string[], folder: string): { cert: string; key: string } {
  const { certPem, keyPem } = materialFor(authority, name, names);
  const [cert, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  writeFileSync(cert, certPem);
  writeFileSync(key, keyPem, { mode: 0o600 });
  return { cert, key };
}

t.test('52. a server name in another spelling is the same name', async (t) => {
  const folder = t.testdir();
  await using target = await AttackTarget.start({
    listener: { tls: { certificates: ['other', 'shop', 'wild'], strict_sni: true } },
    file: {
      certificates: {
        other: files('other', ['other.example'], folder),
        shop: files('shop', ['shop.example'], folder),
        wild: files('wild', ['*.inner.example'], folder),
      },
    },
  });
  const port = target.daemon.port();
  const shown = async (servername: string): Promise<string> => {
    const options = { servername, rejectUnauthorized: false, checkServerIdentity: () => undefined };
    return (await shakeHands(port, options)) === undefined ? 'shaken' : 'refused';
  };
  for (const name of ['shop.example', 'SHOP.EXAMPLE', 'Shop.Example', 'a.inner.example', 'A.INNER.EXAMPLE'])
    t.equal(await shown(name), 'shaken', name);
  for (const name of [
    'evil.example',
    'xshop.example',
    'shop.example.evil',
    'inner.example',
    'a.b.inner.example',
  ])
    t.equal(await shown(name), 'refused', name);
});

t.test('53. a server whose certificate nobody vouches for', async (t) => {
  const self = selfSignedPair('127.0.0.1');
  const server = createServer({ cert: self.certPem, key: self.keyPem }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', () => socket.write(ok('secret')));
  });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (const upstream of [{}, { tls: {} }, { tls: { verify: true } }]) {
    await using target = await AttackTarget.start({ pool: { servers: [address], upstream } });
    const answer = await target.ask(get('/', 'Cookie: session=1\r\n'));
    t.equal(answer.status, 502);
    t.notMatch(answer.body, /secret/);
  }
  await using trusting = await AttackTarget.start({
    pool: { servers: [address], upstream: { tls: { verify: false } } },
  });
  t.equal((await trusting.ask(get())).body, 'secret', 'only who says so in so many words');
  server.close();
});

t.test('53. an authority that cannot be read is no "trust everybody"', async (t) => {
  const folder = t.testdir();
  mkdirSync(join(folder, 'folder.crt'));
  writeFileSync(join(folder, 'empty.crt'), '');
  writeFileSync(join(folder, 'junk.crt'), 'no certificate');
  writeFileSync(join(folder, 'cut.crt'), authority.certPem.slice(0, -60));
  for (const name of ['missing.crt', 'folder.crt', 'empty.crt', 'junk.crt', 'cut.crt'])
    t.throws(
      () =>
        loadInput(
          {
            listeners: { http: { address: '127.0.0.1', port: 8080 } },
            routes: [{ name: 'all', pool: 'web' }],
            pools: {
              web: { servers: ['https://127.0.0.1:1'], upstream: { tls: { ca: join(folder, name) } } },
            },
          },
          folder,
        ),
      /upstream\.tls\.ca/,
      name,
    );
});
