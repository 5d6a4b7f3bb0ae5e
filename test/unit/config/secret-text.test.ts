/** What `check` prints of a file never shows a secret, whatever is wrong with the key that it stands under. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { renderDiagnostics } from '../../../src/config/check-text.ts';
import { secrecyOf } from '../../../src/config/secret-names.ts';
import { load } from './loading.ts';

/** The text as frames are cut from it. */
const shownOf = (text: string): string => load(text).frameText;
const SMALL = 'listen: ":8080"\nservers: [127.0.0.1:3001]\n';
const MADE = 'q8Zr1bX0vT7kLm4WcY2n';

t.test('values under keys that look like a secret', (t) => {
  const hidden: [what: string, yaml: string][] = [
    ['unknown at the top', 'password: hunter2'],
    ['a number', 'password: 70707070'],
    ['misspelt: a letter too few', 'pasword: hunter2'],
    ['misspelt: two that changed places', 'secert: hunter2'],
    ['misspelt: another letter', 'passwort: hunter2'],
    ['misspelt: one too many', 'tokken: hunter2'],
    ['with words around it', 'admin_pasword_2: hunter2'],
    ['in camel case', 'adminToken: hunter2'],
    ['without a gap', 'dbpassword: hunter2'],
    ['with dashes, in upper case', 'X-API-Key: hunter2'],
    ['in quotes', '"client secret": "hunter2"'],
    ['a list', 'tokens: [hunter2, hunter22]'],
    ['a list in lines', 'secrets:\n  - hunter2\n  - hunter22'],
    ['below another key', 'password: { text: hunter2 }'],
    ['deep below', 'credentials:\n  redis: { user: { value: hunter2 } }'],
    ['in place under a noun', 'admin: { tokens: [{ name: a, role: admin, tokn: hunter2 }] }'],
    ['a known key in the wrong place', 'pools: { web: { servers: ["a:1"], secret: hunter2 } }'],
    ['people by name', 'routes: [{ auth: { type: basic, users: { ann: hunter2 } } }]'],
    ['several lines', 'secret: |\n  hunter2\n  hunter22'],
    ['through an alias', 'a: &p hunter2\npassword: *p'],
    ['beside a variable', 'password: "${WORD:-hunter2}"'],
    ['a field that is set', 'routes: [{ headers: { request: { set: { authorization: Basic hunter2 } } } }]'],
    ['key material', `key: ${MADE}`],
    ['the first of two', 'admin: { token: hunter2, token: hunter22 }'],
    ['the first of two, in lines', 'admin:\n  token: hunter2\n  token: hunter22'],
    ['people of whom two have one name', 'users:\n  ann: hunter2\n  ann: hunter22'],
    ['all below a key that is there twice', 'redis:\n  password: hunter2\nredis:\n  password: hunter22'],
    ['in place under a noun, by another word', `admin: { tokens: [{ name: a, value: ${MADE} }] }`],
    ['key material in a list', `keys: [${MADE}]`],
    ['a hash under any key', `foo: "sha256:${MADE}"`],
    ['a hash of a password under any key', `foo: "$scrypt$ln=15,r=8,p=3$${MADE}$hunter2"`],
    [
      'a private key under any key',
      'foo: |\n  -----BEGIN EC PRIVATE KEY-----\n  hunter2\n  -----END EC PRIVATE KEY-----',
    ],
    ['in a URL', 'foo: redis://user:hunter2@10.0.0.1:6379'],
  ];
  for (const [what, yaml] of hidden) {
    const shown = shownOf(`${SMALL}${yaml}\n`);
    t.notMatch(shown, /hunter2|7070|q8Zr1/, what);
    t.equal(shown.length, SMALL.length + yaml.length + 1, `${what}: columns stay`);
    // The same in a file that is no YAML any more.
    for (const broken of [`${yaml}\n}{`, `x: [1\n${yaml}`, `${yaml}\n a\n\t: [`])
      t.notMatch(shownOf(`${broken}\n`), /hunter2|7070|q8Zr1/, `${what}: ${JSON.stringify(broken)}`);
  }
  t.end();
});

t.test('what is harmless is shown', (t) => {
  const shown = [
    'key: client_ip',
    'rate_limit: { rate: 10/s, key: "header:x-api-key-2024-name" }',
    'tls: { cert: certs/shop-2024.crt, key: certs/shop-2024-05-01.key }',
    'hash: { key: "cookie:session", table: ring }',
    'password: { file: /run/secrets/redis_2024 }',
    'token: { env: SLUICE_ADMIN_TOKEN }',
    'token: "${SLUICE_ADMIN_TOKEN:?set SLUICE_ADMIN_TOKEN}"',
    'admin: { tokens: [{ name: ops, role: admin, foo: bar }] }',
    'password_file: secrets/one',
    'token_url: https://id.example/token',
    'cors: { credentials: true }',
    'pass_credentials: false',
    'auth: api_key',
    'sticky: { cookie: sluice }',
    'panic: 50%',
    'foo: http://10.0.0.1:8080/a@b:c',
  ];
  for (const yaml of shown) t.equal(shownOf(`${SMALL}${yaml}\n`), `${SMALL}${yaml}\n`, yaml);
  t.end();
});

t.test('of the keys that there are, these are taken for secrets', (t) => {
  const schema: unknown = JSON.parse(readFileSync('config/sluice.schema.json', 'utf8'));
  const names = new Set<string>();
  const collect = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    const { properties } = node as { properties?: object };
    for (const name of Object.keys(properties ?? {})) names.add(name);
    for (const each of Object.values(node)) collect(each);
  };
  collect(schema);
  const of = (secrecy: string): string[] => [...names].filter((name) => secrecyOf(name) === secrecy).sort();
  t.same(of('all'), [
    'api_keys',
    'credentials',
    'pass_credentials',
    'password',
    'secret',
    'token',
    'tokens',
    'users',
  ]);
  t.same(of('material'), ['cert', 'hash', 'jwks', 'key']);
  t.end();
});

t.test('in the frame that is printed', (t) => {
  const { diagnostics, frameText } = load(
    `${SMALL}shared_limits:\n  url: redis://h\n  pasword: hunter2\n`,
  ) as {
    diagnostics: Parameters<typeof renderDiagnostics>[0];
    frameText: string;
  };
  const text = renderDiagnostics(diagnostics, { colour: false, text: frameText });
  t.match(text, /unknown key "pasword" – did you mean "password"/);
  t.match(text, /pasword: •••••••$/m);
  t.notMatch(text, 'hunter2');
  t.end();
});

t.test('in what is said of it', (t) => {
  const of = (yaml: string): string[] => {
    const result = load(`listeners: { http: { port: 8080 } }\n${yaml}\n`, { env: { WORD: 'hunter2' } });
    return (result.ok ? result.warnings : result.diagnostics).map((each) => `${each.path}: ${each.message}`);
  };
  const hidden = [
    'admin: { tokens: hunter2 }',
    'admin: { tokens: [hunter2] }',
    'tenants: { acme: { api_keys: hunter2 } }',
    'routes: [{ respond: 204, auth: { type: basic, users: hunter2 } }]',
    'routes: [{ respond: 204, auth: { type: basic, users: { ann: hunter2 } } }]',
    'shared_limits: { url: "redis://h", password: 70707070 }',
    'admin: { tokens: "${WORD}" }',
  ];
  for (const yaml of hidden) {
    const said = of(yaml).join('\n');
    t.not(said, '', yaml);
    t.notMatch(said, /hunter2|7070/, yaml);
  }
  t.match(of('admin: { tokens: hunter2 }').at(-1), 'admin.tokens: a list is needed here, not the text ••••.');
  t.match(
    of('admin: { tokens: [{ name: a, role: chief, token: x }] }').join('\n'),
    /chief/,
    'what is none is said',
  );
  t.match(of('admin: { listen: 70 }').join('\n'), /70/);
  t.end();
});
