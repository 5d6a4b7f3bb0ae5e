/** `auth` and `tenants`: what is wrong with them, what files they name, what is shown of them. */
import t from 'tap';
import { showConfig } from '../../../src/config/index.ts';
import { hashPassword } from '../../../src/kernel/password-hash.ts';
import { load, loadFine, report } from './loading.ts';

const hash = await hashPassword('secret', Buffer.alloc(16, 1), { ln: 8, r: 8, p: 1 });
const DIGEST = `sha256:${'ab'.repeat(32)}`;

const file = (route: string, ...lines: readonly string[]): string =>
  [
    'listeners: { http: { port: 80 } }',
    `routes: [{ name: api, pool: web, ${route} }]`,
    'pools: { web: { servers: [10.0.0.1:80] } }',
    ...lines,
  ].join('\n');

function findings(text: string, files?: Readonly<Record<string, string>>): string[] {
  const readFile = (path: string): string => {
    const found = files?.[path.replace('/etc/sluice/', '')];
    if (found !== undefined) return found;
    throw Object.assign(new Error('none'), { code: 'ENOENT' });
  };
  const env = { KEY: 'a-key-that-is-long-enough', HASH: hash, WRONG: 'plain' };
  return report(load(text, files ? { checkFiles: true, readFile, env } : { env })).map((each) =>
    each.replace(/^\S+ /, ''),
  );
}

t.test('what is wrong, and what to write instead', (t) => {
  const keys = (key: string): string => file('auth: api_key', `tenants: { acme: { api_keys: [${key}] } }`);
  const rows: readonly (readonly [text: string, ...expected: string[]])[] = [
    [file('auth: basic'), 'error routes[0].auth: "basic" needs more than a word.'],
    [file('auth: { type: basci }'), 'error routes[0].auth.type: "basci" is not one of basic, api_key'],
    [
      file('auth: { type: basic }'),
      'error routes[0].auth: Nobody could log in. Give it users or a users_file.',
    ],
    [
      file('auth: { type: basic, users: { ann: secret } }'),
      'error routes[0].auth.users.ann: It is no hash of a password: make one with `sluice hash password`.',
    ],
    [
      file('auth: { type: basic, users: { ann: $2y$05$abc } }'),
      'error routes[0].auth.users.ann: Only scrypt hashes are known here',
    ],
    [
      file(`auth: { type: basic, users: { "a:b": "${hash}" } }`),
      'error routes[0].auth.users: A name has no colon and no control character.',
    ],
    [
      file('auth: { type: basic, users_file: u, relm: x }'),
      'error routes[0].auth: unknown key "relm" – did you mean "realm"?',
    ],
    [file('auth: api_key'), 'error routes[0].auth: Nobody has a key. Add tenants'],
    [
      file(
        'auth: { type: api_key, header: false }',
        `tenants: { a: { api_keys: [{ name: w, hash: "${DIGEST}" }] } }`,
      ),
      'error routes[0].auth: The key could come from nowhere. Give it a header or a query.',
    ],
    [keys('{ name: w }'), 'error tenants.acme.api_keys[0]: A key comes from one place: hash, file or env.'],
    [keys('{ name: w, hash: secret }'), 'error tenants.acme.api_keys[0].hash: It is no hash of a key.'],
    [
      keys('{ name: w, hash: "sha256:ab" }'),
      'error tenants.acme.api_keys[0].hash: There are 64 hexadecimal digits',
    ],
    [
      keys(`{ name: w, hash: "${DIGEST}", expires: soon }`),
      'error tenants.acme.api_keys[0].expires: "soon" is not a day. Write 2027-06-30',
    ],
    [
      keys(`{ name: a, hash: "${DIGEST}" }, { name: b, hash: "${DIGEST}" }`),
      'error tenants.acme.api_keys[1].hash: the same key stands in line 4: whose is it?',
    ],
    [
      file('auth: api_key', `tenants: { a: { api_keys: [{ name: w, hash: "${DIGEST}" }], routes: [apo] } }`),
      'error tenants.a.routes[0]: no route is called "apo" – did you mean "api"?',
    ],
    [keys(`{ name: w, hash: "${DIGEST}", expires: 2027-06-30 }`)],
    [
      file('cors: shop.example.com'),
      'error routes[0].cors: "shop.example.com" is not an origin. Write https://',
    ],
    [
      file('cors: { origins: [https://a.example/x] }'),
      'error routes[0].cors.origins[0]: "https://a.example/x" has a path. An origin ends with its host or port: "https://a.example".',
    ],
    [
      file('cors: { origins: "*", credentials: true }'),
      'error routes[0].cors.origins: With credentials every page could act for its visitors. Name the origins',
    ],
    [
      file('cors: { origins: "*", methods: [get] }'),
      'error routes[0].cors.methods[0]: "get" is not a method.',
    ],
    [
      file('cors: { origins: "*", headers: ["a b"] }'),
      'error routes[0].cors.headers[0]: "a b" is not the name',
    ],
    [file('cors: { origins: "*", expose: ["*"] }'), 'error routes[0].cors.expose[0]: "*" says nothing'],
    [file('cors: { origins: "*", max_age: 2d }'), 'error routes[0].cors.max_age: "2d" is too large'],
    [file('cors: "*"')],
    [
      file('auth: { type: jwt, issuer: i }'),
      'error routes[0].auth: Tokens are checked with keys from one place: jwks or secret.',
    ],
    [
      file('auth: { type: jwt, issuer: i, jwks: "ftp://x/y" }'),
      'error routes[0].auth.jwks: "ftp://x/y" is not a URL. Write one like https://',
    ],
    [
      file('auth: { type: jwt, issuer: i, jwks: "https://x/y", algorithms: [HS256] }'),
      'error routes[0].auth.algorithms: HS256 takes a secret, and a public key is none: whoever knows it could sign.',
    ],
    [
      file('auth: { type: jwt, issuer: i, jwks: "https://x/y", algorithms: [none] }'),
      'error routes[0].auth.algorithms[0]: "none" is not one of RS256',
    ],
    [
      file(`auth: { type: jwt, issuer: i, secret: ${'s'.repeat(32)}, algorithms: [ES256] }`),
      'error routes[0].auth.algorithms: ES256 takes a key pair: name its public keys by jwks.',
    ],
    [
      file('auth: { type: jwt, issuer: i, secret: short }'),
      'error routes[0].auth.secret: A secret that signs tokens has 32 characters at least.',
    ],
    [
      file('auth: { type: jwt, issuer: i, jwks: "https://x/y", fields: { content-length: a } }'),
      'error routes[0].auth.fields: "content-length" frames the message',
    ],
    [file('auth: { type: forward }'), 'error routes[0].auth: "url" is missing.'],
    [
      file('auth: { type: forward, url: "http://u:p@x/" }'),
      'error routes[0].auth.url: The URL has a user, a password or a "#". Write it without.',
    ],
    [
      file('auth: { type: forward, url: "http://x/", fail: opened }'),
      'error routes[0].auth.fail: "opened" is not one of closed, open – did you mean "open"?',
    ],
    [
      file('auth: { type: forward, url: "http://x/", copy: [Host] }'),
      'error routes[0].auth.copy[0]: The Host field',
    ],
    [file('auth: { type: basic, users: { ann: { env: HASH } } }')],
    [file('auth: {}'), 'error routes[0].auth: "type" is missing. Write one of basic, api_key, jwt, forward.'],
    [file('auth: jwt'), 'error routes[0].auth: "jwt" needs more than a word. Write { type: jwt, issuer'],
    [file('auth: [api_key]'), 'error routes[0].auth: a text or a mapping (key: value) is needed here'],
    [
      keys(`{ name: w, hash: "${DIGEST}" }`).replace(
        'auth: api_key',
        'auth: { type: api_key, header: host }',
      ),
      'error routes[0].auth.header: The Host field',
    ],
    [
      file('auth: { type: jwt, issuer: i, jwks: "http://id.example.com/k" }'),
      'warning routes[0].auth.jwks: these keys come without TLS',
    ],
    [file('auth: { type: jwt, issuer: i, jwks: "http://keycloak:8080/k" }')],
    [file('auth: { type: jwt, issuer: i, jwks: "http://10.0.0.9/k" }')],
    [
      file('auth: { type: jwt, issuer: i, jwks: "https://x/", fields: { X_Auth-User: email } }'),
      'error routes[0].auth.fields: Servers get "X_Auth-User" anyway: user_claim says',
    ],
    [
      file('auth: { type: forward, url: "http://x/", copy: [X-Auth-Tenant, "*"] }'),
      'error routes[0].auth.copy[0]: Servers get "X-Auth-Tenant" anyway: tenant_field says',
      'error routes[0].auth.copy[1]: "*" stands for no fields here. Name them.',
    ],
    [
      file(`auth: { type: basic, users: { ann: "${hash.replace('ln=8', 'ln=30')}" } }`),
      'error routes[0].auth.users.ann: It is not whole, or checking it would take more than 128 MiB',
    ],
    [file('cors: "https://*.com"'), 'error routes[0].cors: "https://*.com" is everybody under .com.'],
    [file('cors: "https://*.localhost"')],
  ];
  for (const [text, ...expected] of rows) {
    const found = findings(text);
    t.equal(found.length, expected.length, text, { found });
    for (const [index, each] of expected.entries()) t.ok(found[index]?.startsWith(each), text, { found });
  }
  t.end();
});

t.test('with the files and variables', (t) => {
  const users = file('auth: { type: basic, users_file: users }');
  const jwks = file('auth: { type: jwt, issuer: i, jwks: keys }');
  const key = (source: string): string =>
    file('auth: api_key', `tenants: { acme: { api_keys: [{ name: w, ${source} }] } }`);
  const rows: readonly (readonly [text: string, files: Record<string, string>, expected?: string])[] = [
    [users, { users: `ann:${hash}\n` }],
    [users, {}, 'error routes[0].auth.users_file: the file of users "users" does not exist'],
    [users, { users: '# nobody yet\n' }, 'error routes[0].auth.users_file: "users" names nobody'],
    [users, { users: 'ann:plain\n' }, 'error routes[0].auth.users_file: "users", line 1: It is no hash'],
    [
      file('auth: { type: basic, users: { ann: { env: WRONG } } }'),
      {},
      'error routes[0].auth.users.ann.env: It is no hash',
    ],
    [key('file: key'), { key: 'a-key-that-is-long-enough\n' }],
    [key('file: key'), { key: `${DIGEST}\n` }],
    [
      key('file: key'),
      { key: 'short\n' },
      'warning tenants.acme.api_keys[0].file: the key has fewer than 16',
    ],
    [key('file: key'), { key: '\n' }, 'error tenants.acme.api_keys[0].file: the file "key" is empty.'],
    [key('env: KEY'), {}],
    [jwks, { keys: '{"keys":[{"kty":"RSA","n":"x","e":"AQAB"}]}' }],
    [jwks, {}, 'error routes[0].auth.jwks: the key set "keys" does not exist'],
    [jwks, { keys: '[' }, 'error routes[0].auth.jwks: "keys" is no JWK Set: it is not JSON.'],
    [jwks, { keys: '{"keys":[]}' }, 'error routes[0].auth.jwks: "keys" is no JWK Set: write'],
    [
      jwks,
      { keys: '{"keys":[{"kty":"RSA","d":"x"}]}' },
      'error routes[0].auth.jwks: "keys" is no JWK Set: it holds a private',
    ],
    [
      file('auth: { type: jwt, issuer: i, secret: { env: WRONG } }'),
      {},
      'error routes[0].auth.secret.env: a secret that signs tokens has 32 characters at least.',
    ],
    [key('env: NONE'), {}, 'error tenants.acme.api_keys[0].env: the variable NONE is not set.'],
    [
      key(`hash: "${DIGEST}", expires: 2026-11-19`),
      {},
      'warning tenants.acme.api_keys[0].expires: this key ended with 2026-11-19: it is refused.',
    ],
  ];
  for (const [text, files, expected] of rows) {
    const found = findings(text, files);
    t.equal(found.length, expected === undefined ? 0 : 1, text, { found });
    if (expected !== undefined) t.ok(found[0]?.startsWith(expected), text, { found });
  }
  t.end();
});

t.test('hashes are shown nowhere', (t) => {
  const text = file(
    `auth: { type: basic, users: { ann: "${hash}", bob: { env: HASH } } }`,
    `tenants: { acme: { api_keys: [{ name: w, hash: "${DIGEST}" }, { name: x, env: KEY }] } }`,
  );
  const loaded = loadFine(t, text, { env: { HASH: hash, KEY: 'a-key-that-is-long-enough' } });
  const shown = showConfig(loaded);
  t.notMatch(shown, /scrypt|abab/);
  t.match(shown, /ann: ••••/);
  t.match(shown, /env: HASH/);
  t.notMatch(loaded.frameText, /scrypt|abab/);
  t.notMatch(JSON.stringify(loaded.config), /scrypt|abab|long-enough/);
  const secret = loadFine(t, file(`auth: { type: jwt, issuer: i, secret: ${'s'.repeat(40)} }`));
  t.notMatch(showConfig(secret) + secret.frameText + JSON.stringify(secret.config), /sssss/);
  t.end();
});

t.test('a day ends in UTC', (t) => {
  const of = (expires: string): number | undefined => {
    const key = `{ name: w, hash: "${DIGEST}", expires: ${expires} }`;
    const { config } = loadFine(t, file('auth: api_key', `tenants: { a: { api_keys: [${key}] } }`));
    return config.tenants[0]?.keys[0]?.expiresMs;
  };
  t.equal(of('2027-06-30'), Date.UTC(2027, 6, 1));
  t.equal(of('"2027-06-30T12:00:00+02:00"'), Date.UTC(2027, 5, 30, 10));
  t.end();
});
