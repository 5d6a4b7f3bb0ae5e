import { once } from 'node:events';
import { type AddressInfo, connect as connectPlain, createServer as createRelay } from 'node:net';
import { createServer } from 'node:tls';
import t from 'tap';
import { compileTls, ListenerTls, tlsErrorKind } from '../../src/tls/index.ts';
import { authorityFor, echoServer, handshake, listenerOptions, materialFor } from '../support/tls-fixture.ts';

const authority = authorityFor();
const shop = materialFor(authority, 'shop', ['shop.test', '10.0.0.1']);
const wild = materialFor(authority, 'wild', ['*.shop.test']);
const api = materialFor(authority, 'api', ['api.shop.test', 'api.test']);
const materials = [shop, wild, api];
const trust = { ca: authority.certPem };

t.test('the certificate is chosen by server name (B50)', async (t) => {
  const listener = new ListenerTls(compileTls(listenerOptions(materials)));
  await using server = await echoServer(() => listener.socketOptions());
  const cases: [string, string][] = [
    ['shop.test', 'shop'],
    ['SHOP.Test', 'shop'],
    ['api.shop.test', 'api'],
    ['other.shop.test', 'wild'],
    ['OTHER.shop.TEST', 'wild'],
    ['a.b.shop.test', 'shop'],
    ['unknown.example', 'shop'],
    ['', 'shop'],
  ];
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    for (const [servername, want] of cases) {
      const seen = await handshake(server.port, {
        servername,
        minVersion: version,
        maxVersion: version,
        rejectUnauthorized: false,
      });
      const material = materials.find((candidate) => candidate.name === want);
      t.equal(seen.error, undefined);
      t.equal(seen.fingerprint, material?.fingerprint, `${version}: "${servername}" gets ${want}`);
    }
  }
  const verified = await handshake(server.port, { servername: 'api.test', ...trust });
  t.equal(verified.error, undefined, 'and it verifies');
});

t.test('a hello that arrives byte by byte is read as any other', async (t) => {
  const listener = new ListenerTls(compileTls(listenerOptions(materials)));
  await using server = await echoServer(() => listener.socketOptions());
  const relay = createRelay((client) => {
    const upstream = connectPlain({ port: server.port, host: '127.0.0.1', noDelay: true });
    let isHello = true;
    client.on('data', (chunk: Buffer) => {
      if (isHello) for (const byte of chunk) upstream.write(Buffer.of(byte));
      else upstream.write(chunk);
      isHello = false;
    });
    upstream.on('data', (chunk) => client.write(chunk));
    client.on('error', () => {}).on('close', () => upstream.destroy());
    upstream.on('error', () => {}).on('close', () => client.destroy());
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  const { port } = relay.address() as AddressInfo;
  const seen = await handshake(port, { servername: 'api.test', ...trust });
  t.equal(seen.error, undefined);
  t.equal(seen.fingerprint, api.fingerprint);
  relay.close();
  await once(relay, 'close');
});

t.test('a single certificate needs no callback', async (t) => {
  const listener = new ListenerTls(compileTls(listenerOptions([shop])));
  t.equal(listener.socketOptions().SNICallback, undefined);
  await using server = await echoServer(() => listener.socketOptions());
  const seen = await handshake(server.port, { servername: 'nobody.test', rejectUnauthorized: false });
  t.equal(seen.fingerprint, shop.fingerprint);
});

t.test('strict_sni refuses unknown and missing names with an alert (B50)', async (t) => {
  for (const certificates of [['shop'], ['shop', 'wild', 'api']]) {
    const listener = new ListenerTls(
      compileTls(listenerOptions(materials, { certificates, strictSni: true })),
    );
    await using server = await echoServer(() => listener.socketOptions());
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const common = { minVersion: version, maxVersion: version, rejectUnauthorized: false } as const;
      const good = await handshake(server.port, { servername: 'Shop.test', ...common });
      t.equal(good.fingerprint, shop.fingerprint);
      for (const servername of ['unknown.example', '']) {
        const seen = await handshake(server.port, { servername, ...common });
        t.equal(seen.fingerprint, undefined, 'no certificate is shown');
        t.match(seen.error, { code: /ALERT_HANDSHAKE_FAILURE/ }, `${version}: "${servername}" is refused`);
        t.match(tlsErrorKind(await server.nextError()), /^no_(certificate|shared_cipher)$/);
        const resumed = await handshake(server.port, { servername, session: good.session, ...common });
        t.match(resumed.error, { code: /ALERT_HANDSHAKE_FAILURE/ }, 'also when a session is offered');
        await server.nextError();
      }
    }
  }
});

t.test('the same on a server of node:tls, which follows a swap', async (t) => {
  const options = listenerOptions(materials);
  const listener = new ListenerTls(compileTls(options));
  const server = createServer(listener.serverOptions(), (socket) => socket.end('hi'));
  listener.attach(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const get = async (servername: string) =>
    (await handshake(port, { servername, rejectUnauthorized: false })).fingerprint;
  t.equal(await get('api.test'), api.fingerprint);
  t.equal(await get(''), shop.fingerprint);
  const renewed = materialFor(authority, 'shop', ['shop.test']);
  listener.use(compileTls({ ...options, materials: [renewed, wild, api] }));
  t.equal(await get(''), renewed.fingerprint, 'without a name');
  t.equal(await get('shop.test'), renewed.fingerprint, 'by name');
  t.equal(await get('api.test'), api.fingerprint);
  server.close();
  await once(server, 'close');
});

t.test('what cannot be compiled is an error and changes nothing', async (t) => {
  const options = listenerOptions(materials);
  t.throws(() => compileTls({ ...options, certificates: ['shop', 'nope'] }), {
    code: 'tls_unknown_certificate',
    hint: /shop, wild, api/,
  });
  t.throws(() => compileTls({ ...options, certificates: [] }), { code: 'tls_no_certificate' });
  t.throws(() => compileTls({ ...options, ticketKey: new Uint8Array(32) }), { code: 'tls_ticket_key' });
  t.throws(() => compileTls({ ...options, alpn: [''] }), { code: 'tls_alpn' });
  const broken = { ...shop, keyPem: api.keyPem };
  t.throws(() => compileTls({ ...options, materials: [broken, wild, api] }), { code: 'tls_certificate' });
});

t.test('what has not changed is not compiled again', (t) => {
  const options = listenerOptions([shop]);
  const first = compileTls(options);
  t.equal(compileTls({ ...options }, first), first);
  const others = [
    { ...options, minVersion: '1.3' as const },
    { ...options, strictSni: !options.strictSni },
    { ...options, scope: 'another' },
    { ...options, alpn: ['h2'] },
    { ...options, ticketKey: Buffer.alloc(48, 9) },
    listenerOptions([materialFor(authority, 'shop', ['shop.test', '10.0.0.1'])]),
    listenerOptions([shop, api]),
  ];
  for (const [index, changed] of others.entries())
    t.not(compileTls(changed, first), first, `change ${index}`);
  t.end();
});
