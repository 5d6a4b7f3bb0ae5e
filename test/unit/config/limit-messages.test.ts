/** What is wrong with limits, in the file and beyond it. */
import t from 'tap';
import { diffConfig, showConfig } from '../../../src/config/index.ts';
import { load, loadFine, report } from './loading.ts';

/** The findings, without their places. */
const complaints = (text: string): string[] => report(load(text)).map((each) => each.replace(/^\S+ /, ''));

function file(route: string, more = ''): string {
  return `listeners: { http: { port: 80 } }\nroutes: [{ pool: web, ${route} }]\npools: { web: { servers: [10.0.0.1:80] } }\n${more}`;
}
const SHARED = 'shared_limits: { url: "redis://cache:6379" }';
const redis = (fields: string): string =>
  file('rate_limit: { rate: 1/s, shared: true }', `shared_limits: { ${fields} }`);

t.test('each says what to write instead', async (t) => {
  const rows: readonly (readonly [text: string, ...expected: string[]])[] = [
    [file('concurrency: 0'), 'error routes[0].concurrency: 0 is not a whole number from 1 to 1000000.'],
    [file('concurrency: { key: route }'), 'error routes[0].concurrency: "max" is missing.'],
    [file('bandwidth: 5'), 'error routes[0].bandwidth: 5 has no unit. Write 5KiB/s.'],
    [
      file('bandwidth: { upload: 0B/s }'),
      'error routes[0].bandwidth.upload: "0B/s" is too small. The least is 1B/s.',
    ],
    [file('max_body_size: 10'), 'error routes[0].max_body_size: 10 has no unit.'],
    [
      file('rate_limit: [2/s, { rate: 1/s, shared: true }]'),
      'error routes[0].rate_limit[1].shared: It is not said where limits are shared. Add shared_limits: { url: "redis://host:6379" }.',
    ],
    [
      file('rate_limit: { rate: 1/s, shared: true, burst: 5 }', SHARED),
      'error routes[0].rate_limit.burst: Shared limits are windows, without a burst. Remove burst, or shared.',
    ],
    [
      redis('url: cache'),
      'error shared_limits.url: "cache" is not a place. Write redis://host:6379, or rediss://host:6379 for TLS.',
    ],
    [
      redis('url: "redis://u:p@cache"'),
      'error shared_limits.url: User and password stand beside the URL: username: …, password: { file: … }.',
    ],
    [redis('url: "redis://cache/x"'), 'error shared_limits.url: "/x" is not the number of a database.'],
    [redis('url: "redis://cache", prefix: "a b"'), 'error shared_limits.prefix: "a b" is not a prefix'],
    [
      redis('url: "redis://cache", ca: nowhere.crt'),
      'error shared_limits.ca: Authorities are for TLS only. Write the url with rediss://, or remove the key.',
    ],
  ];
  for (const [text, ...expected] of rows) {
    const found = complaints(text);
    t.equal(found.length, expected.length, found.join('\n'));
    for (const [i, each] of expected.entries()) t.ok(found[i]?.startsWith(each), `${found[i]}\n${each}`);
  }
});

const KEY = `api_keys: [{ name: w, hash: "sha256:${'ab'.repeat(32)}" }]`;

t.test('a limit stands in its list once', async (t) => {
  const twice = 'A limit above counts the same: each request would count twice. Remove one of the two.';
  const rows: readonly (readonly [limits: string, at?: string])[] = [
    ['rate_limit: [10/m, 10/m]', 'rate_limit[1]'],
    ['rate_limit: [1/s, { rate: 1/s, shared: true }]', 'rate_limit[1]'],
    [
      'rate_limit: [{ rate: 1/s, key: "header:X-A", burst: 2 }, 2/s, { rate: 1/s, key: "header:x-a", burst: 2 }]',
      'rate_limit[2]',
    ],
    ['rate_limit: [10/m, 20/m, { rate: 10/m, burst: 10 }, { rate: 10/m, key: route }]'],
    ['rate_limit: [10/m, { rate: 10/m, dry_run: true }]'],
    ['concurrency: [2, 3]', 'concurrency[1]'],
    ['concurrency: [2, { max: 2, dry_run: true }, { max: 2, key: path }]'],
  ];
  for (const [limits, at] of rows)
    t.same(
      complaints(file(limits, SHARED)),
      at === undefined ? [] : [`error routes[0].${at}: ${twice}`],
      limits,
    );
  t.same(complaints(file('auth: api_key', `tenants: { acme: { ${KEY}, concurrency: [5, { max: 5 }] } }`)), [
    `error tenants.acme.concurrency[1]: ${twice}`,
  ]);
  const listener = file('max_body_size: 1MiB').replace('port: 80', 'port: 80, rate_limit: [5/s, 5/s]');
  t.same(complaints(listener), [`error listeners.http.rate_limit[1]: ${twice}`]);
});

const NOBODY = 'this limit counts each client’s address by itself.';
const NEVER = 'no route can find out that a request is of "acme": this is never asked.';
const jwt = (more = ''): string => `auth: { type: jwt, issuer: i, secret: ${'s'.repeat(32)}${more} }`;

t.test('limits of tenants, and by tenant where nobody is one', async (t) => {
  const acme = (fields: string, auth = 'auth: api_key', more = ''): string =>
    file(auth, `tenants: { acme: { ${fields} } }\n${more}`);
  const by = (auth: string, fields = 'rate_limit: { rate: 5/s, key: tenant }'): string =>
    file([fields, auth].filter(Boolean).join(', '), `tenants: { acme: { ${KEY} } }`);
  const rows: readonly (readonly [text: string, ...expected: string[]])[] = [
    [acme(`${KEY}, rate_limit: 500/s, concurrency: 50`)],
    [acme(`${KEY}, rate_limit: [500/s, { rate: 1/s, burst: 5, dry_run: true }], concurrency: [{ max: 5 }]`)],
    [acme(`${KEY}, rate_limit: { rate: 500/s, shared: true }`, 'auth: api_key', SHARED)],
    [
      acme(`${KEY}, rate_limit: { rate: 500/s, shared: true }`),
      'error tenants.acme.rate_limit.shared: It is not said where limits are shared.',
    ],
    [
      acme(`${KEY}, rate_limit: { rate: 500/s, shared: true, burst: 9 }`, 'auth: api_key', SHARED),
      'error tenants.acme.rate_limit.burst: Shared limits are windows, without a burst.',
    ],
    [
      acme(`${KEY}, rate_limit: { rate: 1/s, key: path }`),
      'error tenants.acme.rate_limit: unknown key "key". Known here: rate, burst, dry_run, shared.',
    ],
    [
      acme(`${KEY}, rate_limit: 500`),
      'error tenants.acme.rate_limit: 500 has no unit. Write 500/s or 500/m.',
    ],
    [acme(`${KEY}, concurrency: 0`), 'error tenants.acme.concurrency: 0 is not a whole number'],
    [acme(`${KEY}, quota: 5/d`), 'error tenants.acme: unknown key "quota".'],

    [acme('rate_limit: 5/s', jwt(', tenant_claim: org'))],
    [acme('rate_limit: 5/s', 'auth: { type: forward, url: "http://x/" }')],
    [
      acme('rate_limit: 5/s, concurrency: 5', jwt()),
      `warning tenants.acme.rate_limit: ${NEVER} Give it api_keys, and a route auth: api_key.`,
      `warning tenants.acme.concurrency: ${NEVER}`,
    ],
    [
      acme(`${KEY}, concurrency: 5`, 'max_body_size: 1MiB'),
      `warning tenants.acme.concurrency: ${NEVER} Give a route auth: api_key.`,
    ],

    [by('auth: api_key')],
    [by(jwt(', tenant_claim: org'))],
    [by('auth: { type: forward, url: "http://x/" }')],
    [by('', 'rate_limit: { rate: 5/s, key: "header:tenant" }')],
    [
      by('', 'rate_limit: [1/s, { rate: 5/s, key: tenant }], concurrency: { max: 5, key: tenant }'),
      `warning routes[0].rate_limit[1].key: the route has no auth, so nobody is a tenant here: ${NOBODY} Add auth, or write key: client_ip.`,
      'warning routes[0].concurrency.key: the route has no auth',
    ],
    [
      by('auth: { type: basic, users_file: u }'),
      `warning routes[0].rate_limit.key: auth: basic knows users only, so nobody is a tenant here: ${NOBODY} Write key: client_ip.`,
    ],
    [
      by(jwt()),
      `warning routes[0].rate_limit.key: auth has no tenant_claim, so nobody is a tenant here: ${NOBODY} Add one, or write key: client_ip.`,
    ],
    [
      'listen: ":80"\nservers: [10.0.0.1:80]\nrate_limit: { rate: 5/s, key: tenant }',
      `warning rate_limit.key: the one-pool form has no auth, so nobody is a tenant here: ${NOBODY} Write key: client_ip.`,
    ],
    [by('auth: {}'), 'error routes[0].auth: "type" is missing.'],
  ];
  for (const [text, ...expected] of rows) {
    const found = complaints(text);
    t.equal(found.length, expected.length, `${text}\n${found.join('\n')}`);
    for (const [i, each] of expected.entries()) t.ok(found[i]?.startsWith(each), `${found[i]}\n${each}`);
  }
});

t.test('limits of tenants are shown as they hold, and load again', async (t) => {
  const text = file(
    'auth: api_key',
    'tenants: { acme: { api_keys: [{ name: w, env: KEY }], rate_limit: 500/s, concurrency: [50, { max: 40, dry_run: true }] } }',
  );
  const env = { KEY: 'a-key-that-is-long-enough' };
  const loaded = loadFine(t, text, { env });
  const shown = showConfig(loaded);
  t.match(
    shown,
    /rate_limit:\n +rate: 500\/s # line 4\n +dry_run: false # default\n +shared: false # default/,
  );
  const again = loadFine(t, shown, { env });
  t.ok(diffConfig(loaded.config, again.config).same);
  const tenant = { kind: 'tenant' };
  t.match(loaded.config.tenants[0], {
    rateLimits: [{ count: 500, windowMs: 1000, key: tenant, dryRun: false, shared: false }],
    concurrency: [
      { max: 50, key: tenant, dryRun: false },
      { max: 40, key: tenant, dryRun: true },
    ],
  });
});

t.test('the password is not shown', async (t) => {
  const text = redis('url: "redis://cache", password: "${SECRET}"');
  const shown = showConfig(loadFine(t, text, { env: { SECRET: 'very-secret-indeed' } }));
  t.notMatch(shown, 'very-secret');
  t.match(shown, 'password: ••••');
});
