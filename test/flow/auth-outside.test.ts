/** Who may, as somebody outside says: tokens of an issuer whose keys are fetched, and a service that is asked for each request. */
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, SignJWT } from 'jose';
import t from 'tap';
import { systemClock } from '../../src/kernel/clock.ts';
import { H2Client } from '../support/h2-client.ts';
import { valuesOf } from '../support/http-message.ts';
import { fieldOf, get, ok, RawServer } from '../support/peer.ts';
import { onePool, Proxied } from '../support/proxied.ts';
import { overWires } from '../support/wires.ts';

const test = overWires(t);

class Service implements AsyncDisposable {
  readonly #server: Server;
  readonly asked: IncomingMessage[] = [];
  answer: (request: IncomingMessage, response: ServerResponse) => void = (_, response) => void response.end();
  onAsked: () => void = () => {};

  private constructor() {
    this.#server = createServer((request, response) => {
      this.asked.push(request);
      this.onAsked();
      this.answer(request, response);
    });
  }
  static async open(): Promise<Service> {
    const service = new Service();
    await once(service.#server.listen(0, '127.0.0.1'), 'listening');
    return service;
  }
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await once(this.#server.close(), 'close');
  }
}

const withAuth = (auth: object) => ({ file: { routes: [{ name: 'all', pool: 'web', auth }] } as never });

test('tokens, by keys that are fetched', async (t, wire) => {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'one', alg: 'ES256' };
  await using issuer = await Service.open();
  issuer.answer = (_, response) => void response.end(JSON.stringify({ keys: [jwk] }));
  await using proxied = await wire.start(
    withAuth({
      type: 'jwt',
      issuer: 'https://id.example.com',
      audience: 'shop',
      jwks: `${issuer.url}/jwks.json`,
      require: { role: ['admin', 'ops'] },
      tenant_claim: 'org',
      fields: { 'X-Email': 'email' },
    }),
  );
  const tokenOf = async (claims: Record<string, unknown> = {}): Promise<string> =>
    new SignJWT({ role: 'ops', org: 'acme', email: 'ann@example.com', ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'one' })
      .setIssuer('https://id.example.com')
      .setAudience('shop')
      .setSubject('ann')
      .setExpirationTime(Math.floor(systemClock.wallMs() / 1000) + 60)
      .sign(pair.privateKey);
  const client = await proxied.client();
  const nobody = await client.ask(get());
  t.equal(nobody.status, 401);
  t.equal(fieldOf(nobody, 'www-authenticate'), 'Bearer');
  t.equal(issuer.asked.length, 0, 'no key is needed yet');

  const token = await tokenOf();
  client.write(get('/', `Authorization: Bearer ${token}\r\nx-email: evil\r\nX_Email: evil\r\n`));
  const server = await proxied.server.accept();
  const request = await server.request();
  t.same(valuesOf(request, 'x-email'), ['ann@example.com']);
  t.same(valuesOf(request, 'x_email'), []);
  t.equal(fieldOf(request, 'x-auth-user'), 'ann');
  t.equal(fieldOf(request, 'x-auth-tenant'), 'acme');
  t.equal(fieldOf(request, 'authorization'), `Bearer ${token}`, 'servers may need the token');
  server.write(ok());
  t.equal((await client.answer()).status, 200);
  client.write(get('/again', `Authorization: Bearer ${token}\r\n`));
  await server.request();
  server.write(ok());
  await client.answer();
  t.equal(issuer.asked.length, 1, 'fetched once');

  const guest = await client.ask(get('/', `Authorization: Bearer ${await tokenOf({ role: 'guest' })}\r\n`));
  t.equal(guest.status, 403);
  t.match(fieldOf(guest, 'www-authenticate'), /error="insufficient_scope"/);
  const forged = await client.ask(get('/', `Authorization: Bearer ${token.slice(0, -4)}AAAA\r\n`));
  t.equal(forged.status, 401);
  t.match(fieldOf(forged, 'www-authenticate'), /error="invalid_token"/);
});

t.test('an issuer that is not there', async (t) => {
  await using proxied = await Proxied.start(
    withAuth({ type: 'jwt', issuer: 'https://id.example.com', jwks: 'http://127.0.0.1:1/jwks' }),
  );
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const token = await new SignJWT({}).setProtectedHeader({ alg: 'ES256' }).sign(pair.privateKey);
  const client = await proxied.client();
  const answer = await client.ask(get('/', `Authorization: Bearer ${token}\r\n`));
  t.equal(answer.status, 503);
  t.equal(JSON.parse(answer.body).code, 'auth_unavailable');
  t.equal(fieldOf(answer, 'retry-after'), '5');
});

test('a service decides', async (t, wire) => {
  await using service = await Service.open();
  await using proxied = await wire.start(
    withAuth({
      type: 'forward',
      url: `${service.url}/auth?x=1`,
      request_fields: ['X-Ticket'],
      copy: ['X-Groups'],
      user_field: 'Remote-User',
    }),
  );
  service.answer = (request, response) => {
    if (request.headers['x-ticket'] === 'good')
      response.writeHead(200, { 'Remote-User': 'ann', 'X-Groups': 'staff', 'X-Else': '1' }).end('ignored');
    else
      response
        .writeHead(302, [
          'Location',
          'https://id.example.com/login',
          'Set-Cookie',
          'a=1',
          'Set-Cookie',
          'b=2',
        ])
        .end('go there');
  };
  const client = await proxied.client();
  client.write(
    `POST /books?q=1 HTTP/1.1\r\nHost: t.example\r\nX-Ticket: good\r\nX-Groups: root\r\nx_groups: root\r\nX-Forwarded-Uri: /x\r\nCookie: a=b\r\nContent-Length: 4\r\n\r\nbody`,
  );
  const server = await proxied.server.accept();
  const request = await server.request();
  t.equal(request.body.toString(), 'body');
  t.same(valuesOf(request, 'x-groups'), ['staff']);
  t.same(valuesOf(request, 'x_groups'), []);
  t.equal(fieldOf(request, 'x-auth-user'), 'ann');
  t.equal(fieldOf(request, 'x-else'), undefined);
  server.write(ok());
  t.equal((await client.answer()).status, 200);
  t.equal(service.asked[0]?.method, 'GET');
  t.equal(service.asked[0]?.url, '/auth?x=1');
  t.match(service.asked[0]?.headers, {
    'x-forwarded-method': 'POST',
    'x-forwarded-proto': 'http',
    'x-forwarded-host': 't.example',
    'x-forwarded-uri': '/books?q=1',
    'x-forwarded-for': '127.0.0.1',
    'x-ticket': 'good',
  });
  t.equal(service.asked[0]?.headers.cookie, undefined, 'only what was chosen');

  const login = await client.ask(get('/'));
  t.equal(login.status, 302);
  t.equal(fieldOf(login, 'location'), 'https://id.example.com/login');
  t.same(valuesOf(login, 'set-cookie'), ['a=1', 'b=2']);
  t.equal(login.body, 'go there');
});

for (const fail of ['closed', 'open'] as const)
  t.test(`a service in trouble: ${fail}`, async (t) => {
    await using service = await Service.open();
    await using proxied = await Proxied.start(
      withAuth({ type: 'forward', url: service.url, timeout: '200ms', fail }),
    );
    proxied.server.answerAll(() => ok('served'));
    const client = await proxied.client();
    const ask = async (): Promise<string> => {
      const { status, body } = await client.ask(get());
      return status === 200 ? body : JSON.parse(body).code;
    };
    const expected = fail === 'open' ? 'served' : 'auth_unavailable';
    service.answer = (_, response) => void response.writeHead(500).end();
    t.equal(await ask(), expected, 'an error of its own');
    service.answer = () => {};
    t.equal(await ask(), expected, 'silence');
    service.answer = (_, response) => void response.socket?.destroy();
    t.equal(await ask(), expected, 'a reset');
    service.answer = (_, response) => void response.end('x'.repeat(100_000));
    t.equal(await ask(), expected, 'too much');
    service.answer = (_, response) => void response.end();
    t.equal(await ask(), 'served', 'and then it is well again');
  });

t.test('a kept connection that ends as it is asked: asked again, once', async (t) => {
  await using service = await RawServer.open('service');
  await using proxied = await Proxied.start(
    withAuth({ type: 'forward', url: `http://127.0.0.1:${service.port}/` }),
  );
  proxied.server.answerAll(() => ok('served'));
  const clients = [await proxied.client(), await proxied.client()] as const;
  const all = (): Promise<number[]> => Promise.all(clients.map(async (it) => (await it.answer()).status));
  const ask = (): void => {
    for (const client of clients) client.write(get());
  };
  ask();
  const kept = [await service.accept(), await service.accept()] as const;
  for (const connection of kept) {
    await connection.request();
    connection.write(ok());
  }
  t.same(await all(), [200, 200]);
  ask();
  for (const [i, connection] of kept.entries()) {
    await connection.request();
    if (i === 0) connection.end();
    else connection.reset();
    const fresh = await service.accept();
    await fresh.request();
    fresh.write(ok());
  }
  t.same(await all(), [200, 200], 'not over another kept one, which has ended too');
  t.equal(service.connections, 4);

  clients[0].write(get());
  const fresh = await service.accept();
  await fresh.request();
  fresh.end();
  t.equal((await clients[0].answer()).status, 503, 'a new connection that ends is an answer');
  t.equal(service.connections, 5);

  clients[0].write(get());
  const last = await service.accept();
  await last.request();
  last.write(ok());
  t.equal((await clients[0].answer()).status, 200);
  clients[0].write(get());
  await last.request();
  last.end();
  const again = await service.accept();
  await again.request();
  again.end();
  t.equal((await clients[0].answer()).status, 503, 'not a third time');
  t.equal(service.connections, 7);
});

test('what the service says of other origins gives way to the route’s word', async (t, wire) => {
  await using service = await Service.open();
  const auth = { type: 'forward', url: service.url };
  const origin = 'https://shop.example.com';
  const routes = [
    { name: 'own', match: { path: '/own' }, pool: 'web', auth, cors: { origins: origin, credentials: true } },
    { name: 'none', pool: 'web', auth },
  ];
  await using proxied = await wire.start({ file: { routes } as never });
  service.answer = (_, response) =>
    void response
      .writeHead(401, {
        'Access-Control-Allow-Origin': '*',
        'access-control-allow-credentials': 'false',
        'X-Else': '1',
      })
      .end();
  const client = await proxied.client();
  const of = async (path: string) => {
    const answer = await client.ask(get(path, `Origin: ${origin}\r\n`));
    return ['access-control-allow-origin', 'access-control-allow-credentials', 'x-else'].map((name) =>
      valuesOf(answer, name),
    );
  };
  t.same(await of('/own'), [[origin], ['true'], ['1']]);
  t.same(await of('/none'), [['*'], ['false'], ['1']], 'without a word of its own');
});

for (const fail of ['closed', 'open'] as const)
  t.test(`a reload while a service is asked changes nothing for who waits: ${fail}`, async (t) => {
    await using service = await Service.open();
    const auth = { type: 'forward', url: service.url, fail };
    await using proxied = await Proxied.start(withAuth(auth));
    proxied.server.answerAll(() => ok('served'));
    let answer = (_status: number): void => {};
    service.answer = (_, response) => {
      answer = (status) => void response.writeHead(status).end('the word of the service');
    };
    const client = await proxied.client();
    for (const [status, timeout] of [
      [403, '5s'],
      [200, '6s'],
    ] as const) {
      const asked = new Promise<void>((resolve) => {
        service.onAsked = resolve;
      });
      client.write(get());
      await asked;
      await proxied.daemon.reload({
        ...onePool(proxied.servers, withAuth({ ...auth, timeout })),
        listeners: { http: { address: '127.0.0.1', port: proxied.daemon.port() } },
      });
      answer(status);
      const { body } = await client.answer();
      t.equal(body, status === 200 ? 'served' : 'the word of the service');
    }
  });

t.test('the client goes while a service is asked', async (t) => {
  await using service = await Service.open();
  await using proxied = await Proxied.start({
    ...withAuth({ type: 'forward', url: service.url }),
    listener: { h2c: true },
  });
  proxied.server.answerAll(() => ok('served'));
  let release = (): void => {};
  const asked = new Promise<void>((resolve) => {
    service.onAsked = resolve;
  });
  service.answer = (_, response) => {
    release = () => void response.end();
  };
  const client = await proxied.client();
  client.write(get());
  await asked;
  client.reset();
  service.answer = (_, response) => void response.end();
  await using h2 = await H2Client.open(proxied.daemon.port());
  t.equal(String((await h2.ask({ ':path': '/' })).body), 'served', 'others go on');
  release();
  t.equal(String((await h2.ask({ ':path': '/' })).body), 'served');
});
