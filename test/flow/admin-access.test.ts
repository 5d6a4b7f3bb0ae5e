import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { AdminFixture, type Ask, webOf } from '../support/admin-fixture.ts';

/** Who may do what over the admin address, and what a page of another origin can do: nothing. */

const TOKENS = {
  viewer: 'viewer-token-0123456789',
  operator: 'operator-token-0123456789',
  admin: 'admin-token-0123456789',
} as const;
const admin = {
  listen: '127.0.0.1:0',
  tokens: Object.entries(TOKENS).map(([role, token]) => ({ name: `the-${role}`, role, token })),
};
/** Nothing listens there; most of these tests send it nothing. */
const SERVER = '127.0.0.1:9';
const OTHER = '127.0.0.1:10';
const POOL = '/api/v1/pools/web';
const PATH = `${POOL}/servers/${encodeURIComponent(SERVER)}`;
const withTokens = () => AdminFixture.start(webOf([SERVER], {}, { admin }));

/** Every route with the role that it needs and what it answers to one who has it. */
const ROUTES: readonly [
  method: string,
  path: string,
  needs: keyof typeof TOKENS,
  status: number,
  body?: unknown,
][] = [
  ['GET', '/metrics', 'viewer', 200],
  ['GET', '/api/v1/snapshot', 'viewer', 200],
  ['GET', '/api/v1/openapi.json', 'viewer', 200],
  ['GET', '/api/v1/pools', 'viewer', 200],
  ['GET', POOL, 'viewer', 200],
  ['GET', `${POOL}/servers`, 'viewer', 200],
  ['GET', PATH, 'viewer', 200],
  ['HEAD', PATH, 'viewer', 200],
  ['PATCH', PATH, 'operator', 200, { weight: 2 }],
  ['POST', `${PATH}/actions/drain`, 'operator', 200],
  ['POST', `${PATH}/actions/undrain`, 'operator', 200],
  ['POST', `${PATH}/actions/maintenance`, 'operator', 200, { enabled: true }],
  ['POST', `${PATH}/actions/check`, 'operator', 409],
  ['DELETE', PATH, 'operator', 200],
  ['POST', `${POOL}/servers`, 'operator', 201, { address: OTHER }],
  ['POST', '/api/v1/reload', 'admin', 200],
];

t.test('the table of roles (B61)', async (t) => {
  await using sluice = await withTokens();
  const order = ['viewer', 'operator', 'admin'] as const;
  for (const [method, path, needs, status, body] of ROUTES) {
    const name = `${method} ${path}`;
    const none = await sluice.api(path, { method, body, token: null });
    t.equal(none.status, 401, `${name} without a token`);
    t.match(none.headers['www-authenticate'], /^Bearer/);
    for (const role of order) {
      const answer = await sluice.api(path, { method, body, token: TOKENS[role] });
      if (order.indexOf(role) >= order.indexOf(needs)) t.equal(answer.status, status, `${name} as ${role}`);
      else
        t.match(
          answer,
          { status: 403, body: { code: 'forbidden_role', detail: /the-/, hint: new RegExp(needs) } },
          `${name} as ${role}`,
        );
      // The next role does the same to the same state.
      if (answer.status === 200 && method === 'DELETE')
        await sluice.api(`${POOL}/servers`, {
          method: 'POST',
          body: { address: SERVER },
          token: TOKENS.admin,
        });
      if (answer.status === 201)
        await sluice.api(`${POOL}/servers/${OTHER}`, { method: 'DELETE', token: TOKENS.admin });
    }
  }
  const known = (await sluice.api('/api/v1/openapi.json', { token: TOKENS.viewer })).body;
  const documented = Object.values(known.paths as Record<string, object>).flatMap((path) =>
    Object.keys(path),
  );
  t.equal(
    documented.length,
    ROUTES.length - 1 + 2,
    'every route is in the table (HEAD aside), and two probes',
  );
});

t.test('the probes are open, and say nothing but that', async (t) => {
  await using sluice = await withTokens();
  t.match(await sluice.api('/healthz', { token: null }), { status: 200, text: '{"status":"ok"}' });
  t.match(await sluice.api('/readyz', { token: null }), { status: 200, text: '{"status":"ready"}' });
  t.equal((await sluice.api('/readyz', { method: 'HEAD', token: null })).status, 200);
  t.equal((await sluice.api('/readyz', { token: 'wrong' })).status, 200);
});

t.test('what is no valid token', async (t) => {
  await using sluice = await withTokens();
  const snapshot = (authorization: string) =>
    sluice.api('/api/v1/snapshot', { token: null, headers: { authorization } });
  t.equal((await snapshot(`bearer ${TOKENS.viewer}`)).status, 200, 'the scheme in any case');
  for (const wrong of [
    '',
    'Bearer',
    'Bearer ',
    `Basic ${TOKENS.admin}`,
    TOKENS.admin,
    `Bearer ${TOKENS.admin} x`,
    `Bearer ${TOKENS.admin}x`,
    `Bearer ${TOKENS.admin.slice(0, -1)}`,
  ])
    t.match(
      await snapshot(wrong),
      { status: 401, body: { code: 'unauthorized', hint: /admin\.token/ } },
      wrong,
    );
  t.equal((await sluice.api(`/api/v1/snapshot?token=${TOKENS.admin}`, { token: null })).status, 401);
});

t.test('unknown paths and methods', async (t) => {
  await using sluice = await withTokens();
  const ask = (path: string, method = 'GET', token: string | null = TOKENS.admin) =>
    sluice.api(path, { method, token });
  t.equal((await ask('/api/v1/nothing', 'GET', null)).status, 401, 'what there is, only who may know learns');
  for (const path of ['/', '/api/v1', '/api/v1/pools/web/../web', '/api/v1//pools', '/API/v1/pools'])
    t.match(await ask(path), { status: 404, body: { code: 'not_found', hint: /openapi/ } }, path);
  t.match(await ask('/api/v1/pools/nope'), { status: 404, body: { code: 'no_pool', hint: /web/ } });
  t.equal((await ask('/api/v1/pools/')).status, 404);
  t.match(await ask('/api/v1/pools/__proto__'), { status: 404, body: { code: 'no_pool' } });
  t.match(await ask('/api/v1/pools/nope/servers'), { status: 404, body: { code: 'no_pool' } });
  t.match(await ask('/api/v1/pools/web/servers/x'), { status: 404, body: { code: 'no_server' } });
  t.match(await ask('/api/v1/pools/%zz'), { status: 400, body: { code: 'bad_request' } });
  t.equal((await ask(`/api/v1/pools/${'x'.repeat(5000)}`)).status >= 400, true);
  const put = await ask(PATH, 'PUT');
  t.match(put, { status: 405, body: { code: 'method_not_allowed' } });
  t.equal(put.headers.allow, 'DELETE, GET, HEAD, PATCH');
  t.equal((await ask('/healthz', 'POST', null)).headers.allow, 'GET, HEAD');
  t.equal((await ask('/api/v1/snapshot', 'OPTIONS')).status, 405);
  t.equal((await ask('/api/v1/snapshot', 'DELETE', TOKENS.viewer)).status, 405);
});

t.test('a page of another origin changes nothing and learns nothing (B61)', async (t) => {
  await using sluice = await withTokens();
  const { port } = sluice;
  const own = `127.0.0.1:${port}`;
  const drain = (headers: Record<string, string>, more: Ask = {}) =>
    sluice.api(`${PATH}/actions/drain`, { method: 'POST', token: TOKENS.admin, headers, ...more });
  const refused: [string, Record<string, string>, string][] = [
    ['rebinding', { host: `evil.example:${port}` }, 'host_refused'],
    ['rebinding to a name that begins like ours', { host: `localhost.evil.example:${port}` }, 'host_refused'],
    ['rebinding to one that ends like ours', { host: `evil-localhost:${port}` }, 'host_refused'],
    ['another address of this network', { host: `10.0.0.1:${port}` }, 'host_refused'],
    ['user info', { host: `localhost@evil.example:${port}` }, 'host_refused'],
    ['another origin', { origin: 'http://evil.example' }, 'origin_refused'],
    ['another port of this machine', { origin: 'http://127.0.0.1:1' }, 'origin_refused'],
    ['a sandboxed page', { origin: 'null' }, 'origin_refused'],
    ['by its own name, not the one called', { origin: `http://localhost:${port}` }, 'origin_refused'],
    ['a cross-site request', { 'sec-fetch-site': 'cross-site' }, 'origin_refused'],
    ['a same-site request', { 'sec-fetch-site': 'same-site' }, 'origin_refused'],
  ];
  for (const [name, headers, code] of refused)
    t.match(await drain(headers), { status: 403, body: { code } }, name);
  t.match(await drain({}, { headers: { 'content-type': 'text/plain' }, body: '{}' }), {
    status: 415,
    body: { code: 'media_type' },
  });
  for (const type of [
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
  ])
    t.equal((await drain({ 'content-type': type }, { body: 'a=1' })).status, 415, type);
  t.match(await sluice.api(PATH, { token: TOKENS.viewer }), { body: { draining: false, state: 'healthy' } });
  t.equal((await sluice.api('/readyz', { headers: { host: 'evil.example' } })).status, 403);
  t.equal(
    (await sluice.api('/api/v1/snapshot', { method: 'OPTIONS', headers: { origin: 'http://evil.example' } }))
      .status,
    403,
    'no preflight is answered',
  );
  for (const headers of [
    { host: own },
    { host: `localhost:${port}` },
    { host: '127.0.0.1' },
    { host: `[::1]:${port}` },
    { origin: `http://${own}` },
    { 'sec-fetch-site': 'same-origin', origin: `http://${own}` },
    { 'sec-fetch-site': 'none' },
  ] as Record<string, string>[])
    t.equal((await drain(headers)).status, 200, JSON.stringify(headers));
});

t.test('every answer forbids caching, sniffing and framing', async (t) => {
  await using sluice = await withTokens();
  for (const path of ['/healthz', '/api/v1/snapshot', '/nothing'])
    t.match((await sluice.api(path, { token: TOKENS.viewer })).headers, {
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-security-policy': /default-src 'none'/,
      'access-control-allow-origin': undefined,
    });
});

t.test('a body of more than 64 KiB, a body before the token', async (t) => {
  await using sluice = await withTokens();
  const body = JSON.stringify({ address: 'a:1', id: 'x'.repeat(64 * 1024) });
  const headers = { 'content-type': 'application/json' };
  const post = (token: string | null) =>
    sluice.api(`${POOL}/servers`, { method: 'POST', token, body, headers });
  t.match(await post(TOKENS.admin), { status: 413, body: { code: 'too_large' } });
  t.equal((await post(null)).status, 401);
});

t.test('bytes that are no request', async (t) => {
  await using sluice = await withTokens();
  const socket = connect(sluice.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write('GARBAGE\r\n\r\n');
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  const [head, body] = Buffer.concat(chunks).toString().split('\r\n\r\n');
  t.match(head, /^HTTP\/1\.1 400 Bad Request\r\nContent-Type: application\/problem\+json/);
  t.match(JSON.parse(body ?? ''), { code: 'bad_request', status: 400 });
  t.equal((await sluice.api('/healthz')).status, 200);
});

t.test('guessing tokens ends after ten a minute', async (t) => {
  await using sluice = await withTokens();
  const attempt = (token: string) => sluice.api('/api/v1/snapshot', { token });
  for (let i = 0; i < 10; i++) t.equal((await attempt(`guess-${i}`)).status, 401);
  for (const token of ['guess-11', TOKENS.admin]) {
    const answer = await attempt(token);
    t.match(
      answer,
      { status: 429, body: { code: 'too_many_attempts' } },
      'the right one is not looked at either',
    );
    const seconds = Number(answer.headers['retry-after']);
    t.ok(seconds >= 1 && seconds <= 60, `Retry-After: ${seconds}`);
  }
  t.equal((await sluice.api('/readyz', { token: null })).status, 200, 'the probes go on');
});

t.test('a program with an outdated token locks nobody out', async (t) => {
  await using sluice = await withTokens();
  const attempt = (token: string | null) => sluice.api('/metrics', { token });
  for (let i = 0; i < 10; i++) t.equal((await attempt('outdated')).status, 401);
  t.equal((await attempt('outdated')).status, 429);
  for (let i = 0; i < 20; i++) t.equal((await attempt(null)).status, 401, 'no token is no guess');
  t.equal((await attempt(TOKENS.viewer)).status, 200);
});

t.test('no token and no secret in log, snapshot or metrics (B61)', async (t) => {
  await using sluice = await withTokens();
  const wrong = 'wrong-token-that-nobody-has';
  await sluice.api('/api/v1/snapshot', { token: wrong });
  await sluice.api(PATH, { method: 'PATCH', body: { weight: 3 }, token: TOKENS.operator });
  await sluice.api('/api/v1/reload', { method: 'POST', token: TOKENS.admin });
  const texts = [];
  for (const path of ['/api/v1/snapshot', '/api/v1/pools', '/metrics', '/api/v1/openapi.json'])
    texts.push((await sluice.api(path, { token: TOKENS.viewer })).text);
  await sluice.daemon.stop();
  texts.push(readFileSync(join(sluice.folder, 'log'), 'utf8'));
  for (const text of texts)
    for (const secret of [...Object.values(TOKENS), wrong]) t.notOk(text.includes(secret));
  t.equal(sluice.logged('wrong token at the admin API').length, 1);
});

t.test('openapi.json describes what is there', async (t) => {
  await using sluice = await withTokens();
  const { body } = await sluice.api('/api/v1/openapi.json', { token: TOKENS.viewer });
  t.match(body, { openapi: '3.1.0', components: { securitySchemes: { token: { scheme: 'bearer' } } } });
  const add = body.paths['/api/v1/pools/{pool}/servers'].post;
  t.match(add.requestBody.content['application/json'].schema, {
    required: ['address'],
    additionalProperties: false,
    properties: { weight: { minimum: 0, maximum: 1000, default: 1 } },
  });
  t.same(Object.keys(add.responses).sort(), ['201', '4XX', '5XX']);
  t.ok(add.responses['4XX'].content['application/problem+json']);
  t.same(body.paths['/readyz'].get.security, []);
});

t.test('metrics for Prometheus', async (t) => {
  await using sluice = await withTokens();
  const { headers, text } = await sluice.api('/metrics', { token: TOKENS.viewer });
  t.match(headers['content-type'], /^text\/plain; version=0\.0\.4/);
  t.match(text, /^# HELP /m);
  t.match(text, /^sluice_\w+\{.*server="127\.0\.0\.1:9".*\} /m);
});
