import t from 'tap';
import { type AskedRequest, explainRequest, type Outcome } from '../../../src/assembly/explain.ts';
import { loadConfig, type ResolvedConfig } from '../../../src/config/index.ts';

const TEXT = `certificates: { local: { self_signed: [localhost] } }
listeners:
  plain: { port: 80, redirect: https }
  secure: { port: 8443, tls: { certificates: [local] }, rate_limit: 100/s, ip_deny: [10.6.6.0/24] }
  inside: { port: 8081 }
  other: { port: 8082 }
routes:
  - { name: closed, match: { path: /admin/* }, respond: { status: 403, body: no } }
  - { name: moved, match: { path: /old/* }, redirect: { to: "https://www.example.com/new/*", status: 301, keep_query: false } }
  - { name: up, listeners: [inside], match: { path: /up }, redirect: https }
  - { name: staff, match: { host: staff.example.com }, pool: web, ip_allow: [10.0.0.0/8] }
  - { name: shop, match: { host: [shop.example.com, "*.shop.example.com"] }, pool: web, rate_limit: { rate: 20/m, burst: 5 } }
  - { name: canary, match: { path: /canary }, split: { web: 1, spare: 0 }, split_by: "header:x-user" }
  - { name: half, match: { path: /half }, split: { web: 1, spare: 1 }, split_by: "cookie:side" }
  - { name: empty, match: { path: /empty }, pool: spare }
pools:
  web:
    servers:
      - { address: 10.0.0.11:80, weight: 3 }
      - { address: 10.0.0.12:80, id: second }
      - { address: 10.0.0.13:80, backup: true }
      - { address: 10.0.0.14:80, weight: 0 }
      - { address: 10.0.0.15:80, maintenance: true }
  spare: { servers: [{ address: 10.0.0.16:80, backup: true }] }
`;

function config(): ResolvedConfig {
  const loaded = loadConfig(
    { text: TEXT, name: 'test.yaml', baseDir: '/' },
    { env: {}, wallMs: 0, checkFiles: false },
  );
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.diagnostics, null, 1));
  return loaded.config;
}

function ask(fields: Partial<AskedRequest>): AskedRequest {
  return {
    method: 'GET',
    scheme: 'https',
    port: 8443,
    authority: 'shop.example.com',
    target: '/',
    clientIp: '127.0.0.1',
    headers: [],
    ...fields,
  };
}

t.test('what becomes of a request', (t) => {
  const rows: readonly (readonly [
    what: string,
    fields: Partial<AskedRequest>,
    outcome: Partial<Outcome>,
    route: string | undefined,
  ])[] = [
    ['to a pool', {}, { type: 'pool' }, 'shop'],
    ['a wildcard host', { authority: 'A.Shop.Example.com.:8443' }, { type: 'pool' }, 'shop'],
    ['answered by a route', { target: '/admin/x?y' }, { type: 'respond', status: 403, body: 'no' }, 'closed'],
    [
      'by the normal form of the path',
      { target: '/x/../%61dmin/' },
      { type: 'respond', status: 403, body: 'no' },
      'closed',
    ],
    [
      'redirected with what its prefix has left over',
      { target: '/old//a?b=1' },
      { type: 'redirect', status: 301, location: 'https://www.example.com/new/a' },
      'moved',
    ],
    [
      'redirected by its listener, which looks at no route',
      { scheme: 'http', port: 80, target: '/admin/x' },
      { type: 'redirect', status: 308, location: 'https://shop.example.com:8443/admin/x' },
      undefined,
    ],
    [
      'redirected to https by a route of one listener',
      { listener: 'inside', target: '/up' },
      { type: 'redirect', location: 'https://shop.example.com:8443/up' },
      'up',
    ],
    [
      'no route',
      { authority: 'else.example' },
      { type: 'refused', status: 404, reason: 'no_route' },
      undefined,
    ],
    [
      'an ambiguous path',
      { target: '/a%2fb' },
      { type: 'refused', status: 400, reason: 'bad_request' },
      undefined,
    ],
    ['TRACE', { method: 'TRACE' }, { type: 'refused', status: 405, reason: 'method_refused' }, undefined],
    [
      'a client that the route does not let in',
      { authority: 'staff.example.com' },
      { type: 'refused', status: 403, reason: 'forbidden' },
      'staff',
    ],
    [
      'a client that the route lets in',
      { authority: 'staff.example.com', clientIp: '10.1.1.1' },
      { type: 'pool' },
      'staff',
    ],
    ['a client that the listener shuts out', { clientIp: '10.6.6.6' }, { type: 'unreachable' }, undefined],
    ['no such listener', { listener: 'nosuch' }, { type: 'unreachable' }, undefined],
    ['no such port', { port: 1 }, { type: 'unreachable' }, undefined],
    ['the default port of the only listener with TLS', { port: 443 }, { type: 'pool' }, 'shop'],
  ];
  for (const [what, fields, outcome, route] of rows) {
    const explanation = explainRequest(config(), ask(fields));
    t.match(explanation.outcome, outcome, what);
    const last = explanation.routes.at(-1);
    t.equal(last?.outcome === 'matched' ? last.name : undefined, route, `${what}: route`);
  }
  t.end();
});

t.test('the side of a split', (t) => {
  const sideOf = (target: string, value: string): string | undefined => {
    const cookie = ['cookie', `a=b; side=${value}`] as const;
    const asked = ask({ authority: 'else.example', target, headers: [cookie] });
    const { outcome } = explainRequest(config(), asked);
    return outcome.type === 'pool' && outcome.split !== undefined ? outcome.pool.name : undefined;
  };
  const sides = Array.from({ length: 20 }, (_, user) => sideOf('/half', `${user}`));
  t.same(new Set(sides), new Set(['web', 'spare']));
  t.equal(sideOf('/half', '7'), sides[7], 'the same again');
  t.same(
    new Set(Array.from({ length: 20 }, (_, user) => sideOf('/canary', `${user}`))),
    new Set(['web']),
    'the other is off',
  );
  t.end();
});

t.test('which server gets what share, and why one gets none', (t) => {
  const { outcome } = explainRequest(config(), ask({}));
  if (outcome.type !== 'pool') throw new Error(outcome.type);
  t.same(
    outcome.servers.map(({ id, shareFraction, why }) => [id, shareFraction, why]),
    [
      ['10.0.0.11:80', 0.75, ''],
      ['second', 0.25, ''],
      ['10.0.0.13:80', 0, 'backup'],
      ['10.0.0.14:80', 0, 'weight 0'],
      ['10.0.0.15:80', 0, 'maintenance'],
    ],
  );
  t.equal(outcome.servers[1]?.source.line, 20);
  t.equal(outcome.servers[1]?.address, '10.0.0.12:80');
  const spare = explainRequest(config(), ask({ authority: 'x', target: '/empty' })).outcome;
  if (spare.type !== 'pool') throw new Error(spare.type);
  t.equal(spare.servers[0]?.why, '', 'a backup serves where there is nobody else');
  t.end();
});

t.test('limits of listener and route, in the order in which they are asked', (t) => {
  const { limits } = explainRequest(config(), ask({}));
  t.match(limits, [
    { of: 'listener', name: 'secure', limit: { count: 100, windowMs: 1000 }, source: { line: 4 } },
    { of: 'route', name: 'shop', limit: { count: 20, windowMs: 60_000, burst: 5 }, source: { line: 12 } },
  ]);
  t.end();
});

t.test('every route before the one that takes it, and why not', (t) => {
  const { routes } = explainRequest(config(), ask({}));
  t.same(
    routes.map(({ name, outcome }) => [name, outcome]),
    [
      ['closed', 'other_path'],
      ['moved', 'other_path'],
      ['up', 'other_listener'],
      ['staff', 'other_host'],
      ['shop', 'matched'],
    ],
  );
  t.match(routes[0], { source: { file: 'test.yaml', line: 8 }, detail: 'path / is not /admin/*' });
  t.end();
});
