/**
 * What TLS speaks by default: the protocols, ciphers and groups that it takes, and nothing else. `bench/tls-scan.ts` asks
 * testssl.sh the same and more.
 */
import { once } from 'node:events';
import { type ConnectionOptions, connect, getCiphers, type TLSSocket } from 'node:tls';
import t from 'tap';
import { DaemonFixture } from '../support/daemon-fixture.ts';

const daemon = await DaemonFixture.start({
  certificates: { local: { self_signed: ['localhost'] } },
  listeners: { https: { address: '127.0.0.1', port: 0, tls: { certificates: ['local'] } } },
  routes: [{ respond: 204 }],
});
t.teardown(() => daemon[Symbol.asyncDispose]());

/** The handshake with these options, or undefined when there is none. */
async function shaken(options: ConnectionOptions): Promise<TLSSocket | undefined> {
  const socket = connect({
    host: '127.0.0.1',
    port: daemon.port(),
    rejectUnauthorized: false,
    ...options,
  });
  const failed = once(socket, 'error').then(() => undefined);
  const done = once(socket, 'secureConnect').then(() => socket);
  const result = await Promise.race([done, failed]).catch(() => undefined);
  socket.on('error', () => {});
  if (result === undefined) socket.destroy();
  return result;
}

t.test('protocols (B50)', async (t) => {
  const table: [version: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3', isSpoken: boolean][] = [
    ['TLSv1', false],
    ['TLSv1.1', false],
    ['TLSv1.2', true],
    ['TLSv1.3', true],
  ];
  for (const [version, isSpoken] of table) {
    // Level 0 lets the client offer what OpenSSL would not offer by itself.
    const ciphers = 'ALL:@SECLEVEL=0';
    const socket = await shaken({ minVersion: version, maxVersion: version, ciphers });
    t.equal(socket?.getProtocol(), isSpoken ? version : undefined, version);
    socket?.destroy();
  }
});

t.test('ciphers of TLS 1.2: forward secrecy and authenticated encryption, all others refused', async (t) => {
  const taken: string[] = [];
  for (const name of getCiphers().filter((each) => !each.startsWith('tls_'))) {
    const ciphers = `${name.toUpperCase()}:@SECLEVEL=0`;
    const socket = await shaken({ maxVersion: 'TLSv1.2', minVersion: 'TLSv1.2', ciphers }).catch(
      () => undefined,
    );
    if (socket) taken.push(socket.getCipher().name);
    socket?.destroy();
  }
  // The certificate has an RSA key.
  t.same(taken.sort(), [
    'ECDHE-RSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES256-GCM-SHA384',
    'ECDHE-RSA-CHACHA20-POLY1305',
  ]);
});

t.test('the order is ours, but a client that would rather have ChaCha20 gets it', async (t) => {
  const table: [asked: string, taken: string][] = [
    ['ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256'],
    ['ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-RSA-CHACHA20-POLY1305'],
  ];
  for (const [ciphers, taken] of table) {
    const socket = await shaken({ maxVersion: 'TLSv1.2', ciphers });
    t.equal(socket?.getCipher().name, taken, ciphers);
    socket?.destroy();
  }
});

t.test('groups', async (t) => {
  const table: [group: string, isTaken: boolean][] = [
    ['X25519', true],
    ['P-256', true],
    ['P-384', true],
    ['brainpoolP256r1', false],
    ['secp256k1', false],
  ];
  for (const [ecdhCurve, isTaken] of table)
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const socket = await shaken({ ecdhCurve, minVersion: version, maxVersion: version });
      t.equal(socket !== undefined, isTaken, `${ecdhCurve} with ${version}`);
      socket?.destroy();
    }
});

t.test('a client that asks for new keys is refused: that would be work without end', async (t) => {
  const socket = (await shaken({ maxVersion: 'TLSv1.2' })) as TLSSocket;
  const error = await new Promise<Error | null>((resolve) => {
    socket.once('error', resolve);
    if (!socket.renegotiate({}, resolve)) resolve(new Error('not asked'));
  });
  t.ok(error !== null, 'no renegotiation');
  socket.destroy();
});
