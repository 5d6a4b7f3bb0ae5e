import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect as connectPlain, createServer } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import t from 'tap';
import { compileTls, compileUpstreamTls, ListenerTls, tlsErrorKind } from '../../src/tls/index.ts';
import { authorityFor, echoServer, handshake, listenerOptions, materialFor } from '../support/tls-fixture.ts';

const authority = authorityFor();
const shop = materialFor(authority, 'shop', ['shop.test']);

/** What the listener says about a client with these options, and what the client says. */
async function refused(
  options: Parameters<typeof listenerOptions>[1],
  client: ConnectionOptions,
): Promise<{ server: string; client: string }> {
  const listener = new ListenerTls(compileTls(listenerOptions([shop], options)));
  await using server = await echoServer(() => listener.socketOptions());
  const seen = await handshake(server.port, {
    servername: 'shop.test',
    rejectUnauthorized: false,
    ...client,
  });
  return { server: tlsErrorKind(await server.nextError()), client: tlsErrorKind(seen.error) };
}

t.test('clients that a listener refuses', async (t) => {
  // SECLEVEL=0: OpenSSL 3 does not even offer TLS 1.1 otherwise.
  const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
  t.strictSame(await refused({}, old), { server: 'protocol_version', client: 'protocol_version' }, 'TLS 1.1');
  t.strictSame(
    await refused({ minVersion: '1.3' }, { maxVersion: 'TLSv1.2' }),
    { server: 'protocol_version', client: 'protocol_version' },
    'TLS 1.2 where 1.3 is asked for',
  );
  t.strictSame(
    await refused({}, { maxVersion: 'TLSv1.2', ciphers: 'AES256-SHA@SECLEVEL=0' }),
    { server: 'no_shared_cipher', client: 'peer_refused' },
    'only a cipher without forward secrecy',
  );
  t.strictSame(
    await refused({}, { ALPNProtocols: ['h2'] }),
    { server: 'no_application_protocol', client: 'no_application_protocol' },
    'only a protocol that is not offered',
  );
});

t.test('a client that does not trust the certificate', async (t) => {
  // Not with node:tls: its clients hang up without an alert.
  const listener = new ListenerTls(compileTls(listenerOptions([shop])));
  await using server = await echoServer(() => listener.socketOptions());
  const child = spawn('curl', ['-s', '-m', '10', `https://127.0.0.1:${server.port}/`], { stdio: 'ignore' });
  const [code] = await once(child, 'close').catch(() => [undefined]);
  if (code === undefined) {
    t.comment('curl is not installed');
    return;
  }
  t.equal(code, 60, 'curl says that the certificate is not trusted');
  t.equal(tlsErrorKind(await server.nextError()), 'unknown_ca');
});

t.test('ALPN is agreed on when both know one', async (t) => {
  const listener = new ListenerTls(compileTls(listenerOptions([shop])));
  await using server = await echoServer(() => listener.socketOptions());
  const common = { servername: 'shop.test', rejectUnauthorized: false };
  t.equal((await handshake(server.port, { ...common, ALPNProtocols: ['h2', 'http/1.1'] })).alpn, 'http/1.1');
  t.equal((await handshake(server.port, common)).alpn, false, 'and is not asked of old clients');
});

t.test('bytes that are no TLS', async (t) => {
  const listener = new ListenerTls(compileTls(listenerOptions([shop])));
  for (const [bytes, kind] of [
    ['GET / HTTP/1.1\r\nhost: a\r\n\r\n', 'http_request'],
    ['CONNECT a:443 HTTP/1.1\r\nhost: a\r\n\r\n', 'http_request'],
    ['\x00\x01\x02\x03 nonsense nonsense nonsense', 'not_tls'],
    ['SSH-2.0-OpenSSH_9.2\r\n nonsense nonsense', 'not_tls'],
    ['', 'closed'],
  ] as const) {
    await using server = await echoServer(() => listener.socketOptions());
    const socket = connectPlain(server.port, '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    if (bytes === '') socket.resetAndDestroy();
    else socket.write(bytes, 'latin1');
    t.equal(tlsErrorKind(await server.nextError()), kind, JSON.stringify(bytes));
    socket.destroy();
  }
});

t.test('a server that speaks plain HTTP', async (t) => {
  const server = createServer((socket) =>
    socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const tls = compileUpstreamTls({ verify: true }).forServer('127.0.0.1');
  const seen = await handshake(port, tls.connectOptions());
  t.equal(tlsErrorKind(seen.error), 'not_tls');
  server.close();
});

t.test('words for codes', async (t) => {
  const error = (code: string) => Object.assign(new Error('x'), { code });
  for (const [code, kind] of [
    ['ECONNRESET', 'closed'],
    ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'certificate_rejected'],
    ['ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN', 'certificate_rejected'],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'unknown_ca'],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'client_certificate'],
    ['ERR_SSL_TLSV1_UNRECOGNIZED_NAME', 'wrong_name'],
    ['ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR', 'peer_refused'],
    ['ERR_SSL_BAD_RECORD_TYPE', 'protocol_error'],
    ['ENOENT', 'other'],
    ['', 'other'],
  ] as const) {
    t.equal(tlsErrorKind(error(code)), kind, code);
  }
  t.equal(tlsErrorKind('text'), 'other');
  t.equal(tlsErrorKind(undefined), 'other');
});
