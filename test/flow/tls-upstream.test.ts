import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { connect as connectPlain } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type TlsOptions } from 'node:tls';
import t from 'tap';
import { systemClock } from '../../src/kernel/clock.ts';
import { compileUpstreamTls, readAuthorities, type ServerTls, tlsErrorKind } from '../../src/tls/index.ts';
import { authorityFor, materialFor, selfSignedPair } from '../support/tls-fixture.ts';

const authority = authorityFor();
const stranger = authorityFor();
const good = materialFor(authority, 'good', ['web.internal', '127.0.0.1']);
const DAY_MS = 86_400_000;

interface Server extends AsyncDisposable {
  readonly port: number;
  /** The server name that the last client asked for. */
  readonly asked: () => string | false | null | undefined;
}

async function tlsServer(options: TlsOptions): Promise<Server> {
  let asked: string | false | null | undefined;
  const server = createServer(options, (socket) => {
    asked = socket.servername;
    socket.on('error', () => {});
    socket.end('hi');
  });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    asked: () => asked,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
}

/** As forward/ does it: `ok`, `resumed` or the kind of failure. */
function attempt(port: number, tls: ServerTls, useSocket = false): Promise<string> {
  return new Promise((resolve) => {
    const where = useSocket ? { socket: connectPlain(port, '127.0.0.1') } : { host: '127.0.0.1', port };
    const socket = connect({ ...where, ...tls.connectOptions() });
    tls.follow(socket);
    socket.once('error', (error) => resolve(tlsErrorKind(error)));
    socket.once('data', () => {
      resolve(socket.isSessionReused() ? 'resumed' : 'ok');
      socket.destroy();
    });
  });
}

const ofGood: TlsOptions = { cert: good.certPem, key: good.keyPem };

t.test('who is believed (B50)', async (t) => {
  await using server = await tlsServer(ofGood);
  const ca = authority.certPem;
  const cases: [string, Parameters<typeof compileUpstreamTls>[0], string, string, string | false][] = [
    ['an unknown authority is refused by default', { verify: true }, '127.0.0.1', 'unknown_ca', false],
    [
      'another own authority is refused',
      { verify: true, ca: stranger.certPem },
      '127.0.0.1',
      'unknown_ca',
      false,
    ],
    ['the own authority is believed, by address', { verify: true, ca }, '127.0.0.1', 'ok', false],
    ['by host name', { verify: true, ca }, 'Web.Internal.', 'ok', 'web.internal'],
    ['by a given name', { verify: true, ca, name: 'web.internal' }, '127.0.0.1', 'ok', 'web.internal'],
    ['another address is refused', { verify: true, ca }, '127.0.0.2', 'wrong_name', false],
    ['another host name is refused', { verify: true, ca }, 'api.internal', 'wrong_name', 'api.internal'],
    ['localhost is not assumed', { verify: true, ca }, 'localhost', 'wrong_name', 'localhost'],
    [
      'a wrong given name is refused',
      { verify: true, ca, name: 'api.internal' },
      '127.0.0.1',
      'wrong_name',
      'api.internal',
    ],
    ['several authorities', { verify: true, ca: stranger.certPem + ca }, '127.0.0.1', 'ok', false],
    ['verify: false believes anyone', { verify: false }, 'api.internal', 'ok', 'api.internal'],
  ];
  for (const [what, options, host, want, sni] of cases) {
    for (const useSocket of [false, true]) {
      const tls = compileUpstreamTls(options).forServer(host);
      t.equal(await attempt(server.port, tls, useSocket), want, what);
      if (want === 'ok') t.equal(server.asked(), sni, 'server name sent');
    }
  }
});

t.test('a self-signed, an expired and a too early certificate are refused', async (t) => {
  const now = systemClock.wallMs();
  const self = selfSignedPair('web.internal');
  const expired = materialFor(authority, 'old', ['web.internal'], now - 400 * DAY_MS);
  const early = materialFor(authority, 'early', ['web.internal'], now + 10 * DAY_MS);
  const verify = { verify: true, ca: authority.certPem, name: 'web.internal' };
  await using selfServer = await tlsServer({ cert: self.certPem, key: self.keyPem });
  t.equal(
    await attempt(selfServer.port, compileUpstreamTls({ verify: true }).forServer('127.0.0.1')),
    'self_signed',
  );
  t.equal(
    await attempt(selfServer.port, compileUpstreamTls(verify).forServer('127.0.0.1')),
    'self_signed',
    'also with an own authority',
  );
  for (const material of [expired, early]) {
    await using server = await tlsServer({ cert: material.certPem, key: material.keyPem });
    t.equal(
      await attempt(server.port, compileUpstreamTls(verify).forServer('127.0.0.1')),
      'certificate_expired',
    );
  }
});

t.test('sessions to a server are resumed, but only verified ones and only in their pool', async (t) => {
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    await using server = await tlsServer({ ...ofGood, maxVersion, ticketKeys: Buffer.alloc(48, 1) });
    const pool = compileUpstreamTls({ verify: true, ca: authority.certPem });
    const tls = pool.forServer('127.0.0.1');
    t.equal(await attempt(server.port, tls), 'ok', maxVersion);
    t.equal(await attempt(server.port, tls), 'resumed', maxVersion);
    t.equal(await attempt(server.port, pool.forServer('127.0.0.1')), 'ok', 'another server starts anew');
    const wrong = pool.forServer('api.internal');
    t.equal(await attempt(server.port, wrong), 'wrong_name');
    t.equal(wrong.connectOptions().session, undefined, 'no session of a connection that was refused');
    t.equal(await attempt(server.port, wrong), 'wrong_name', 'also the second time');
  }
});

t.test('an authority file that cannot be used is an error, never the public ones', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-tls-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const file = join(folder, 'ca.crt');
  await t.rejects(readAuthorities(file), {
    code: 'tls_cannot_read',
    message: /ca\.crt/,
    hint: /no such file/,
  });
  await t.rejects(readAuthorities(folder), { code: 'tls_cannot_read' });
  await writeFile(file, '');
  await t.rejects(readAuthorities(file), { code: 'tls_authorities' });
  await writeFile(file, authority.certPem.slice(0, 500));
  await t.rejects(readAuthorities(file), { code: 'tls_authorities' });
  await writeFile(file, authority.certPem);
  t.equal(await readAuthorities(file), authority.certPem);
  t.throws(() => compileUpstreamTls({ verify: true, ca: '' }), { code: 'tls_authorities' });
  t.throws(() => compileUpstreamTls({ verify: false, ca: 'nonsense' }), { code: 'tls_authorities' });
});
