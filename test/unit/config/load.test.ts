import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { loadConfig, onePoolSource } from '../../../src/config/index.ts';
import { aroundPool, load, loadFine, report } from './loading.ts';

t.test(
  'a duplicate key, an unknown key, a bad unit, an unknown pool and a missing file are all reported at once',
  (t) => {
    const text = `version: 1
certificates:
  shop: { cert: certs/shop.crt, key: certs/shop.key }
listeners:
  https: { port: 443, tls: { certificates: [shop] } }
pools:
  web:
    servers:
      - address: 10.0.0.11:8080
        wieght: 2
    health: { interval: 5 minutes }
  web:
    servers: [10.0.0.12:8080]
routes:
  - { name: api, match: { path: /api/* }, pool: wbe }
`;
    const missing = (path: string): string => {
      throw Object.assign(new Error(`no such file ${path}`), { code: 'ENOENT' });
    };
    const result = load(text, { checkFiles: true, readFile: missing });
    t.equal(result.ok, false);
    t.strictSame(report(result), [
      '3:17-31 error certificates.shop.cert: the certificate "certs/shop.crt" does not exist (/etc/sluice/certs/shop.crt).',
      '3:38-52 error certificates.shop.key: the private key "certs/shop.key" does not exist (/etc/sluice/certs/shop.key).',
      '7:3-6 warning pools.web: no route leads to the pool "web".',
      '10:9-15 error pools.web.servers[0]: unknown key "wieght" – did you mean "weight"?',
      '11:25-34 error pools.web.health.interval: "5 minutes" is not a time. Write 5m or 300s.',
      '12:3-6 error pools: duplicate key "web": it is already given in line 7.',
      '15:49-52 error routes[0].pool: no pool is called "wbe" – did you mean "web"?',
    ]);
    t.end();
  },
);

t.test('a duplicate key hides nothing, at any depth and of any kind', (t) => {
  const text = `listeners:
  http: { port: 80 }
pools:
  a: { servers: [nonsense] }
routes:
  - pool: b
pools:
  b: { servers: [10.0.0.1:1], algorithm: fast, algorithm: random }
`;
  t.strictSame(report(load(text)), [
    '4:3-4 warning pools.a: no route leads to the pool "a".',
    '4:18-26 error pools.a.servers[0].address: "nonsense" has no port. Write nonsense:8080.',
    '7:1-6 error : duplicate key "pools": it is already given in line 3.',
    '8:48-57 error pools.b: duplicate key "algorithm": it is already given in line 8.',
  ]);
  t.end();
});

t.test('texts that are no YAML, or hostile', (t) => {
  const depth = `a: ${'['.repeat(100_000)}`;
  const laughs = [
    'a: &a [x,x,x,x,x,x,x,x,x,x]',
    ...'bcdefgh'.split('').map((name, index) => {
      const before = 'abcdefgh'[index];
      return `${name}: &${name} [${Array(10).fill(`*${before}`).join(',')}]`;
    }),
  ].join('\n');
  const rows: readonly (readonly [string, RegExp])[] = [
    ['listen: [', /^1:\d+-\d+ error : Not valid YAML: /],
    ['a: 1\n\tb: 2', /^2:1-\d+ error : Not valid YAML: Tabs are not allowed/],
    ['servers: !include x', /^1:10-18 error : Tags \(!name\) are not used here\./],
    [depth, /Brackets are nested more than 64 deep/],
    [`a:\n${'- '.repeat(100)}x`, /Lists and mappings are nested more than 64 deep/],
    [`${'? '.repeat(20_000)}x`, /Lists and mappings are nested more than 64 deep/],
    [Array.from({ length: 80 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'), /nested more than 64 deep/],
    [laughs, /Too many aliases/],
    ['x'.repeat(5 * 1024 * 1024), /larger than 4 MiB/],
    ['', /^1:1-1 error : The file is empty\./],
    ['# nothing\n', /^1:1-1 error : The file is empty\./],
    ['- a\n- b', /a mapping \(key: value\) is needed here, not a list/],
    ['just text', /a mapping \(key: value\) is needed here/],
    ['a: *nobody', /^1:4-11 error : Nothing above is marked with &nobody\./],
  ];
  for (const [text, expected] of rows) {
    const result = load(text);
    t.equal(result.ok, false, text.slice(0, 30));
    t.match(report(result)[0], expected, text.slice(0, 30));
  }
  t.end();
});

t.test('aliases and merge keys work, and errors below them point at the definition', (t) => {
  const text = `listeners: { http: { port: 80 } }
routes: [{ pool: a }, { match: { path: /b }, pool: b }]
pools:
  a:
    servers:
      - &base { address: 10.0.0.1:80, weight: 7 }
  b:
    servers:
      - { <<: *base, backup: true }
`;
  const { config } = loadFine(t, text);
  t.match(config.pools[1]?.servers[0], { host: '10.0.0.1', weight: 7, backup: true });
  t.strictSame(
    report(load(text.replace('weight: 7', 'weight: heavy'))).filter((each) => each.includes('error')),
    [
      '6:47-52 error pools.a.servers[0].weight: "heavy" is not a whole number from 0 to 1000.',
      '6:47-52 error pools.b.servers[0].weight: "heavy" is not a whole number from 0 to 1000.',
    ],
  );
  t.end();
});

t.test('variables: as texts, as numbers where a number is wanted, and what is wrong with them', (t) => {
  const text = `listeners: { http: { port: "\${PORT}", limits: { idle_timeout: "\${IDLE:-75s}" } } }
routes: [{ pool: web }]
pools:
  web:
    servers: ["\${HOST}:3001", { address: "127.0.0.1:\${PORT}", backup: "\${BACKUP}" }]
    health: \${HEALTH}
`;
  const env = { PORT: '8081', HOST: 'backend', BACKUP: 'true', HEALTH: 'false' };
  const { config } = loadFine(t, text, { env });
  t.equal(config.listeners[0]?.port, 8081);
  t.equal(config.listeners[0]?.limits.idleTimeoutMs, 75_000);
  t.match(config.pools[0]?.servers, [{ id: 'backend:3001' }, { port: 8081, backup: true }]);
  t.equal(config.pools[0]?.health, undefined, 'health: false');
  t.strictSame(report(load(text, { env: { ...env, PORT: 'http' } })), [
    '1:28-37 error listeners.http.port: "http" is not a whole number from 0 to 65535.',
    '5:42-61 error pools.web.servers[1].address: "127.0.0.1:http" is not an address. Write host:port, like 10.0.0.11:8080.',
  ]);
  t.strictSame(report(load(text, { env: { ...env, HOST: undefined } })), [
    '5:15-29 error pools.web.servers[0]: ${HOST} is not set. Set it, or write ${HOST:-default}.',
  ]);
  t.end();
});

t.test('secrets come from the file, a variable or another file, and are never shown', (t) => {
  const text = `admin:
  tokens:
    - { name: a, role: admin, token: literal-literal-literal }
    - { name: b, role: viewer, token: { env: TOKEN } }
    - { name: c, role: operator, token: { file: secrets/c } }
listen: ":80"
servers: [":3001"]
`;
  const files: Readonly<Record<string, string>> = { '/etc/sluice/secrets/c': 'from-a-file-from-a-file\n' };
  const readFile = (path: string): string => files[path] ?? '';
  const options = { env: { TOKEN: 'from-the-environment' }, readFile, checkFiles: true };
  const { config } = loadFine(t, text, options);
  t.strictSame(
    config.admin.tokens.map((each) => each.token.reveal()),
    ['literal-literal-literal', 'from-the-environment', 'from-a-file-from-a-file'],
  );
  t.notMatch(JSON.stringify(config), /literal-literal|from-/);
  const unread = loadFine(t, text, { env: options.env }).config.admin.tokens[2]?.token;
  t.throws(() => unread?.reveal(), { code: 'secret_unread' });

  t.strictSame(report(load(text, { ...options, env: {} })), [
    '4:46-51 error admin.tokens[1].token.env: the variable TOKEN is not set.',
  ]);
  const refused = load(text.replace('role: admin', 'role: boss'), options);
  t.equal(refused.ok, false);
  t.notMatch(refused.frameText, /literal-literal/);
  t.equal(
    refused.frameText.length,
    text.replace('role: admin', 'role: boss').length,
    'columns stay where they are',
  );
  t.match(report(load(text.replace('literal-literal-literal', 'short'), options)), [
    /3:38-43 warning admin.tokens\[0\].token: the token has fewer than 16 characters/,
  ]);
  const both = text.replace('{ env: TOKEN }', '{ env: TOKEN, file: x }');
  t.match(report(load(both)), [
    /4:\d+-\d+ error admin.tokens\[1\].token: Write either \{ file: … \} or \{ env: … \}\./,
  ]);
  t.end();
});

t.test('a file is read from disk, paths are relative to it, and a missing one is an error', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-config-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'sluice.yaml');
  writeFileSync(file, 'listen: ":8080"\nservers: [":3001"]\nlogs: { file: logs/sluice.log }\n');
  const options = { env: {}, wallMs: 0 };
  const result = loadConfig({ file }, options);
  t.ok(result.ok);
  if (result.ok) {
    t.equal(result.config.file, file);
    t.equal(result.config.store.path, join(folder, 'data'));
    t.equal(result.config.logs.file, join(folder, 'logs/sluice.log'));
    t.strictSame(result.config.listeners[0]?.source, { file, line: 1 });
  }
  const gone = loadConfig({ file: join(folder, 'other.yaml') }, options);
  t.match(report(gone), [/^0:0-0 error : The file does not exist \(/]);
  t.match(report(loadConfig({ file: folder }, options)), [/The file cannot be read: EISDIR/]);
  t.end();
});

t.test('a start without a file', (t) => {
  const result = loadConfig(onePoolSource(':8080', [':3001', 'backend:3002'], '/srv'), {
    env: {},
    wallMs: 0,
  });
  t.ok(result.ok);
  if (result.ok) {
    t.equal(result.config.file, '<command line>');
    t.strictSame(
      result.config.pools[0]?.servers.map((each) => each.id),
      ['127.0.0.1:3001', 'backend:3002'],
    );
  }
  t.match(report(loadConfig(onePoolSource('8080', [':3001'], '/srv'), { env: {}, wallMs: 0 })), [
    /^2:13-19 error listen: "8080" is not an address. Write ":8080"\./,
  ]);
  t.end();
});

t.test('diagnostics are ranges within their line', (t) => {
  const result = load(aroundPool('health: |', '  /healthz', '  and more', 'retry: 5.5', 'queue:'));
  for (const each of result.ok ? [] : result.diagnostics) {
    t.ok(each.endColumn > each.column, `${each.line}:${each.column}-${each.endColumn}`);
  }
  t.match(report(result), [
    /^6:13-14 error pools.web.health: "\/healthz\\nand more\\n" is not a health check/,
    /^9:12-15 error pools.web.retry: 5.5 is not a whole number from 1 to 100\./,
    /^10:5-10 error pools.web.queue: /,
  ]);
  t.end();
});
