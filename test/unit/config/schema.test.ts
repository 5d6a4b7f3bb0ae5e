import t from 'tap';
import { aroundPool, loadFine } from './loading.ts';

t.test('defaults are those of the design', (t) => {
  const { config, warnings } = loadFine(t, aroundPool());
  t.strictSame(warnings, []);
  t.match(config, {
    version: 1,
    threads: 'auto',
    shutdown: { drainTimeoutMs: 30_000, preStopDelayMs: 0 },
    admin: { listen: { host: '127.0.0.1', port: 9900 }, tokens: [] },
    store: { path: '/etc/sluice/data' },
    logs: { level: 'info', format: 'auto', access: { enabled: true, sampleFraction: 1 } },
  });
  t.strictSame(config.listeners[0], {
    name: 'http',
    address: undefined,
    port: 80,
    socket: undefined,
    redirectTo: undefined,
    tls: undefined,
    engine: 'raw',
    http2: false,
    h2c: false,
    trustedProxies: [],
    proxyProtocol: 'none',
    limits: {
      maxConnections: 20_000,
      maxHeaderSizeBytes: 16_384,
      maxBodySizeBytes: undefined,
      maxFields: 100,
      maxTargetBytes: 8192,
      headerTimeoutMs: 10_000,
      bodyTimeoutMs: 60_000,
      idleTimeoutMs: 75_000,
      minRateBytesPerSecond: 256,
      tunnelIdleTimeoutMs: 3_600_000,
    },
    ipAllow: [],
    ipDeny: [],
    concurrency: [],
    rateLimits: [],
    source: { file: 'sluice.yaml', line: 1 },
  });
  t.strictSame(config.pools[0], {
    name: 'web',
    algorithm: 'peak_ewma',
    hash: undefined,
    slowStartMs: 0,
    panic: 0,
    outliers: {
      consecutiveErrors: 5,
      failureRate: 0.5,
      intervalMs: 10_000,
      minRequests: 20,
      ejectionMs: 30_000,
      maxEjected: 0.5,
    },
    breaker: undefined,
    servers: [
      {
        id: '10.0.0.1:80',
        host: '10.0.0.1',
        port: 80,
        weight: 1,
        backup: false,
        maxConnections: undefined,
        maintenance: false,
        zone: undefined,
        source: { file: 'sluice.yaml', line: 5 },
      },
    ],
    discovery: [],
    sticky: undefined,
    health: {
      type: 'tcp',
      port: undefined,
      intervalMs: 5000,
      timeoutMs: 2000,
      rise: 2,
      fall: 3,
      jitterFraction: 0.1,
    },
    agent: undefined,
    queue: { max: 1000, timeoutMs: 5000, priorityField: undefined },
    subset: undefined,
    adaptive: undefined,
    retry: {
      attempts: 3,
      failures: ['connect_error', 'reset', 'timeout', 'bad_answer'],
      statuses: [],
      nonIdempotent: 'never',
      attemptTimeoutMs: undefined,
      backoff: { baseMs: 25, maxMs: 250 },
      budget: 0.2,
    },
    hedge: undefined,
    upstream: {
      host: { type: 'preserve' },
      tls: undefined,
      protocol: 'http1',
      proxyProtocol: 'none',
      connectTimeoutMs: 2000,
      firstByteTimeoutMs: 30_000,
      keepalive: 64,
    },
    source: { file: 'sluice.yaml', line: 4 },
  });
  t.end();
});

t.test('short forms of a pool and what they stand for', (t) => {
  const rows: readonly (readonly [line: string, expected: object])[] = [
    ['health: /healthz', { health: { type: 'http', path: '/healthz', expect: { statuses: [[200, 299]] } } }],
    ['health: tcp', { health: { type: 'tcp' } }],
    ['health: icmp', { health: { type: 'icmp' } }],
    [
      'health: { path: /up, interval: 5m }',
      { health: { type: 'http', path: '/up', intervalMs: 300_000, timeoutMs: 2000 } },
    ],
    ['health: { interval: 1s }', { health: { type: 'http', path: '/', intervalMs: 1000, timeoutMs: 1000 } }],
    [
      'health: { type: https, expect: { status: 204 } }',
      { health: { type: 'https', expect: { statuses: [[204, 204]] } } },
    ],
    [
      'health: { expect: { status: [200, "301-302,404"], body: ok } }',
      {
        health: {
          expect: {
            statuses: [
              [200, 200],
              [301, 302],
              [404, 404],
            ],
            body: 'ok',
          },
        },
      },
    ],
    ['health: { type: tcp, port: 99, jitter: 0% }', { health: { type: 'tcp', port: 99, jitterFraction: 0 } }],
    [
      'sticky: cookie',
      {
        sticky: {
          cookie: 'sluice',
          ttlMs: undefined,
          path: '/',
          domain: undefined,
          sameSite: 'lax',
          secure: 'auto',
        },
        algorithm: 'peak_ewma',
      },
    ],
    ['sticky: { cookie: shop, ttl: 1h }', { sticky: { cookie: 'shop', ttlMs: 3_600_000 } }],
    [
      'sticky: { path: /a, domain: example.com, same_site: none, secure: always }',
      {
        sticky: {
          cookie: 'sluice',
          path: '/a',
          domain: 'example.com',
          sameSite: 'none',
          secure: 'always',
        },
      },
    ],
    ['sticky: ip', { sticky: undefined, algorithm: 'ip_hash' }],
    [
      'sticky: "header:X-User"',
      {
        sticky: undefined,
        algorithm: 'consistent_hash',
        hash: { key: { kind: 'header', name: 'x-user' }, table: 'ring', maxLoad: 0 },
      },
    ],
    ['sticky: false', { sticky: undefined }],
    ['queue: 7', { queue: { max: 7, timeoutMs: 5000 } }],
    ['queue: { priority: "header:X-Priority" }', { queue: { max: 1000, priorityField: 'x-priority' } }],
    ['retry: 1', { retry: { attempts: 1 } }],
    ['algorithm: weighted', { algorithm: 'weighted' }],
    ['upstream: { host: server }', { upstream: { host: { type: 'server' } } }],
    [
      'upstream: { host: "web.internal:81" }',
      { upstream: { host: { type: 'literal', value: 'web.internal:81' } } },
    ],
    [
      'upstream: { tls: true }',
      { upstream: { tls: { caPath: undefined, serverName: undefined, verify: true } } },
    ],
    [
      'upstream: { tls: { ca: ca.crt, name: web.internal, verify: false } }',
      { upstream: { tls: { caPath: '/etc/sluice/ca.crt', serverName: 'web.internal', verify: false } } },
    ],
  ];
  for (const [line, expected] of rows) t.match(loadFine(t, aroundPool(line)).config.pools[0], expected, line);
  t.equal(loadFine(t, aroundPool('health: false')).config.pools[0]?.health, undefined);
  const secure = loadFine(t, aroundPool().replace('[10.0.0.1:80]', '["https://a.example"]')).config.pools[0];
  t.match(secure, { servers: [{ id: 'a.example:443' }], upstream: { tls: { verify: true } } });
  t.end();
});

t.test('routes are resolved: names, listeners, patterns, actions', (t) => {
  const { config } = loadFine(
    t,
    `certificates: { a: { self_signed: [localhost, "::1", "*.dev.example"] } }
listeners:
  plain: { port: 80, redirect: https }
  one: { port: 443, tls: { certificates: [a], strict_sni: true } }
  two: { port: 8081, address: "::1" }
routes:
  - { match: { host: Shop.Example, path: [/a, /b/*] }, pool: web, timeout: 15s, rate_limit: [{ rate: 8/h, shared: true }, { rate: 20/m, burst: 5 }, { rate: 9/s, key: "header:X-User", dry_run: true }], concurrency: 7, max_body_size: 1KiB, bandwidth: 2KiB/s, buffering: { request: 64KiB, response: true } }
  - { match: { path: "/b" }, pool: web, listeners: two }
  - { match: { path: /old }, redirect: /new }
  - { match: { path: /secure, host: "*.x.example" }, redirect: { to: https, status: 301 } }
  - { match: { path: /*, host: "*" }, respond: { status: 200, body: hi, content_type: text/html }, ip_deny: [10.0.0.0/8] }
shared_limits: { url: "rediss://cache:6380/2", password: not-so-secret-but-long, ca: redis.crt }
pools: { web: { servers: ["10.0.0.1:80"] } }
`,
  );
  t.match(config.sharedLimits, {
    url: 'rediss://cache:6380/2',
    username: undefined,
    prefix: 'sluice',
    timeoutMs: 200,
    caPath: /\/redis\.crt$/,
  });
  t.equal(config.sharedLimits?.password?.reveal(), 'not-so-secret-but-long');
  t.equal(config.listeners[0]?.redirectTo, 'one');
  t.match(config.listeners[1]?.tls, { certificates: ['a'], minVersion: '1.2', strictSni: true });
  t.strictSame(
    config.routes.map(({ name, listeners, match, action }) => [
      name,
      listeners.join(),
      match.hosts.join(),
      match.paths.join(),
      action.type,
    ]),
    [
      ['web', 'one,two', 'shop.example', '/a,/b/*', 'pool'],
      ['route-2', 'two', '', '/b', 'pool'],
      ['route-3', 'one,two', '', '/old', 'redirect'],
      ['route-4', 'one,two', '*.x.example', '/secure', 'redirect'],
      ['route-5', 'one,two', '', '', 'respond'],
    ],
  );
  t.match(config.routes[0], {
    timeoutMs: 15_000,
    buffering: { requestBytes: 65_536, responseBytes: 1_048_576 },
    meter: { maxBodyBytes: 1024, downloadRate: 2048, uploadRate: 0 },
    rateLimits: [
      { count: 8, windowMs: 3_600_000, key: { kind: 'client_ip' }, shared: true },
      { count: 20, windowMs: 60_000, burst: 5, key: { kind: 'client_ip' }, dryRun: false },
      { count: 9, windowMs: 1000, burst: undefined, key: { kind: 'header', name: 'x-user' }, dryRun: true },
    ],
    concurrency: [{ max: 7, key: { kind: 'client_ip' }, dryRun: false }],
  });
  t.strictSame(config.routes[2]?.action, {
    type: 'redirect',
    to: '/new',
    status: 308,
    keepsQuery: true,
  });
  t.strictSame(config.routes[4]?.action, {
    type: 'respond',
    status: 200,
    body: 'hi',
    contentType: 'text/html',
  });
  t.strictSame(
    config.routes.map((each) => each.source.line),
    [7, 8, 9, 10, 11],
  );
  t.match(config.certificates, [{ type: 'self_signed', names: ['localhost', '::1', '*.dev.example'] }]);
  t.end();
});
