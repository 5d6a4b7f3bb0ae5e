/** IPv6 on both sides: loopback, both families on one port, and link-local addresses with the interface they are meant on. */

import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { FileInput } from '../../src/config/schema/file.ts';
import { AdminFixture, ask, webOf } from '../support/admin-fixture.ts';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { fieldOf, get, ok, Peer, RawServer } from '../support/peer.ts';

type Listener = NonNullable<FileInput['listeners']>[string];

function fileOf(servers: readonly string[], listener: Partial<Listener>, pool: object = {}): FileInput {
  return {
    listeners: { http: { port: 0, ...listener } },
    routes: [{ pool: 'web' }],
    pools: { web: { servers: [...servers], health: false, ...pool } },
  };
}

/** Answers with what a server is told of the client. */
async function tellingAt(host: string): Promise<RawServer> {
  const server = await RawServer.open('server', host);
  server.answerAll((request) =>
    ok(['host', 'x-forwarded-for', 'x-real-ip', 'forwarded'].map((it) => fieldOf(request, it)).join(' | ')),
  );
  return server;
}

const hasLoopback = Object.values(networkInterfaces()).some((all) => all?.some((it) => it.address === '::1'));
const withIPv6 = { skip: hasLoopback ? false : 'this machine has no IPv6 (::1)' };

/** A link-local address of this machine with its interface. */
function linkLocal(): string | undefined {
  for (const [name, all] of Object.entries(networkInterfaces()))
    for (const { family, address } of all ?? [])
      if (family === 'IPv6' && address.startsWith('fe80:')) return `${address}%${name}`;
  return undefined;
}

t.test('a listener and a server on ::1', withIPv6, async (t) => {
  await using server = await tellingAt('::1');
  t.match(server.address, /^\[::1\]:\d+$/);
  const pool = { upstream: { host: 'server' }, health: { path: '/', interval: '100ms' } };
  await using daemon = await DaemonFixture.start(fileOf([server.address], { address: '::1' }, pool));
  await daemon.until('healthy', () => daemon.daemon.registry.servers('web')[0]?.state === 'healthy');
  await using client = await Peer.connect(daemon.port(), { host: '::1' });
  t.equal(
    (await client.ask(get())).body,
    `${server.address} | ::1 | ::1 | for="[::1]";host=t.example;proto=http`,
  );
  t.equal(
    daemon.daemon.registry.server('web', server.address).address,
    server.address,
    'its id is its address',
  );
});

t.test('one listener for both families: each client by its own address', withIPv6, async (t) => {
  await using server = await tellingAt('127.0.0.1');
  for (const listener of [{}, { address: '::' }]) {
    await using daemon = await DaemonFixture.start(fileOf([server.address], listener));
    for (const host of ['127.0.0.1', '::1']) {
      await using client = await Peer.connect(daemon.port(), { host });
      t.equal((await client.ask(get())).body.split(' | ')[1], host);
    }
  }
});

t.test('access lists and trust by block, for both families apart', withIPv6, async (t) => {
  await using server = await tellingAt('127.0.0.1');
  const asked = async (listener: Partial<Listener>, host: string): Promise<string> => {
    await using daemon = await DaemonFixture.start(fileOf([server.address], listener));
    await using client = await Peer.connect(daemon.port(), { host });
    client.write(get('/', 'X-Forwarded-For: 2001:db8::7\r\n'));
    const answer = await Promise.race([client.answer().catch(() => null), client.ended().then(() => null)]);
    return answer?.body.split(' | ')[2] ?? 'closed';
  };
  t.equal(await asked({ ip_allow: ['::1'] }, '::1'), '::1');
  t.equal(await asked({ ip_allow: ['::1'] }, '127.0.0.1'), 'closed');
  t.equal(await asked({ ip_deny: ['::/0'] }, '::1'), 'closed');
  t.equal(await asked({ ip_deny: ['::/0'] }, '127.0.0.1'), '127.0.0.1', 'says nothing about IPv4');
  t.equal(await asked({ trusted_proxies: ['::1/128'] }, '::1'), '2001:db8::7');
  t.equal(await asked({ trusted_proxies: ['::1/128'] }, '127.0.0.1'), '127.0.0.1');
});

t.test(
  'link-local addresses with their zone',
  { skip: linkLocal() ? false : 'this machine has no link-local address' },
  async (t) => {
    const address = linkLocal() as string;
    const bare = address.replace(/%.*/, '');
    await using server = await tellingAt(address);
    const at = `[${address}]:${server.port}`;
    for (const health of ['tcp', { path: '/', interval: '100ms' }]) {
      const pool = { health, upstream: { host: 'server' } };
      await using daemon = await DaemonFixture.start(
        fileOf([at], { address, ip_allow: ['fe80::/10'] }, pool),
      );
      await daemon.until('healthy', () => daemon.daemon.registry.servers('web')[0]?.state === 'healthy');
      await using client = await Peer.connect(daemon.port(), { host: address });
      t.equal(
        (await client.ask(get())).body,
        `[${bare}]:${server.port} | ${bare} | ${bare} | for="[${bare}]";host=t.example;proto=http`,
        'the server is not told the interface',
      );
      await daemon.daemon.stop();
      t.match(
        readFileSync(join(daemon.folder, 'access.log'), 'utf8'),
        `"client_ip":"${address}"`,
        'the log is',
      );
    }
  },
);

t.test('the admin API on ::1 and on a link-local address', withIPv6, async (t) => {
  const token = 'a-token-of-an-admin-0123456789';
  const tokens = [{ name: 'boss', role: 'admin', token }];
  const local = linkLocal();
  for (const host of ['::1', ...(local ? [local] : [])]) {
    const admin = { listen: `[${host}]:0`, tokens };
    await using sluice = await AdminFixture.start(webOf(['127.0.0.1:9'], {}, { admin }));
    const name = `[${host.replace(/%.*/, '')}]:${sluice.port}`;
    const answer = await ask(sluice.port, '/api/v1/snapshot', { token, headers: { host: name } }, host);
    t.equal(answer.status, 200, host);
    const added = await ask(
      sluice.port,
      '/api/v1/pools/web/servers',
      { method: 'POST', token, headers: { host: name }, body: { address: '[fe80::7%eth0]:80' } },
      host,
    );
    t.match(added, { status: 201, body: { server: { id: '[fe80::7%eth0]:80' } } });
    t.equal(
      (await ask(sluice.port, added.headers.location as string, { token, headers: { host: name } }, host))
        .status,
      200,
    );
  }
});
