import { join } from 'node:path';
import t from 'tap';
import { route } from '../../../src/config/schema/route.ts';
import { FakeContext, sluice } from '../../support/cli-context.ts';

const TEXT = `listeners: { web: { port: 8080 } }
routes:
  - { name: private, match: { path: /metrics }, respond: 404 }
  - { name: shop, match: { host: shop.example.com }, pool: web, rate_limit: 20/m }
  - { name: canary, match: { host: next.example.com }, split: { web: 19, next: 1 }, split_by: "header:x-user", priority: low }
  - { name: rest, redirect: { to: "https://other.example/" } }
pools:
  web: { servers: ["127.0.0.1:3001", { address: "127.0.0.1:3002", id: b, weight: 3 }], sticky: { cookie: s, ttl: 1h } }
  next: { servers: ["127.0.0.1:3003"], queue: { priority: "header:x-p" } }
`;

const folder = t.testdir({ 'x.yaml': TEXT, 'bad.yaml': 'listen: 1' });
const ask = (...args: string[]) =>
  sluice(['route', 'test', ...args, '-c', join(folder, 'x.yaml')], new FakeContext(folder));

t.test('as a person reads it: each step with its line', async (t) => {
  const { code, stdout } = await ask('get', 'http://shop.example.com:8080/books?x=1');
  t.equal(code, 0);
  const lines = stdout.split('\n').map((line) => line.replace(/ +/g, ' '));
  t.same(lines, [
    'GET http://shop.example.com:8080/books?x=1',
    '',
    'listener ▸ web: http on port 8080 x.yaml:1',
    'path /books',
    'route private: path /books is not /metrics x.yaml:3',
    'route ▸ shop: host and path match x.yaml:4',
    'limit 20/m for each client address x.yaml:4',
    'pool ▸ web: peak_ewma x.yaml:8',
    'sticky cookie s keeps a client on its server for 1h',
    'server 127.0.0.1:3001, weight 1, 25% of the requests x.yaml:8',
    'server b (127.0.0.1:3002), weight 3, 75% of the requests x.yaml:8',
    '',
    '→ one of 2 servers of pool web answers',
    '',
  ]);
});

t.test('a path alone, with the host in a field', async (t) => {
  const { stdout } = await ask('GET', '/books', '-H', 'Accept: */*', '-H', 'Host: shop.example.com');
  t.match(stdout, /^GET http:\/\/shop\.example\.com\/books\n/);
  t.match(stdout, /▸ shop/);
  t.match(
    (await ask('GET', '/books')).stdout,
    /^GET http:\/\/localhost:8080\/books\n[\s\S]*→ 302|301|307|308 to/,
  );
});

t.test('the side of a split', async (t) => {
  const sides = new Set<string>();
  for (let user = 0; user < 60; user++) {
    const { stdout } = await ask('GET', 'http://next.example.com/', '-H', `X-User: ${user}`);
    const [, side = ''] = /split +web 95%, next 5%; by the header x-user: (\w+)/.exec(stdout) ?? [];
    t.match(stdout, new RegExp(`pool +▸ ${side}`));
    sides.add(side);
  }
  t.same([...sides].sort(), ['next', 'web']);
});

t.test('who would go first, by the route or by what the request says', async (t) => {
  const sideOf = async (user: number, ...more: string[]): Promise<string> =>
    (await ask('GET', 'http://next.example.com/', '-H', `X-User: ${user}`, ...more)).stdout;
  for (let user = 0, seen = 0; seen < 2 && user < 200; user++) {
    const stdout = await sideOf(user);
    if (!stdout.includes('▸ next')) continue;
    seen++;
    t.match(stdout, /priority +low, where it has to wait/);
    t.match(await sideOf(user, '-H', 'X-P: High'), /priority +high, where/);
    t.match(await sideOf(user, '-H', 'X-P: first'), /priority +low, where/);
  }
  t.notMatch((await ask('GET', 'http://shop.example.com:8080/')).stdout, /priority/);
});

t.test('other ends', async (t) => {
  t.match(await ask('GET', '/metrics'), { code: 0, stdout: /→ 404, 0 B of text\/plain/ });
  t.match(await ask('GET', '/a%2fb'), { code: 0, stdout: /→ 400 bad_request: .*encoded slash/ });
  t.match(await ask('GET', 'http://x:99/'), {
    code: 1,
    stdout: /no listener takes http on port 99.*web \(http on port 8080\)/,
  });
});

t.test('as JSON', async (t) => {
  const { code, stdout } = await ask('GET', 'http://shop.example.com/', '--json');
  t.equal(code, 0);
  t.match(JSON.parse(stdout), {
    request: { host: 'shop.example.com', path: '/' },
    listener: { name: 'web', at: 'x.yaml:1' },
    routes: [{ name: 'private' }, { name: 'shop', outcome: 'matched', at: 'x.yaml:4' }],
    limits: [{ of: 'route', limit: { count: 20 } }],
    outcome: {
      type: 'pool',
      pool: 'web',
      servers: [{ id: '127.0.0.1:3001', shareFraction: 0.25 }, { id: 'b' }],
    },
  });
});

t.test('a bad file is shown, code 2', async (t) => {
  const { code, stderr } = await sluice(['route', 'test', 'GET', '/', '-c', join(folder, 'bad.yaml')]);
  t.equal(code, 2);
  t.match(stderr, /bad\.yaml:1:9 +error/);
});

t.test('faults, copies, retries and hedges', async (t) => {
  const text = `listeners: { web: { port: 8080 } }
routes:
  - name: all
    pool: web
    mirror: { pool: next, share: 10% }
    faults: { delay: { time: 2s, share: 5% }, abort: { share: 1% } }
    retry: { attempts: 2, when: [reset, 503], non_idempotent: with_key, per_attempt_timeout: 4s }
pools:
  web: { servers: ["127.0.0.1:3001"], hedge: 50ms }
  next: { servers: ["127.0.0.1:3003"], hedge: p95 }
`;
  const at = t.testdir({ 'm.yaml': text });
  const of = async (url: string, ...args: string[]) =>
    (await sluice(['route', 'test', 'GET', url, '-c', join(at, 'm.yaml'), ...args], new FakeContext(at)))
      .stdout;
  const all = await of('http://a.example:8080/');
  t.match(all, /faults +5% wait 2s, 1% are answered 503 +m\.yaml:3/);
  t.match(all, /mirror +a copy of 10% of the requests goes to a server of pool next +m\.yaml:3/);
  t.match(
    all,
    /retry +up to 2 attempts, after reset, 503, also with an Idempotency-Key, 4s for each +m\.yaml:3/,
  );
  t.match(all, /hedge +a second server is asked after 50ms/);
  t.match(
    await of('http://a.example:8080/', '-H', 'X-Sluice-Mirror: 1'),
    /mirror +none for next: the request is a copy already/,
  );
  t.match(JSON.parse(await of('http://a.example:8080/', '--json')).rules, [
    { key: 'faults', at: 'm.yaml:3' },
    { key: 'mirror' },
    { key: 'retry' },
  ]);
});

t.test('no key of a route is forgotten', async (t) => {
  const shown = {
    'where it goes': [
      'name',
      'listeners',
      'match',
      'pool',
      'split',
      'split_by',
      'redirect',
      'respond',
      'rewrite',
    ],
    'what it asks': ['ip_allow', 'ip_deny', 'cors', 'maintenance', 'auth'],
    'its limits': ['rate_limit', 'concurrency', 'max_body_size', 'bandwidth'],
    'what else it does': [
      'faults',
      'mirror',
      'buffering',
      'headers',
      'retry',
      'timeout',
      'compress',
      'error_pages',
    ],
    'how it waits': ['priority'],
  };
  t.same(Object.values(shown).flat().sort(), Object.keys(route.shape).sort(), 'a new one wants a row');
});

t.test('everything a route can have (a row each)', async (t) => {
  const text = `listeners: { web: { port: 8080 } }
routes:
  - name: all
    match: { path: /all }
    pool: web
    ip_allow: [127.0.0.0/8, 10.0.0.0/8]
    ip_deny: 10.0.0.9
    maintenance: { allow: [127.0.0.1] }
    buffering: { request: 2MiB, response: true }
    headers:
      request: { remove: [cookie], set: { x-route: "{route}" } }
      response: { add: { vary: accept } }
    timeout: 20s
    compress: { types: [text/html], algorithms: [br, gzip] }
    error_pages: { 404: { body: x }, 5xx: { body: y, intercept: true } }
  - { name: half, match: { path: /half }, pool: web, buffering: { response: 64KiB }, compress: { types: ["*"], skip_set_cookie: true } }
pools:
  web: { servers: ["127.0.0.1:3001"] }
`;
  const at = t.testdir({ 'e.yaml': text });
  const rowsOf = async (path: string, ...args: string[]) => {
    const { stdout } = await sluice(
      ['route', 'test', 'GET', path, '-c', join(at, 'e.yaml'), ...args],
      new FakeContext(at),
    );
    const lines = stdout.split('\n').map((line) => line.trim().replace(/ +/g, ' '));
    return lines.filter((line) => / e\.yaml:(?:3|16)$/.test(line) && !line.startsWith('route'));
  };
  t.same(await rowsOf('/all', '-H', 'Accept-Encoding: gzip'), [
    'ip_allow only clients of 127.0.0.0/8, 10.0.0.0/8 e.yaml:3',
    'ip_deny no clients of 10.0.0.9 e.yaml:3',
    'maintenance closed (503) for all but 127.0.0.1 e.yaml:3',
    'buffering bodies are read before a server is chosen, up to 2MiB; larger ones get 413 e.yaml:3',
    'buffering answers are taken from servers up to 1MiB ahead of the client e.yaml:3',
    'headers of requests: without cookie; with x-route: {route} e.yaml:3',
    'headers of answers: beside others vary: accept e.yaml:3',
    'timeout 20s for all of it, retries included e.yaml:3',
    'compress br, gzip: gzip for this request; text/html from 1KiB on e.yaml:3',
    'error_pages 404, 5xx (also in the place of what servers answer) e.yaml:3',
  ]);
  t.same(await rowsOf('/half'), [
    'buffering answers are taken from servers up to 64KiB ahead of the client e.yaml:16',
    'compress zstd, br, gzip: not for this request, which takes none of them; * from 1KiB on, without cookies e.yaml:16',
  ]);
  for (const field of ['Content-Type: application/grpc', 'Upgrade: websocket'])
    t.match(
      (await rowsOf('/half', '-H', field))[0],
      /^buffering none: of gRPC and WebSocket everything passes/,
      field,
    );
});

t.test('rules of another route', async (t) => {
  const text = `listeners: { web: { port: 8080 } }
routes: [{ name: some, pool: next, mirror: web, retry: 1 }]
pools:
  web: { servers: ["127.0.0.1:3001"] }
  next: { servers: ["127.0.0.1:3003"], hedge: p95 }
`;
  const at = t.testdir({ 'n.yaml': text });
  const { stdout } = await sluice(
    ['route', 'test', 'GET', '/', '-c', join(at, 'n.yaml')],
    new FakeContext(at),
  );
  t.match(stdout, /mirror +a copy goes to a server of pool web/);
  t.match(stdout, /retry +never/);
  t.match(stdout, /hedge +a second server is asked when it takes longer than 95% of the answers/);
});

t.test('an answer out of a file, which need not be there', async (t) => {
  const at = t.testdir({
    'f.yaml': 'listeners: { web: { port: 8080 } }\nroutes: [{ name: logo, respond: { file: logo.png } }]\n',
  });
  const of = async (...args: string[]) =>
    (await sluice(['route', 'test', 'GET', '/', '-c', join(at, 'f.yaml'), ...args], new FakeContext(at)))
      .stdout;
  t.match(await of(), /→ 200, logo\.png as image\/png/);
  const { outcome } = JSON.parse(await of('--json'));
  t.same(outcome, { type: 'respond', status: 200, contentType: 'image/png', file: 'logo.png' });
});

t.test('what a route asks of who sends the request', async (t) => {
  const text = `listeners: { web: { port: 8080 } }
routes:
  - { name: staff, match: { path: /staff }, respond: 200, auth: { type: basic, realm: R, users: { ann: { env: A } }, users_file: u } }
  - { name: api, respond: 200, auth: { type: api_key, query: key }, cors: { origins: [https://a.example], credentials: true } }
tenants:
  acme: { api_keys: [{ name: a, env: K }] }
  small: { api_keys: [{ name: a, env: L }], routes: [staff] }
`;
  const at = t.testdir({ 'auth.yaml': text });
  const of = async (path: string, ...args: string[]) =>
    (await sluice(['route', 'test', 'GET', path, '-c', join(at, 'auth.yaml'), ...args], new FakeContext(at)))
      .stdout;
  t.match(
    await of('/staff'),
    /auth +user and password \(realm R\): ann, those in the file \S+\/u +auth\.yaml:3/,
  );
  t.match(
    await of('/x'),
    /auth +an API key in the field x-api-key or the parameter key, of acme +auth\.yaml:4/,
  );
  t.match(await of('/x'), /cors +pages of https:\/\/a\.example, with credentials/);
  t.match(JSON.parse(await of('/x', '--json')).asks, [{ key: 'cors' }, { key: 'auth', at: 'auth.yaml:4' }]);
});

t.test('limits of those whom the request may turn out to be of', async (t) => {
  const text = `listeners: { web: { port: 8080 } }
routes:
  - { name: keys, match: { path: /keys }, respond: 200, auth: api_key, rate_limit: { rate: 5/s, key: tenant } }
  - { name: tokens, match: { path: /tokens }, respond: 200, auth: { type: jwt, issuer: i, secret: { env: S }, tenant_claim: org } }
  - { name: users, match: { path: /users }, respond: 200, auth: { type: basic, users: { ann: { env: A } } } }
  - { name: other, respond: 200 }
tenants:
  acme: { api_keys: [{ name: a, env: K }], rate_limit: { rate: 500/s, burst: 9 }, concurrency: { max: 50, dry_run: true } }
  small: { api_keys: [{ name: a, env: L }], routes: [other], rate_limit: 7/m }
  token: { rate_limit: 9/m }
  free: { api_keys: [{ name: a, env: M }] }
`;
  const at = t.testdir({ 'tenants.yaml': text });
  const of = async (path: string, ...args: string[]): Promise<string> =>
    (
      await sluice(
        ['route', 'test', 'GET', path, '-c', join(at, 'tenants.yaml'), ...args],
        new FakeContext(at),
      )
    ).stdout;
  const limits = async (path: string): Promise<string[]> =>
    [...(await of(path)).matchAll(/limit +(.*?) {2,}tenants\.yaml:(\d+)/g)].map(
      ([, text, line]) => `${line} ${text}`,
    );
  t.same(await limits('/keys'), [
    '3 5/s for each tenant',
    '8 50 at one time for the tenant acme, on all its routes, dry run: refuses nobody',
    '8 500/s for the tenant acme, on all its routes, bursts of 9',
  ]);
  t.same(await limits('/tokens'), [
    '8 50 at one time for the tenant acme, on all its routes, dry run: refuses nobody',
    '8 500/s for the tenant acme, on all its routes, bursts of 9',
    '9 7/m for the tenant small, on all its routes',
    '10 9/m for the tenant token, on all its routes',
  ]);
  t.same(await limits('/users'), []);
  t.same(await limits('/x'), []);
  const { limits: asJson } = JSON.parse(await of('/keys', '--json'));
  t.match(asJson[1], { of: 'tenant', name: 'acme', limit: { max: 50 }, at: 'tenants.yaml:8' });
});
