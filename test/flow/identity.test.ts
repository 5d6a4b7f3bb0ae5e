/** Who the client is, told to the server: nothing of it believed from strangers, the chain kept from trusted proxies. */
import t from 'tap';
import type { Message } from '../support/http-message.ts';
import { fieldOf, get, ok } from '../support/peer.ts';
import type { Changes } from '../support/proxied.ts';
import { overWires, type Wire } from '../support/wires.ts';

const test = overWires(t);

/** What a server sees of this request. */
async function seen(
  wire: Wire,
  request: string,
  changes: Changes = {},
  tls = false,
): Promise<{ request: Message; port: number }> {
  await using proxied = await wire.start(changes);
  const client = await proxied.client({ tls });
  client.write(request);
  const server = await proxied.server.accept();
  const message = await server.request();
  server.write(ok());
  await client.answer(request.slice(0, request.indexOf(' ')));
  return { request: message, port: proxied.daemon.port() };
}

const LIES =
  'X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Port: 1\r\n' +
  'X-Forwarded-Prefix: /evil\r\nX-Forwarded-Server: x\r\nX-Real-IP: 2.2.2.2\r\nForwarded: for=3.3.3.3\r\n' +
  'X-Request-Id: chosen\r\nX_Forwarded_For: 4.4.4.4\r\nX.Real.IP: 5.5.5.5\r\nProxy: http://evil.example\r\nVia: 1.1 mine\r\n';

const identity = (message: Message): Record<string, string | undefined> =>
  Object.fromEntries(
    message.fields.filter(([name]) => /^(x[-_.]|forwarded|proxy|via)/.test(name) && name !== 'x-request-id'),
  );

test('a stranger (B13)', async (t, wire) => {
  const { request, port } = await seen(wire, get('/', LIES));
  t.same(identity(request), {
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-proto': 'http',
    'x-forwarded-host': 't.example',
    'x-forwarded-port': `${port}`,
    'x-real-ip': '127.0.0.1',
    forwarded: 'for=127.0.0.1;host=t.example;proto=http',
    via: '1.1 sluice',
  });
  t.match(fieldOf(request, 'x-request-id'), /^[\w]{12,}$/);
  t.not(fieldOf(request, 'x-request-id'), 'chosen');
  const vias = request.fields.filter(([name]) => name === 'via').map(([, value]) => value);
  t.same(vias, ['1.1 mine', '1.1 sluice'], 'Via is a trace, not a claim: it is added to');
});

test('a stranger over TLS', async (t, wire) => {
  const { request } = await seen(
    wire,
    get('/', LIES),
    {
      file: { certificates: { local: { self_signed: ['localhost'] } } },
      listener: { tls: { certificates: ['local'] } },
    },
    true,
  );
  t.equal(fieldOf(request, 'x-forwarded-proto'), 'https');
  t.match(fieldOf(request, 'forwarded'), /proto=https$/);
});

test('Connection does not take our fields away', async (t, wire) => {
  const names =
    'X-Forwarded-For, x-real-ip, Forwarded, Via, X-Request-Id, Host, Content-Length, X-Forwarded-Host';
  const { request } = await seen(
    wire,
    `POST / HTTP/1.1\r\nHost: t.example\r\nContent-Length: 2\r\nX-Own: 1\r\nConnection: ${names}, x-own\r\n\r\nhi`,
  );
  for (const name of [
    'x-forwarded-for',
    'x-real-ip',
    'forwarded',
    'via',
    'x-request-id',
    'host',
    'x-forwarded-host',
  ])
    t.ok(fieldOf(request, name), name);
  t.equal(request.body, 'hi');
  t.equal(fieldOf(request, 'x-own'), undefined, 'the client’s own may be named');
});

test('a trusted proxy: the chain goes on (B13)', async (t, wire) => {
  const { request } = await seen(
    wire,
    get(
      '/',
      'X-Forwarded-For: 203.0.113.7, 10.0.0.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\nX-Forwarded-Port: 443\r\n' +
        'X-Forwarded-Prefix: /shop\r\nX-Request-Id: abc-123\r\n',
    ),
    { listener: { trusted_proxies: ['127.0.0.1', '10.0.0.0/8'] } },
  );
  t.match(identity(request), {
    'x-forwarded-for': '203.0.113.7, 10.0.0.9, 127.0.0.1',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'shop.example',
    'x-forwarded-port': '443',
    'x-forwarded-prefix': '/shop',
    'x-real-ip': '203.0.113.7',
    forwarded: 'for=203.0.113.7, for=10.0.0.9, for=127.0.0.1;host=t.example;proto=http',
  });
  t.equal(fieldOf(request, 'x-request-id'), 'abc-123');
});

test('a trusted proxy whose client lied: the right-most stranger is the client', async (t, wire) => {
  const { request } = await seen(wire, get('/', 'X-Forwarded-For: 10.0.0.1, 198.51.100.4\r\n'), {
    listener: { trusted_proxies: ['127.0.0.1', '10.0.0.0/8'] },
  });
  t.equal(fieldOf(request, 'x-real-ip'), '198.51.100.4');
});

test('the Host that servers get (B14)', async (t, wire) => {
  t.equal(fieldOf((await seen(wire, get('/'))).request, 'host'), 't.example');
  const fixed = await seen(wire, get('/'), { pool: { upstream: { host: 'fixed.example' } } });
  t.equal(fieldOf(fixed.request, 'host'), 'fixed.example');
  t.equal(fieldOf(fixed.request, 'x-forwarded-host'), 't.example');
  const own = await seen(wire, get('/'), { pool: { upstream: { host: 'server' } } });
  t.match(fieldOf(own.request, 'host'), /^127\.0\.0\.1:\d+$/);
  const absolute = await seen(wire, 'GET http://T.example/a?b HTTP/1.1\r\nHost: t.example\r\n\r\n');
  t.equal(absolute.request.start, 'GET /a?b HTTP/1.1');
  t.equal(fieldOf(absolute.request, 'host'), 'T.example', 'the authority of the target wins');
});

test('two requests with the same fields have two ids', async (t, wire) => {
  await using proxied = await wire.start();
  const client = await proxied.client();
  client.write(get('/') + get('/'));
  const server = await proxied.server.accept();
  const first = fieldOf(await server.request(), 'x-request-id');
  server.write(ok());
  const second = fieldOf(await server.request(), 'x-request-id');
  server.write(ok());
  t.not(first, second);
  await client.answer();
  await client.answer();
});
