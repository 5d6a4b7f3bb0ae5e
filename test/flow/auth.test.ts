/** Who may use a route: users with passwords, tenants with keys, and what servers and the log get to know of them. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { hashPassword } from '../../src/kernel/password-hash.ts';
import { H2Client } from '../support/h2-client.ts';
import { valuesOf } from '../support/http-message.ts';
import { fieldOf, get, ok } from '../support/peer.ts';
import { onePool, Proxied } from '../support/proxied.ts';
import { overWires } from '../support/wires.ts';

const test = overWires(t);
const CHEAP = { ln: 8, r: 8, p: 1 };
const hash = await hashPassword('secret', Buffer.alloc(16, 1), CHEAP);
const basicOf = (credentials: string): string =>
  `Authorization: Basic ${Buffer.from(credentials).toString('base64')}\r\n`;

const withAuth = (auth: unknown, more: object = {}) => ({
  file: { routes: [{ name: 'all', pool: 'web', auth, ...more }] } as never,
});

test('trailers say no more of who asks than fields', async (t, wire) => {
  const auth = { type: 'basic', users: { ann: hash } };
  await using proxied = await wire.start({
    file: {
      routes: [
        {
          name: 'open',
          match: { path: '/open' },
          pool: 'web',
          headers: { request: { remove: ['x-inner'] } },
        },
        { name: 'all', pool: 'web', auth },
      ],
    } as never,
  });
  const upload = (path: string, fields = ''): string =>
    `POST ${path} HTTP/1.1\r\nHost: t.example\r\n${fields}Transfer-Encoding: chunked\r\n\r\n` +
    '2\r\nhi\r\n0\r\nX-Auth-User: root\r\nx_auth_user: root\r\nX-Inner: 1\r\nX-Sum: 7\r\n\r\n';
  const client = await proxied.client();
  client.write(upload('/', basicOf('ann:secret')));
  const server = await proxied.server.accept();
  const request = await server.request();
  t.equal(request.trailers, 'x-inner: 1\r\nx-sum: 7\r\n');
  server.write(ok());
  t.equal((await client.answer()).status, 200);
  client.write(upload('/open'));
  t.equal((await server.request()).trailers, 'x-sum: 7\r\n', 'nor past a route without auth');
  server.write(ok());
  t.equal((await client.answer()).status, 200);
});

test('users', async (t, wire) => {
  await using proxied = await wire.start(
    withAuth(
      { type: 'basic', realm: 'Staff', users: { ann: hash } },
      { headers: { request: { set: { 'x-who': '{user}/{tenant}' } } } },
    ),
  );
  const client = await proxied.client();
  const nobody = await client.ask(get());
  t.equal(nobody.status, 401);
  t.equal(fieldOf(nobody, 'www-authenticate'), 'Basic realm="Staff", charset="UTF-8"');
  t.equal(JSON.parse(nobody.body).code, 'unauthorized');
  t.equal((await client.ask(get('/', basicOf('ann:wrong')))).status, 401);
  t.equal(proxied.server.connections, 0, 'no server hears of them');

  client.write(
    get(
      '/books',
      `${basicOf('ann:secret')}X-Auth-User: root\r\nx_auth_user: root\r\nX.Auth-Tenant: acme\r\nX~Auth!User: root\r\nX-Else: 1\r\n`,
    ),
  );
  const server = await proxied.server.accept();
  const request = await server.request();
  t.same(valuesOf(request, 'x-auth-user'), ['ann']);
  t.same(valuesOf(request, 'x_auth_user'), [], 'in no spelling');
  t.same(valuesOf(request, 'x.auth-tenant'), []);
  t.same(valuesOf(request, 'x~auth!user'), []);
  t.equal(fieldOf(request, 'authorization'), undefined, 'the password stays here');
  t.equal(fieldOf(request, 'x-else'), '1');
  t.equal(fieldOf(request, 'x-who'), 'ann/');
  server.write(ok());
  t.equal((await client.answer()).status, 200);

  // What waits of a body while a password is checked arrives.
  client.write(
    `POST / HTTP/1.1\r\nHost: t.example\r\n${basicOf('ann:wrong again')}Content-Length: 4\r\n\r\nbody`,
  );
  t.equal((await client.answer()).status, 401);
  const other = await proxied.client();
  await proxied.daemon.reload(
    onePool(proxied.servers, {
      ...withAuth({ type: 'basic', users: { ann: hash }, pass_credentials: true }),
      listener: wire.listener,
    }),
  );
  other.write(`POST / HTTP/1.1\r\nHost: t.example\r\n${basicOf('ann:secret')}Content-Length: 4\r\n\r\nbody`);
  const posted = await server.request();
  t.equal(posted.body.toString(), 'body');
  t.equal(fieldOf(posted, 'authorization'), `Basic ${Buffer.from('ann:secret').toString('base64')}`);
  server.write(ok());
  t.equal((await other.answer()).status, 200);
});

t.test('the log says who it was, and never the password', async (t) => {
  const proxied = await Proxied.start(withAuth({ type: 'basic', users: { ann: hash } }));
  proxied.server.answerAll(() => ok());
  const client = await proxied.client();
  t.equal((await client.ask(get('/', basicOf('ann:secret')))).status, 200);
  t.equal((await client.ask(get('/', basicOf('ann:other')))).status, 401);
  const file = join(proxied.daemon.folder, 'access.log');
  const lines = (): { user?: string; reason: string }[] =>
    readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  await proxied.daemon.until('two lines', () => lines().length === 2);
  t.match(lines(), [
    { user: 'ann', reason: 'ok', status: 200 },
    { reason: 'unauthorized', status: 401 },
  ]);
  t.equal(lines()[1]?.user, undefined);
  t.notMatch(readFileSync(file, 'utf8'), /secret|other/);
  await proxied[Symbol.asyncDispose]();
});

t.test('users of a file, over HTTP/2, and a reload', async (t) => {
  const folder = t.testdir({ users: `# staff\nann:${hash}\n` });
  const changes = {
    ...withAuth({ type: 'basic', users_file: join(folder, 'users') }),
    listener: { h2c: true },
  };
  await using proxied = await Proxied.start(changes);
  proxied.server.answerAll((request) => ok(fieldOf(request, 'x-auth-user')));
  await using h2 = await H2Client.open(proxied.daemon.port());
  const ask = async (credentials: string) =>
    h2.ask({ ':path': '/', authorization: `Basic ${Buffer.from(credentials).toString('base64')}` });
  t.equal(String((await ask('ann:secret')).body), 'ann');
  t.equal((await ask('bob:secret')).status, 401);
  t.equal((await h2.ask({ ':path': '/', ':method': 'POST' }, 'a body')).status, 401, 'with a body');
  writeFileSync(join(folder, 'users'), `bob:${hash}\n`);
  await proxied.daemon.reload(onePool(proxied.servers, changes));
  t.equal((await ask('ann:secret')).status, 401);
  t.equal(String((await ask('bob:secret')).body), 'bob');
});

test('keys of tenants', async (t, wire) => {
  const digest = (key: string): string => `sha256:${createHash('sha256').update(key).digest('hex')}`;
  await using proxied = await wire.start({
    file: {
      routes: [
        { name: 'reports', match: { path: '/reports' }, pool: 'web', auth: 'api_key' },
        { name: 'all', pool: 'web', auth: { type: 'api_key', header: 'X-Key', query: 'key' } },
      ],
      tenants: {
        acme: {
          api_keys: [
            { name: 'web', hash: digest('key-of-acme-web') },
            { name: 'gone', hash: digest('key-of-acme-gone'), expires: '2020-01-01' },
          ],
        },
        small: { api_keys: [{ name: 'main', hash: digest('key-of-small') }], routes: ['all'] },
      },
    },
  });
  proxied.server.answerAll((request) =>
    ok(
      ['x-auth-tenant', 'x-auth-user', 'x-key', 'x-api-key']
        .map((name) => fieldOf(request, name) ?? '-')
        .join(' '),
    ),
  );
  const client = await proxied.client();
  const ask = async (path: string, fields = ''): Promise<string> => {
    const { status, body } = await client.ask(get(path, fields));
    return status === 200 ? body : `${status} ${JSON.parse(body).detail}`;
  };
  t.equal(await ask('/reports', 'X-API-Key: key-of-acme-web\r\n'), 'acme web - -');
  t.equal(await ask('/reports', 'X-API-Key: key-of-small\r\n'), '403 this API key is not for here');
  t.equal(await ask('/reports'), '401 an API key is needed: the field x-api-key');
  t.equal(await ask('/x', 'X-Key: key-of-small\r\n'), 'small main - -');
  t.equal(await ask('/x?key=key-of-small'), 'small main - -');
  t.equal(await ask('/x', 'X-Key: key-of-acme-gone\r\n'), '401 the API key has expired');
  t.equal(await ask('/x', 'X-Key: sha256\r\n'), '401 the API key is not known');
  const nobody = await client.ask(get('/x'));
  t.equal(fieldOf(nobody, 'www-authenticate'), 'ApiKey');
});

t.test('a route without auth is no way to call oneself somebody', async (t) => {
  const users = { ann: hash };
  await using proxied = await Proxied.start();
  const pool = { servers: [proxied.server.address], health: false as const };
  await proxied.daemon.reload({
    listeners: { http: { address: '127.0.0.1', port: 0 } },
    routes: [
      { name: 'staff', match: { path: '/staff' }, pool: 'web', auth: { type: 'basic', users } },
      {
        name: 'groups',
        match: { path: '/groups' },
        split: { web: 1 },
        auth: { type: 'forward', url: 'http://127.0.0.1:1/', copy: ['X-Groups'] },
      },
      { name: 'apart', match: { path: '/apart' }, pool: 'other' },
      { name: 'open', pool: 'web', headers: { request: { add: { 'x-added': '1' } } } },
    ],
    pools: { web: pool, other: pool },
  });
  proxied.server.answerAll((request) =>
    ok(
      ['x-auth-user', 'x_auth_user', 'x-groups', 'x-added', 'x-else']
        .map((name) => fieldOf(request, name) ?? '-')
        .join(' '),
    ),
  );
  const client = await proxied.client();
  const fields = 'X-Auth-User: root\r\nX_Auth_User: root\r\nX-Groups: wheel\r\nX-Else: 1\r\n';
  t.equal((await client.ask(get('/', fields))).body, '- - - 1 1');
  t.equal(
    (await client.ask(get('/apart', fields))).body,
    'root root wheel - 1',
    'servers that never hear who asks',
  );
});
