/** Configuration -> snapshot: every word of the file arrives at the part that needs it, as plain data that can be posted. */
import t from 'tap';
import {
  buildSnapshot,
  healthPools,
  listenerKey,
  poolDefinitions,
  poolKey,
  slotKeys,
} from '../../../src/assembly/build-snapshot.ts';
import type { Snapshot } from '../../../src/assembly/snapshot.ts';
import { loadConfig, type ResolvedConfig } from '../../../src/config/index.ts';
import { serverKey } from '../../../src/control/index.ts';

const FULL = `
certificates: { local: { self_signed: [localhost] } }
listeners:
  http: { port: 80, redirect: https }
  https:
    address: 127.0.0.1
    port: 0
    tls: { certificates: [local], min_version: "1.3", strict_sni: true }
    trusted_proxies: [10.0.0.0/8]
    ip_allow: [10.0.0.0/8]
    ip_deny: [10.0.0.9]
    rate_limit: { rate: 100/s, burst: 50 }
    limits: { max_connections: 7, max_header_size: 8KiB, max_body_size: 1MiB, max_fields: 50, max_target: 4KiB, header_timeout: 1s, body_timeout: 2s, idle_timeout: 3s, min_rate: 10B/s, tunnel_idle_timeout: 4s }
routes:
  - { name: closed, match: { host: "*.example.com", path: /admin/* }, respond: { status: 403, body: "no", content_type: text/html } }
  - { name: moved, match: { path: /old }, redirect: { to: /new, status: 307 } }
  - { name: api, listeners: https, match: { path: [/api/*, /v2] }, pool: web, rate_limit: 20/m, ip_allow: [10.1.0.0/16], ip_deny: [10.1.0.1], timeout: 15s }
pools:
  web:
    algorithm: least_connections
    servers:
      - 10.0.0.1:8080
      - { id: second, address: "[::1]:8081", weight: 3, backup: true, max_connections: 9, maintenance: true }
    sticky: { cookie: where, ttl: 1h }
    health: /healthz
    queue: { max: 5, timeout: 2s, priority: "header:X-P" }
    subset: 20
    retry: 4
    upstream: { host: fixed.example, connect_timeout: 1s, first_byte_timeout: 6s, keepalive: 8, tls: { ca: ca.pem, name: web.internal } }
  plain: { servers: [10.0.0.5:80], health: false, upstream: { host: server } }
`;

function load(text: string): ResolvedConfig {
  const result = loadConfig(
    { text, name: 'sluice.yaml', baseDir: '/etc/sluice' },
    { env: {}, wallMs: Date.UTC(2026, 10, 21), checkFiles: false },
  );
  if (!result.ok) throw new Error(JSON.stringify(result.diagnostics, null, 2));
  return result.config;
}

/** With slots and cells that can be told apart. */
function build(config: ResolvedConfig): { snapshot: Snapshot; slots: string[]; cells: string[] } {
  const slots: string[] = [];
  const cells: string[] = [];
  const numbered = (list: string[], key: string): number => {
    if (!list.includes(key)) list.push(key);
    return list.indexOf(key);
  };
  const snapshot = buildSnapshot(config, {
    node: 'one',
    generation: 7,
    pools: poolDefinitions(config),
    certificates: [],
    ports: new Map([
      ['http', 80],
      ['https', 44_300],
    ]),
    authorities: new Map([['/etc/sluice/ca.pem', 'PEM']]),
    slotOf: (key) => ({ slot: numbered(slots, key), generation: 100 }),
    cellsOf: (kind, ...labels) => numbered(cells, [kind, ...labels].join(' ')),
  });
  return { snapshot, slots, cells };
}

const config = load(FULL);
const { snapshot, slots, cells } = build(config);

t.test('it can be posted to a thread', async (t) => {
  t.same(structuredClone(snapshot), snapshot);
  t.equal(snapshot.generation, 7);
});

t.test('listeners', async (t) => {
  const [http, https] = snapshot.listeners;
  t.match(http, {
    name: 'http',
    port: 80,
    tls: null,
    redirectPort: 44_300,
    concurrency: [],
    meter: null,
    rateLimits: [],
    trustedProxies: [],
  });
  t.equal(http?.host, undefined, 'all addresses');
  t.match(https, {
    name: 'https',
    host: '127.0.0.1',
    port: 44_300,
    tls: { certificates: ['local'], minVersion: '1.3', strictSni: true },
    redirectPort: null,
    trustedProxies: ['10.0.0.0/8'],
    ipAllow: ['10.0.0.0/8'],
    ipDeny: ['10.0.0.9'],
    concurrency: [],
    meter: null,
    rateLimits: [
      {
        name: 'listener:https',
        count: 100,
        windowMs: 1000,
        burst: 50,
        key: { kind: 'client_ip' },
        dryRun: false,
        shared: false,
      },
    ],
    maxConnections: 7,
    tunnelIdleTimeoutMs: 4000,
    limits: {
      maxHeadBytes: 8192,
      maxFields: 50,
      maxTargetBytes: 4096,
      maxBodyBytes: 1_048_576,
      headerTimeoutMs: 1000,
      bodyTimeoutMs: 2000,
      idleTimeoutMs: 3000,
      minRate: 10,
    },
  });
  t.equal(slots[https?.slot ?? -1], listenerKey('https'));
  t.equal(cells[https?.cells ?? -1], 'listener https');
  t.equal(cells[https?.noRouteCells ?? -1], 'route ');
  t.equal(http?.limits.maxBodyBytes, 0, 'no limit');
});

t.test('routes', async (t) => {
  const [closed, moved, api] = snapshot.routes;
  t.match(closed, {
    name: 'closed',
    hosts: ['*.example.com'],
    paths: ['/admin/*'],
    action: { kind: 'respond', status: 403, body: 'no', contentType: 'text/html' },
    concurrency: [],
    meter: null,
    rateLimits: [],
    timeoutMs: 0,
  });
  t.match(moved, { action: { kind: 'redirect', to: '/new', status: 307 }, hosts: [] });
  t.match(api, {
    listeners: ['https'],
    paths: ['/api/*', '/v2'],
    action: { kind: 'pool', pool: 'web' },
    concurrency: [],
    meter: null,
    rateLimits: [
      {
        name: 'route:api',
        count: 20,
        windowMs: 60_000,
        burst: undefined,
        key: { kind: 'client_ip' },
        dryRun: false,
        shared: false,
      },
    ],
    ipAllow: ['10.1.0.0/16'],
    ipDeny: ['10.1.0.1'],
    timeoutMs: 15_000,
  });
  t.equal(cells[api?.cells ?? -1], 'route api');
});

t.test('pools and servers', async (t) => {
  const [web, plain] = snapshot.pools;
  t.match(web, {
    name: 'web',
    algorithm: 'least_connections',
    sticky: { cookie: 'where', ttlMs: 3_600_000 },
    queue: { max: 5, timeoutMs: 2000 },
    priorityField: 'x-p',
    subset: { size: 20, node: 'one' },
    retry: { attempts: 4, statuses: [] },
    retryShare: 0.2,
    host: { kind: 'literal', value: 'fixed.example' },
    upstreamTls: { ca: 'PEM', name: 'web.internal', verify: true },
    connectTimeoutMs: 1000,
    firstByteTimeoutMs: 6000,
    keepalive: 8,
    servers: [
      {
        id: '10.0.0.1:8080',
        address: '10.0.0.1:8080',
        host: '10.0.0.1',
        port: 8080,
        tls: true,
        backup: false,
      },
      {
        id: 'second',
        address: '[::1]:8081',
        host: '::1',
        port: 8081,
        tls: true,
        backup: true,
        generation: 100,
      },
    ],
  });
  t.equal(slots[web?.slot ?? -1], poolKey('web'));
  t.equal(slots[web?.servers[1]?.slot ?? -1], serverKey('web', { id: 'second', host: '::1', port: 8081 }));
  t.same(
    web?.serverCells.map((it) => cells[it]),
    ['server web 10.0.0.1:8080', 'server web second'],
  );
  t.match(plain, { sticky: null, upstreamTls: null, host: { kind: 'server' }, algorithm: 'peak_ewma' });
  t.equal(plain?.servers[0]?.tls, false);
});

t.test('definitions for the registry: what may change while running', async (t) => {
  const [web, plain] = poolDefinitions(config);
  t.match(web, {
    isChecked: true,
    servers: [
      { id: '10.0.0.1:8080', weight: 1, backup: false, maxConnections: 0, maintenance: false },
      {
        id: 'second',
        host: '::1',
        port: 8081,
        weight: 3,
        backup: true,
        maxConnections: 9,
        maintenance: true,
      },
    ],
  });
  t.equal(plain?.isChecked, false);
});

t.test('a key for everything that has a slot, no two alike', async (t) => {
  const keys = slotKeys(config, poolDefinitions(config));
  t.equal(new Set(keys).size, 2 + 2 + 3);
  const alike = load(`
listeners: { x: { port: 81 } }
routes: [{ pool: x }]
pools: { x: { servers: [{ id: x, address: "10.0.0.1:80" }] } }
`);
  t.equal(new Set(slotKeys(alike, poolDefinitions(alike))).size, 3, 'though all are named x');
});

t.test('servers as they are now, not as the file has them', async (t) => {
  const pools = poolDefinitions(config).map((it) => ({ ...it, servers: it.servers.slice(0, 1) }));
  const { pools: built } = buildSnapshot(config, {
    node: 'one',
    generation: 1,
    pools,
    certificates: [],
    ports: new Map(),
    authorities: new Map(),
    slotOf: () => ({ slot: 0, generation: 0 }),
    cellsOf: () => 0,
  });
  t.same(
    built.map((it) => it.servers.length),
    [1, 1],
  );
  const stranger = { name: 'stranger', isChecked: false, slowStartMs: 0, servers: [] };
  t.throws(() => healthPools(config, [stranger], new Map()), /stranger/);
});

t.test('what health checks need to know', async (t) => {
  const [web, plain] = healthPools(config, poolDefinitions(config), new Map([['/etc/sluice/ca.pem', 'PEM']]));
  t.match(web, {
    name: 'web',
    check: { type: 'http', path: '/healthz' },
    servers: [
      {
        id: '10.0.0.1:8080',
        host: '10.0.0.1',
        port: 8080,
        tls: { ca: 'PEM', serverName: 'web.internal', verify: true },
      },
      { id: 'second' },
    ],
  });
  t.equal(plain?.check, undefined);
  t.equal(plain?.servers[0]?.tls, undefined);
});
