/** Pages of other origins: their preflights, and what every answer tells their browsers. */
import t from 'tap';
import { H2Client } from '../support/h2-client.ts';
import { valuesOf } from '../support/http-message.ts';
import { fieldOf, get, ok } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';
import { overWires } from '../support/wires.ts';

const test = overWires(t);
const SHOP = 'Origin: https://shop.example.com\r\n';
const CHANGES = {
  file: {
    routes: [
      {
        name: 'api',
        match: { path: '/api/*' },
        pool: 'web',
        auth: 'api_key',
        cors: { origins: ['https://shop.example.com'], credentials: true, expose: ['X-Total'] },
      },
      { name: 'open', match: { path: '/open' }, respond: { status: 200, body: 'hi' }, cors: '*' },
      { name: 'all', pool: 'web' },
    ],
    tenants: { acme: { api_keys: [{ name: 'web', hash: `sha256:${'ab'.repeat(32)}` }] } },
  } as never,
};

test('preflights need no credentials, refusals tell the browser too', async (t, wire) => {
  await using proxied = await wire.start(CHANGES);
  const client = await proxied.client();
  const ask = (method: string, path: string, fields: string) =>
    client.ask(`${method} ${path} HTTP/1.1\r\nHost: t.example\r\n${fields}\r\n`);
  const preflight = await ask('OPTIONS', '/api/x', `${SHOP}Access-Control-Request-Method: PUT\r\n`);
  t.equal(preflight.status, 204);
  t.equal(fieldOf(preflight, 'access-control-allow-origin'), 'https://shop.example.com');
  t.equal(fieldOf(preflight, 'access-control-allow-credentials'), 'true');
  t.equal(fieldOf(preflight, 'access-control-allow-methods'), 'GET, HEAD, POST, PUT, PATCH, DELETE');
  t.equal(fieldOf(preflight, 'access-control-max-age'), '600');
  t.same(valuesOf(preflight, 'vary'), [
    'Access-Control-Request-Method, Access-Control-Request-Headers',
    'Origin',
  ]);
  t.equal(proxied.server.connections, 0, 'no server hears of it');

  const foreign = await ask(
    'OPTIONS',
    '/api/x',
    'Origin: https://evil.example\r\nAccess-Control-Request-Method: PUT\r\n',
  );
  t.equal(foreign.status, 204);
  t.equal(fieldOf(foreign, 'access-control-allow-origin'), undefined);

  const refused = await ask('GET', '/api/x', SHOP);
  t.equal(refused.status, 401);
  t.equal(
    fieldOf(refused, 'access-control-allow-origin'),
    'https://shop.example.com',
    'a script may read why',
  );

  const plain = await ask('OPTIONS', '/api/x', '');
  t.equal(plain.status, 401, 'an OPTIONS that is no preflight is a request like others');

  const open = await ask('GET', '/open', 'Origin: https://evil.example\r\n');
  t.equal(fieldOf(open, 'access-control-allow-origin'), '*');
  t.equal(fieldOf(open, 'vary'), undefined);
});

t.test('what servers say of it is replaced, where the route speaks', async (t) => {
  const said =
    'Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: X\r\nVary: Accept\r\nX-Else: 1\r\n';
  const cors = { origins: ['https://*.example.com'], headers: ['*'] };
  await using proxied = await Proxied.start({
    listener: { h2c: true },
    file: {
      routes: [
        { name: 'api', match: { path: '/api' }, pool: 'web', cors },
        { name: 'all', pool: 'web' },
      ],
    },
  });
  proxied.server.answerAll(() => ok('ok', said));
  const client = await proxied.client();
  const answer = await client.ask(get('/api', SHOP));
  t.same(valuesOf(answer, 'access-control-allow-origin'), ['https://shop.example.com']);
  t.same(valuesOf(answer, 'access-control-allow-methods'), []);
  t.same(valuesOf(answer, 'vary'), ['Accept', 'Origin']);
  t.equal(fieldOf(answer, 'x-else'), '1');
  const other = await client.ask(get('/other', SHOP));
  t.same(valuesOf(other, 'access-control-allow-origin'), ['*'], 'elsewhere it is theirs to say');
  await using h2 = await H2Client.open(proxied.daemon.port());
  const over = await h2.ask({ ':path': '/api', origin: 'https://a.b.example.com' });
  t.match(over.headers, { 'access-control-allow-origin': 'https://a.b.example.com', vary: 'Accept, Origin' });
  const asked = { ':method': 'OPTIONS', ':path': '/api', origin: 'https://a.example.com' };
  const preflight = await h2.ask({
    ...asked,
    'access-control-request-method': 'PUT',
    'access-control-request-headers': 'x-one, x-two',
  });
  t.equal(preflight.status, 204);
  t.equal(preflight.headers['access-control-allow-headers'], 'x-one, x-two');
});
