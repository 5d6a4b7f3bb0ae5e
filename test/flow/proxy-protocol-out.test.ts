/** Servers that are told of clients by the PROXY protocol: first of all on each connection, which is that client's alone. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { FileInput } from '../../src/config/schema/file.ts';
import { ownProxyHeader } from '../../src/kernel/proxy-header.ts';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { get, ok, Peer, RawServer } from '../support/peer.ts';
import { ProxiedServer } from '../support/proxied-server.ts';
import { v1 } from '../support/proxy-header.ts';
import { authorityFor, materialFor } from '../support/tls-fixture.ts';

type Listener = Partial<NonNullable<FileInput['listeners']>[string]>;
type Pool = Partial<NonNullable<FileInput['pools']>[string]>;

function fileOf(
  servers: readonly string[],
  upstream: Pool['upstream'],
  listener: Listener = {},
  pool: Pool = {},
): FileInput {
  return {
    listeners: { http: { address: '127.0.0.1', port: 0, ...listener } },
    routes: [{ pool: 'web' }],
    pools: { web: { algorithm: 'round_robin', servers: [...servers], health: false, upstream, ...pool } },
  };
}

/** Answers one request of a connection. */
async function answer(peer: Peer): Promise<void> {
  await peer.request();
  peer.write(ok());
}

const portOf = (peer: Peer): number => peer.socket.localPort as number;

t.test('the header names the client and the listener', async (t) => {
  for (const version of ['v1', 'v2'] as const) {
    await using server = await ProxiedServer.open();
    await using daemon = await DaemonFixture.start(fileOf([server.address], { proxy_protocol: version }));
    await using client = await Peer.connect(daemon.port(), { localAddress: '127.0.0.3' });
    const asked = client.ask(get());
    const { header, reading, peer } = await server.accept();
    await answer(peer);
    t.equal((await asked).status, 200);
    t.match(reading, {
      kind: 'proxied',
      addresses: {
        sourceAddress: '127.0.0.3',
        sourcePort: portOf(client),
        targetAddress: '127.0.0.1',
        targetPort: daemon.port(),
      },
    });
    if (version === 'v1')
      t.equal(header, `PROXY TCP4 127.0.0.3 127.0.0.1 ${portOf(client)} ${daemon.port()}\r\n`);
  }
});

t.test('a connection serves the client that it began with, again and again, and no other', async (t) => {
  await using server = await ProxiedServer.open();
  await using daemon = await DaemonFixture.start(fileOf([server.address], { proxy_protocol: 'v1' }));
  await using first = await Peer.connect(daemon.port());
  await using second = await Peer.connect(daemon.port());
  const ask = async (client: Peer, peer?: Peer): Promise<Peer> => {
    const asked = client.ask(get());
    const at = peer ?? (await server.accept()).peer;
    await answer(at);
    t.equal((await asked).status, 200);
    return at;
  };
  const ofFirst = await ask(first);
  const ofSecond = await ask(second);
  for (let i = 0; i < 3; i++) {
    await ask(first, ofFirst);
    await ask(second, ofSecond);
  }
  t.equal(server.connections, 2);
});

t.test('idle connections of clients that left make room', async (t) => {
  await using server = await ProxiedServer.open();
  await using daemon = await DaemonFixture.start(
    fileOf([server.address], { proxy_protocol: 'v1', keepalive: 1 }),
  );
  const gone = await Peer.connect(daemon.port());
  let asked = gone.ask(get());
  const { peer: old } = await server.accept();
  await answer(old);
  await asked;
  await gone[Symbol.asyncDispose]();
  await using client = await Peer.connect(daemon.port());
  asked = client.ask(get());
  const { peer } = await server.accept();
  await answer(peer);
  await asked;
  await old.ended();
  asked = client.ask(get());
  await answer(peer);
  t.equal((await asked).status, 200, 'who is here keeps its connection');
  t.equal(server.connections, 2);
});

t.test('the client behind a trusted proxy, by field and by header', async (t) => {
  await using server = await ProxiedServer.open();
  const trusting: Listener = { trusted_proxies: ['127.0.0.1'], proxy_protocol: 'optional' };
  await using daemon = await DaemonFixture.start(
    fileOf([server.address], { proxy_protocol: 'v1' }, trusting),
  );
  await using byField = await Peer.connect(daemon.port());
  const headerFor = async (client: Peer, request: string): Promise<string> => {
    const asked = client.ask(request);
    const { header, peer } = await server.accept();
    await answer(peer);
    await asked;
    return header;
  };
  t.equal(
    await headerFor(byField, get('/', 'X-Forwarded-For: 203.0.113.9\r\n')),
    `PROXY TCP4 203.0.113.9 127.0.0.1 0 ${daemon.port()}\r\n`,
    'its port is not known',
  );
  t.equal(
    await headerFor(byField, get('/', 'X-Forwarded-For: 2001:db8::9\r\n')),
    `PROXY TCP6 2001:db8::9 ::ffff:127.0.0.1 0 ${daemon.port()}\r\n`,
    'another client on the same connection of the proxy: another connection to the server',
  );
  await using byHeader = await Peer.connect(daemon.port());
  byHeader.write(v1());
  t.equal(await headerFor(byHeader, get()), v1(), 'handed on as it came');
});

t.test('TLS comes behind the header', async (t) => {
  const authority = authorityFor();
  const { certPem, keyPem } = materialFor(authority, 'local', ['localhost', '127.0.0.1']);
  const folder = t.testdir({ 'ca.crt': authority.certPem });
  await using server = await ProxiedServer.open({ cert: certPem, key: keyPem });
  const upstream = { proxy_protocol: 'v2', tls: { ca: join(folder, 'ca.crt') } } as const;
  await using daemon = await DaemonFixture.start(fileOf([server.address], upstream));
  await using client = await Peer.connect(daemon.port());
  let asked = client.ask(get());
  const { reading, peer } = await server.accept();
  t.match(reading, { kind: 'proxied', addresses: { sourcePort: portOf(client) } });
  await answer(peer);
  t.equal((await asked).status, 200);
  asked = client.ask(get());
  await answer(peer);
  t.equal((await asked).status, 200, 'kept alive');
  const large = 'x'.repeat(200_000);
  const posted = client.ask(
    `POST / HTTP/1.1\r\nHost: t.example\r\nContent-Length: ${large.length}\r\n\r\n${large}`,
  );
  const second = await Promise.race([server.accept().then((it) => it.peer), peer.request().then(() => peer)]);
  if (second !== peer) await second.request();
  second.write(ok(large));
  t.equal((await posted).body.length, large.length, 'large bodies both ways');
});

t.test('a server that cannot be reached: the next one gets the same header', async (t) => {
  const dead = await RawServer.open();
  const { address } = dead;
  await dead[Symbol.asyncDispose]();
  for (const tls of [undefined, { verify: false }]) {
    await using server = await ProxiedServer.open(tls && materialOf());
    const upstream = { proxy_protocol: 'v1', ...(tls ? { tls } : {}) } as const;
    await using daemon = await DaemonFixture.start(fileOf([address, server.address], upstream));
    for (let i = 0; i < 2; i++) {
      await using client = await Peer.connect(daemon.port());
      const asked = client.ask(get());
      const { header, peer } = await server.accept();
      await answer(peer);
      t.equal((await asked).status, 200, tls ? 'over TLS' : 'plain');
      t.equal(header, `PROXY TCP4 127.0.0.1 127.0.0.1 ${portOf(client)} ${daemon.port()}\r\n`);
    }
  }
});

function materialOf(): { cert: string; key: string } {
  const { certPem, keyPem } = materialFor(authorityFor(), 'local', ['localhost']);
  return { cert: certPem, key: keyPem };
}

t.test('health checks name nobody', async (t) => {
  const authority = authorityFor();
  const { certPem, keyPem } = materialFor(authority, 'local', ['127.0.0.1']);
  const ca = join(t.testdir({}), 'ca.crt');
  writeFileSync(ca, authority.certPem);
  for (const version of ['v1', 'v2'] as const) {
    for (const type of ['tcp', 'http', 'https'] as const) {
      await using server = await ProxiedServer.open(type === 'https' ? { cert: certPem, key: keyPem } : null);
      const upstream = { proxy_protocol: version, ...(type === 'https' ? { tls: { ca } } : {}) };
      const health = type === 'tcp' ? ('tcp' as const) : { type, path: '/healthz' };
      const starting = DaemonFixture.start(fileOf([server.address], upstream, {}, { health }));
      const { header, peer } = await server.accept();
      t.equal(header, ownProxyHeader(version), `${type} ${version}`);
      if (type !== 'tcp') {
        t.match(await peer.request(), { start: 'GET /healthz HTTP/1.1' });
        peer.write(ok());
      }
      await using daemon = await starting;
      await daemon.until('healthy', () => daemon.daemon.registry.servers('web')[0]?.state === 'healthy');
    }
  }
});

t.test('two of us in a row: the second one knows the client of the first', async (t) => {
  for (const version of ['v1', 'v2'] as const) {
    await using server = await RawServer.open();
    server.answerAll((request) => ok(request.fields.find(([name]) => name === 'x-forwarded-for')?.[1] ?? ''));
    const behind: Listener = { trusted_proxies: ['127.0.0.1'], proxy_protocol: 'required' };
    await using second = await DaemonFixture.start(fileOf([server.address], {}, behind));
    await using first = await DaemonFixture.start(
      fileOf([`127.0.0.1:${second.port()}`], { proxy_protocol: version }),
    );
    for (const localAddress of ['127.0.0.4', '127.0.0.5']) {
      await using client = await Peer.connect(first.port(), { localAddress });
      t.equal((await client.ask(get())).body, localAddress);
      t.equal((await client.ask(get())).body, localAddress);
    }
  }
});
