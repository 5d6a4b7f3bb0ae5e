import t from 'tap';
import { diffConfig, isUnchanged } from '../../../src/config/index.ts';
import { loadFine } from './loading.ts';

const BEFORE = `threads: 2
admin: { tokens: [{ name: a, role: admin, token: "\${TOKEN}" }] }
certificates: { a: { self_signed: [localhost] } }
listeners:
  http: { port: 80 }
  https: { port: 443, tls: { certificates: [a] } }
routes:
  - { name: closed, match: { path: /admin/* }, respond: 403 }
  - { name: moved, match: { path: /old }, redirect: /new }
  - { name: shop, pool: web }
pools:
  web:
    servers: [a:1, { address: b:1, weight: 2 }, c:1]
    health: /healthz
  old: { servers: [d:1] }
`;

t.test('a file and itself, moved about and rewritten in other forms', (t) => {
  const env = { TOKEN: 'secret' };
  const before = loadFine(t, BEFORE, { env }).config;
  const same = diffConfig(before, loadFine(t, BEFORE, { env }).config);
  t.equal(same.same, true);
  t.strictSame(same.routes.kept, ['closed', 'moved', 'shop']);
  t.strictSame(same.servers.get('web')?.kept, ['a:1', 'b:1', 'c:1']);
  const rewritten = `# moved down\n${BEFORE.replace('health: /healthz', 'health: { type: http, path: /healthz, rise: 2 }').replace('threads: 2\n', '')}threads: 2\n`;
  t.equal(diffConfig(before, loadFine(t, rewritten, { env }).config).same, true);
  t.end();
});

t.test('the bytes of a file', (t) => {
  const text = 'listeners: { h: { port: 80 } }\nroutes: [{ respond: { file: a.bin } }]\n';
  const of = (content: string) => loadFine(t, text, { checkFiles: true, readFile: () => content }).config;
  t.equal(diffConfig(of('one'), of('one')).same, true);
  t.match(diffConfig(of('one'), of('two')).routes.changed, [{ what: ['action.body'] }]);
  t.end();
});

t.test('what changed, noun by noun', (t) => {
  const before = loadFine(t, BEFORE, { env: { TOKEN: 'one' } }).config;
  const after = loadFine(
    t,
    `threads: 4
admin: { tokens: [{ name: a, role: admin, token: "\${TOKEN}" }] }
certificates: { a: { self_signed: [localhost, "::1"] } }
listeners:
  https: { port: 443, tls: { certificates: [a], strict_sni: true } }
  plain: { port: 8080 }
routes:
  - { name: moved, match: { path: /old }, redirect: /newer }
  - { name: closed, listeners: [https, plain], match: { path: /admin/* }, respond: 403 }
  - { name: api, match: { path: /api/* }, pool: web }
  - { name: shop, pool: web }
pools:
  web:
    servers: [a:1, { address: b:1, weight: 5, maintenance: true }, { address: e:1 }]
    health: { path: /healthz, interval: 1s, timeout: 1s }
    sticky: cookie
  new: { servers: [d:1] }
`,
    { env: { TOKEN: 'two' } },
  ).config;
  const diff = diffConfig(before, after);
  t.equal(diff.same, false);
  t.strictSame(diff.listeners, {
    kept: [],
    added: ['plain'],
    changed: [{ name: 'https', what: ['tls.strictSni'] }],
    removed: ['http'],
  });
  t.strictSame(diff.routes.added, ['api']);
  t.strictSame(
    diff.routes.changed,
    [
      { name: 'moved', what: ['listeners', 'action.to'] },
      { name: 'closed', what: ['listeners'] },
      { name: 'shop', what: ['listeners'] },
    ],
    'the listeners of a route are the names of all when it names none',
  );
  t.equal(diff.routesReordered, true);
  t.strictSame(diff.pools, {
    kept: [],
    added: ['new'],
    changed: [{ name: 'web', what: ['sticky', 'health.intervalMs', 'health.timeoutMs'] }],
    removed: ['old'],
  });
  t.strictSame(diff.servers.get('web'), {
    kept: ['a:1'],
    added: ['e:1'],
    changed: [{ name: 'b:1', what: ['weight', 'maintenance'] }],
    removed: ['c:1'],
  });
  t.strictSame(diff.servers.get('new')?.added, ['d:1']);
  t.strictSame(diff.servers.get('old')?.removed, ['d:1']);
  t.strictSame(diff.certificates.changed, [{ name: 'a', what: ['names'] }]);
  t.strictSame(diff.settings, ['threads', 'admin.tokens'], 'another secret is a change, though never shown');
  t.equal(isUnchanged(diff.pools), false);
  t.end();
});
