/** Paths and fields that a route changes, over the wires. */
import t from 'tap';
import { H2Client } from '../support/h2-client.ts';
import { valuesOf } from '../support/http-message.ts';
import { fieldOf, ok } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';

t.test('there and back (B15, B16)', async (t) => {
  await using proxied = await Proxied.start({
    listener: { h2c: true },
    file: {
      routes: [
        {
          name: 'api',
          match: { path: '/api/*' },
          pool: 'web',
          rewrite: { strip_prefix: '/api', add_prefix: '/v1' },
          headers: {
            request: {
              remove: ['cookie', 'X-Forwarded-For'],
              set: { 'X-Route': '{route} {pool} {method} {scheme}', 'user-agent': 'sluice {{1}}' },
              add: { 'X-Client': '{client_ip}' },
            },
            response: { remove: ['server'], set: { 'X-Served-By': '{server}' }, add: { Vary: 'Accept' } },
          },
        },
        {
          name: 'own',
          match: { path: '/own' },
          respond: 200,
          headers: { response: { set: { 'X-Own': '{path}' } } },
        },
        { name: 'plain', pool: 'web' },
      ],
    },
  });
  const client = await proxied.client();
  client.write(
    'GET /x/../api//books?q=1 HTTP/1.1\r\nHost: shop\r\nCookie: a=b\r\nUser-Agent: me\r\nX-Client: evil\r\n\r\n',
  );
  const server = await proxied.server.accept();
  const request = await server.request();
  t.equal(request.start, 'GET /v1/books?q=1 HTTP/1.1');
  t.equal(fieldOf(request, 'host'), 'shop');
  t.equal(fieldOf(request, 'cookie'), undefined);
  t.equal(fieldOf(request, 'x-forwarded-for'), undefined);
  t.equal(fieldOf(request, 'x-route'), 'api web GET http');
  t.equal(fieldOf(request, 'user-agent'), 'sluice {1}');
  t.same(valuesOf(request, 'x-client'), ['evil', '127.0.0.1']);
  server.write(
    ok(
      'found',
      'Server: secret\r\nLocation: /v1/books/1\r\nVary: Cookie\r\nSet-Cookie: s=1; Path=/v1/books\r\n',
    ),
  );
  const answer = await client.answer();
  t.equal(fieldOf(answer, 'server'), undefined);
  t.equal(fieldOf(answer, 'location'), '/api/books/1');
  t.equal(fieldOf(answer, 'set-cookie'), 's=1; Path=/api/books');
  t.equal(fieldOf(answer, 'x-served-by'), proxied.server.address);
  t.same(valuesOf(answer, 'vary'), ['Cookie', 'Accept']);
  t.equal(answer.body, 'found');

  // The same connection and the same fields, by a route that changes nothing.
  client.write(
    'GET /other HTTP/1.1\r\nHost: shop\r\nCookie: a=b\r\nUser-Agent: me\r\nX-Client: evil\r\n\r\n',
  );
  const plain = await server.request();
  t.equal(plain.start, 'GET /other HTTP/1.1');
  t.equal(fieldOf(plain, 'cookie'), 'a=b');
  t.equal(fieldOf(plain, 'x-route'), undefined);
  server.write(ok('plain', 'Server: kept\r\n'));
  t.equal(fieldOf(await client.answer(), 'server'), 'kept');

  const own = await client.ask('GET /own HTTP/1.1\r\nHost: shop\r\n\r\n');
  t.equal(fieldOf(own, 'x-own'), '/own');

  await using h2 = await H2Client.open(proxied.daemon.port());
  const asked = h2.ask({ ':path': '/api', 'user-agent': 'me' });
  const over = await server.request();
  t.equal(over.start, 'GET /v1/ HTTP/1.1');
  t.equal(fieldOf(over, 'user-agent'), 'sluice {1}');
  server.write(ok('h2', 'Location: /v1/x\r\n'));
  t.match((await asked).headers, { location: '/api/x', 'x-served-by': proxied.server.address });
});
